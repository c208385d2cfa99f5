"""The questions that the usher asks of its own tables, and of the ledger's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import connection, models
from django.db.models import Prefetch
from django.utils import timezone

from ipam.addresses import Address, host_network, supernets
from ipam.fields import AddressField, NetworkField
from ipam.models import Server

if TYPE_CHECKING:
    from pxe.models import BootAssignment, BootEvent, BootImage, BootMenu  # noqa: F401  (in the base classes' parameters)

OPEN = ("waiting", "offered")
KEPT_EVENTS = 200  # of one server
KEPT_STRANGERS = 10_000  # events of machines that are no servers of ours


class ImageQuerySet(models.QuerySet["BootImage"]):
    """Boot images."""

    def bootable(self) -> ImageQuerySet:
        """The enabled ones in the order of menus, with their files: two queries."""
        return self.filter(enabled=True).with_files().order_by("position", "name")

    def with_files(self) -> ImageQuerySet:
        return self.select_related("kernel").prefetch_related(initrds())


def initrds(before: str = "") -> Prefetch:
    """The initrds of images, each with its file."""
    from pxe.models import BootInitrd

    return Prefetch(f"{before}initrd_rows", BootInitrd.objects.select_related("file"))


class MenuQuerySet(models.QuerySet["BootMenu"]):
    """Menus."""

    def of(self, server: Server | None, source: Address | None) -> list[BootMenu]:
        """A machine's own menu, else that of the most specific subnet around it that has one, else
        the default one, and after it its submenus. Nothing: there is no default menu. One query."""
        address = server.ip_address if server and server.ip_address else source
        around = list(supernets(host_network(address))) if address else []
        asked = [NetworkField().get_db_prep_value(one, connection) for one in around]
        sql = _SHOWN.format(around=", ".join(["%s"] * len(asked)) or "NULL")
        return list(self.raw(sql, [server and server.pk, *asked]))

    def choices(self, menus: Sequence[BootMenu]) -> dict[int, set[int]]:
        """Which images each of these menus offers, for those that do not offer every image. One
        query."""
        found: dict[int, set[int]] = {menu.pk: set() for menu in menus if not menu.all_images}
        pairs = self.model.images.through.objects.filter(bootmenu__in=list(found))
        for menu_id, image_id in pairs.values_list("bootmenu", "bootimage"):
            found[menu_id].add(image_id)
        return found


_SHOWN = """
WITH shown AS (
    SELECT menu_id AS id, 0 AS way, NULL AS network FROM boot_menu_servers WHERE server_id = %s
    UNION ALL SELECT r.menu_id, 1, s.network FROM boot_menu_subnets r JOIN subnets s ON s.id = r.subnet_id
        WHERE s.vrf_id IS NULL AND s.network IN ({around})
    UNION ALL SELECT id, 2, NULL FROM boot_menus WHERE is_default
    ORDER BY way, network DESC LIMIT 1
)
SELECT m.* FROM shown JOIN boot_menus m ON m.id = shown.id OR m.parent_id = shown.id
ORDER BY CASE m.id WHEN shown.id THEN 0 ELSE 1 END, m.name
"""


class AssignmentQuerySet(models.QuerySet["BootAssignment"]):
    """Who shall boot what."""

    def open(self) -> AssignmentQuerySet:
        """Those that still mean something."""
        return self.filter(state__in=OPEN)

    def of(self, server: Server) -> AssignmentQuerySet:
        """A server's open ones with all that booting needs, `once` first."""
        rows = self.open().filter(server=server).select_related("image__kernel", "image__answers")
        return rows.prefetch_related(initrds("image__")).order_by("-mode")


class EventQuerySet(models.QuerySet["BootEvent"]):
    """What machines have done."""

    def of(self, server: Server) -> EventQuerySet:
        """A server's, newest first."""
        return self.filter(server=server).select_related("image").order_by("-pk")

    def forget_old(self, server_id: int) -> None:
        """Keep the newest of a server."""
        _keep("server_id = %s", [server_id], KEPT_EVENTS)

    def forget_strangers(self) -> None:
        """Keep the newest of all whom nobody knows."""
        _keep("server_id IS NULL", [], KEPT_STRANGERS)


def _keep(whose: str, params: list[int], number: int) -> None:
    """In SQL of our own: Django would take longer to write it than the database to do it, and
    machines wait."""
    edge = f"SELECT id FROM boot_events WHERE {whose} ORDER BY id DESC LIMIT 1 OFFSET {number}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM boot_events WHERE {whose} AND id <= ({edge})", [*params, *params]
        )


def claims(
    mac: str | None = None,
    uuid: UUID | None = None,
    serial: str = "",
    source: Address | None = None,
) -> list[Claim]:
    """Whom we know by one of these, the weightiest first. One query."""
    asked = {
        "mac": mac,
        "source": AddressField().get_db_prep_value(source, connection),
        "uuid": models.UUIDField().get_db_prep_value(uuid, connection),
        "serial": serial,
        "now": connection.ops.adapt_datetimefield_value(timezone.now()),
    }
    found: Iterable[Any] = Server.objects.raw(_CLAIMS, asked)
    return [
        Claim(row.way, row, bool(row.is_assigned), bool(row.was_installed), row.card)
        for row in found
    ]


class Way(IntEnum):
    """How a machine is known: by what it says of itself, then by the address that it speaks
    from."""

    (
        OWN_CARD,
        FURTHER_CARD,
        UUID,
        SERIAL,
        OWN_ADDRESS,
        FURTHER_ADDRESS,
        LEASE,
        LEASE_OF_FURTHER_CARD,
        CARD,
    ) = range(9)


class Claim(NamedTuple):
    """A server that it may be. `is_assigned`: it has open assignments; `was_installed`: it has been
    through an installation, and from then on nobody chooses one but people. Way.CARD has no server
    but the card that leased the address."""

    way: Way
    server: Server
    is_assigned: bool
    was_installed: bool
    card: str


# Our servers: enabled, in the global address space.
_CLAIMS = f"""
WITH lease AS (
    SELECT mac_address FROM sightings WHERE vrf_id IS NULL AND source = 'lease' AND ip_address = %(source)s
        AND leased_until > %(now)s AND mac_address IS NOT NULL ORDER BY seen_at DESC LIMIT 1
)
SELECT h.*, c.way, c.card,
    EXISTS (SELECT 1 FROM boot_assignments WHERE server_id = h.id AND state IN {OPEN}) AS is_assigned,
    EXISTS (
        SELECT 1 FROM boot_assignments WHERE server_id = h.id AND mode = 'once' AND state NOT IN {OPEN}
    ) AS was_installed
FROM (
    SELECT {Way.OWN_CARD} AS way, id, NULL AS card FROM hosts WHERE mac_address = %(mac)s
    UNION ALL SELECT {Way.FURTHER_CARD}, server_id, NULL FROM interfaces WHERE mac_address = %(mac)s
    UNION ALL SELECT {Way.UUID}, server_id, NULL FROM boot_identities WHERE uuid = %(uuid)s
    UNION ALL SELECT {Way.SERIAL}, server_id, NULL FROM boot_identities WHERE serial = %(serial)s AND serial <> ''
    UNION ALL SELECT {Way.OWN_ADDRESS}, id, NULL FROM hosts WHERE ip_address = %(source)s
    UNION ALL SELECT {Way.FURTHER_ADDRESS}, server_id, NULL FROM interfaces WHERE ip_address = %(source)s
    UNION ALL SELECT {Way.LEASE}, h.id, NULL FROM lease JOIN hosts h USING (mac_address)
    UNION ALL SELECT {Way.LEASE_OF_FURTHER_CARD}, i.server_id, NULL FROM lease JOIN interfaces i USING (mac_address)
    UNION ALL SELECT {Way.CARD}, NULL, CAST(mac_address AS text) FROM lease
) c LEFT JOIN hosts h ON h.id = c.id AND h.vrf_id IS NULL AND h.enabled
WHERE h.id IS NOT NULL OR c.way = {Way.CARD} ORDER BY c.way, h.id
"""
