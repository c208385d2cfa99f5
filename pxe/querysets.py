"""Queries of network boot, over its own tables and the ledger's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import connection, models
from django.db.models import Prefetch, Q
from django.utils import timezone

from ipam.addresses import Address, Network, host_network, supernets
from ipam.fields import AddressField, NetworkField
from ipam.models import Server
from ipam.querysets import inside

if TYPE_CHECKING:
    # The type parameters of the base classes.
    from pxe.models import BootAssignment, BootEvent, BootImage, BootMenu  # noqa: F401

OPEN = ("waiting", "offered")
KEPT_EVENTS = 200  # of one server
KEPT_UNKNOWN = 10_000  # events of unknown machines


class ImageQuerySet(models.QuerySet["BootImage"]):
    """Boot images."""

    def confined(self, networks: Iterable[Network]) -> ImageQuerySet:
        """All of them: images belong to no network, and every machine may boot each."""
        return self.all()

    def bootable(self) -> ImageQuerySet:
        """The enabled images in menu order, with their files. Two queries."""
        return self.filter(enabled=True).with_files().order_by("position", "name")

    def with_files(self) -> ImageQuerySet:
        """Load the kernel and the initrds with each image."""
        return self.select_related("kernel").prefetch_related(initrds())


def initrds(before: str = "") -> Prefetch:
    """Prefetch the initrds of images, each with its file."""
    from pxe.models import BootInitrd

    return Prefetch(f"{before}initrd_rows", BootInitrd.objects.select_related("file"))


class MenuQuerySet(models.QuerySet["BootMenu"]):
    """Boot menus."""

    def of(self, server: Server | None, source: Address | None) -> list[BootMenu]:
        """The menu of a machine, followed by its submenus. One query.

        It is the server's own menu, else that of the most specific subnet around the address, else
        the default menu; without any of these the list is empty."""
        address = source
        if server and server.ip_address:
            address = server.ip_address
        around = list(supernets(host_network(address))) if address else []
        networks = [NetworkField().get_db_prep_value(network, connection) for network in around]
        sql = _SHOWN.format(around=", ".join(["%s"] * len(networks)) or "NULL")
        return list(self.raw(sql, [server and server.pk, *networks]))

    def choices(self, menus: Sequence[BootMenu]) -> dict[int, set[int]]:
        """The ids of the images in each of these menus, without menus that offer every image. One
        query."""
        found: dict[int, set[int]] = {menu.pk: set() for menu in menus if not menu.all_images}
        pairs = self.model.images.through.objects.filter(bootmenu__in=list(found))
        for menu_id, image_id in pairs.values_list("bootmenu", "bootimage"):
            found[menu_id].add(image_id)
        return found


_SHOWN = """
WITH shown AS (
    SELECT menu_id AS id, 0 AS priority, NULL AS network
        FROM boot_menu_servers WHERE server_id = %s
    UNION ALL SELECT r.menu_id, 1, s.network
        FROM boot_menu_subnets r JOIN subnets s ON s.id = r.subnet_id
        WHERE s.vrf_id IS NULL AND s.network IN ({around})
    UNION ALL SELECT id, 2, NULL FROM boot_menus WHERE is_default
    ORDER BY priority, network DESC LIMIT 1
)
SELECT m.* FROM shown JOIN boot_menus m ON m.id = shown.id OR m.parent_id = shown.id
ORDER BY CASE m.id WHEN shown.id THEN 0 ELSE 1 END, m.name
"""


class AssignmentQuerySet(models.QuerySet["BootAssignment"]):
    """Boot assignments."""

    def confined(self, networks: Iterable[Network]) -> AssignmentQuerySet:
        """Those of servers inside one of the networks."""
        return self.filter(server__in=Server.objects.confined(networks))

    def open(self) -> AssignmentQuerySet:
        """Those that are waiting or offered."""
        return self.filter(state__in=OPEN)

    def of(self, server: Server) -> AssignmentQuerySet:
        """A server's open assignments with everything that booting needs, boot-once first."""
        rows = self.open().filter(server=server).select_related("image__kernel", "image__answers")
        return rows.prefetch_related(initrds("image__")).order_by("-mode")


class BootEventQuerySet(models.QuerySet["BootEvent"]):
    """Boot events."""

    def confined(self, networks: Iterable[Network]) -> BootEventQuerySet:
        """Those of servers inside one of the networks, from no address elsewhere."""
        here = list(networks)
        return self.filter(
            Q(ip_address=None) | inside("ip_address", here),
            server__in=Server.objects.confined(here),
        )

    def offers_at(self, assignment: BootAssignment, source: Address | None) -> BootEventQuerySet:
        """How often the assigned image was offered at this source address."""
        return self.filter(assignment=assignment, kind="offer", ip_address=source)

    def of(self, server: Server) -> BootEventQuerySet:
        """The events of a server, those that happened last first: dnsmasq's log is read later."""
        return self.filter(server=server).select_related("image").order_by("-at", "-pk")

    def forget_old(self, server_id: int) -> None:
        """Delete all but the newest KEPT_EVENTS of a server."""
        _trim("server_id = %s", [server_id], KEPT_EVENTS)

    def forget_unknown(self) -> None:
        """Delete all but the newest KEPT_UNKNOWN of unknown machines."""
        _trim("server_id IS NULL", [], KEPT_UNKNOWN)


def _trim(condition: str, params: list[int], kept: int) -> None:
    """Delete the oldest events, in plain SQL: building this query with the ORM takes longer than
    the query, while a machine waits."""
    oldest = f"SELECT id FROM boot_events WHERE {condition} ORDER BY id DESC LIMIT 1 OFFSET {kept}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM boot_events WHERE {condition} AND id <= ({oldest})", [*params, *params]
        )


class MatchedBy(IntEnum):
    """How a machine was recognised, the strongest evidence first: what it claims about itself, then
    its source address."""

    OWN_CARD = 0
    FURTHER_CARD = 1
    UUID = 2
    SERIAL = 3
    OWN_ADDRESS = 4
    FURTHER_ADDRESS = 5
    LEASE = 6
    LEASE_OF_FURTHER_CARD = 7
    CARD = 8


class Match(NamedTuple):
    """A server that the machine may be.

    `is_assigned`: the server has open assignments. `was_installed`: it has been through an
    installation. A match by CARD has no server, only the MAC that leased the source address."""

    matched_by: MatchedBy
    server: Server
    is_assigned: bool
    was_installed: bool
    card: str


def matches(
    mac: str | None = None,
    uuid: UUID | None = None,
    serial: str = "",
    source: Address | None = None,
) -> list[Match]:
    """The servers known by one of these, the strongest evidence first. One query."""
    params = {
        "mac": mac,
        "source": AddressField().get_db_prep_value(source, connection),
        "uuid": models.UUIDField().get_db_prep_value(uuid, connection),
        "serial": serial,
        "now": connection.ops.adapt_datetimefield_value(timezone.now()),
    }
    rows: Iterable[Any] = Server.objects.raw(_MATCHES, params)
    return [
        Match(row.matched_by, row, bool(row.is_assigned), bool(row.was_installed), row.card)
        for row in rows
    ]


# Enabled servers in the global address space.
_MATCHES = f"""
WITH lease AS (
    SELECT mac_address FROM sightings
    WHERE vrf_id IS NULL AND source = 'lease' AND ip_address = %(source)s
        AND leased_until > %(now)s AND mac_address IS NOT NULL
    ORDER BY seen_at DESC LIMIT 1
)
SELECT h.*, c.matched_by, c.card,
    EXISTS (
        SELECT 1 FROM boot_assignments WHERE server_id = h.id AND state IN {OPEN}
    ) AS is_assigned,
    EXISTS (
        SELECT 1 FROM boot_assignments
        WHERE server_id = h.id AND mode = 'once' AND state NOT IN {OPEN}
    ) AS was_installed
FROM (
    SELECT {MatchedBy.OWN_CARD} AS matched_by, id, NULL AS card
        FROM hosts WHERE mac_address = %(mac)s
    UNION ALL SELECT {MatchedBy.FURTHER_CARD}, server_id, NULL
        FROM interfaces WHERE mac_address = %(mac)s
    UNION ALL SELECT {MatchedBy.UUID}, server_id, NULL
        FROM boot_identities WHERE uuid = %(uuid)s
    UNION ALL SELECT {MatchedBy.SERIAL}, server_id, NULL
        FROM boot_identities WHERE serial = %(serial)s AND serial <> ''
    UNION ALL SELECT {MatchedBy.OWN_ADDRESS}, id, NULL
        FROM hosts WHERE ip_address = %(source)s
    UNION ALL SELECT {MatchedBy.FURTHER_ADDRESS}, server_id, NULL
        FROM interfaces WHERE ip_address = %(source)s
    UNION ALL SELECT {MatchedBy.LEASE}, h.id, NULL
        FROM lease JOIN hosts h USING (mac_address)
    UNION ALL SELECT {MatchedBy.LEASE_OF_FURTHER_CARD}, i.server_id, NULL
        FROM lease JOIN interfaces i USING (mac_address)
    UNION ALL SELECT {MatchedBy.CARD}, NULL, CAST(mac_address AS text)
        FROM lease
) c LEFT JOIN hosts h ON h.id = c.id AND h.vrf_id IS NULL AND h.enabled
WHERE h.id IS NOT NULL OR c.matched_by = {MatchedBy.CARD}
ORDER BY c.matched_by, h.id
"""
