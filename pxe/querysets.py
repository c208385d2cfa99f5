"""The questions that the usher asks of its own tables, and of the ledger's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import Prefetch, Q
from django.utils import timezone

from ipam.addresses import Address, host_network, supernets
from ipam.models import Interface, Server, Sighting

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

    def of(self, server: Server | None, source: Address | None) -> BootMenu | None:
        """A machine's own menu, else that of the most specific subnet around it that has one, else the default one."""
        own = self.filter(server_rows__server=server).first() if server else None
        return own or self._around(server, source) or self.filter(is_default=True).first()

    def _around(self, server: Server | None, source: Address | None) -> BootMenu | None:
        address = server.ip_address if server and server.ip_address else source
        if address is None:
            return None
        networks = list(supernets(host_network(address)))
        here = self.filter(subnet_rows__subnet__network__in=networks, subnet_rows__subnet__vrf=None)
        return here.order_by("subnet_rows__subnet__network").last()

    def choices(self, menus: Sequence[BootMenu]) -> dict[int, set[int]]:
        """Which images each of these menus offers, for those that do not offer every image. One query."""
        found: dict[int, set[int]] = {menu.pk: set() for menu in menus if not menu.all_images}
        pairs = self.model.images.through.objects.filter(bootmenu__in=list(found))
        for menu_id, image_id in pairs.values_list("bootmenu", "bootimage"):
            found[menu_id].add(image_id)
        return found


class AssignmentQuerySet(models.QuerySet["BootAssignment"]):
    """Who shall boot what."""

    def open(self) -> AssignmentQuerySet:
        """Those that still mean something."""
        return self.filter(state__in=OPEN)

    def of(self, server: Server) -> AssignmentQuerySet:
        """A server's open ones with all that booting needs, `once` first."""
        rows = self.open().filter(server=server).select_related("image__kernel", "image__answers")
        return rows.prefetch_related(initrds("image__")).order_by("-mode")

    def ended_once(self, server: Server) -> bool:
        """Whether the server has been through an installation: from then on nobody chooses one but people."""
        return self.filter(server=server, mode="once").exclude(state__in=OPEN).exists()


class EventQuerySet(models.QuerySet["BootEvent"]):
    """What machines have done."""

    def of(self, server: Server) -> EventQuerySet:
        """A server's, newest first."""
        return self.filter(server=server).select_related("image").order_by("-pk")

    def forget_old(self, server_id: int) -> None:
        """Keep the newest of a server."""
        self._keep(self.filter(server=server_id), KEPT_EVENTS)

    def forget_strangers(self) -> None:
        """Keep the newest of all whom nobody knows."""
        self._keep(self.filter(server=None), KEPT_STRANGERS)

    def _keep(self, rows: EventQuerySet, number: int) -> None:
        edge = rows.order_by("-pk").values("pk")[number : number + 1]
        old = rows.filter(pk__lte=models.Subquery(edge))
        old._raw_delete(old.db)  # nothing refers to an event, so there is nothing to collect first


def served() -> models.QuerySet[Server]:
    """The servers whose machines are ours to boot: enabled, in the global address space."""
    return Server.objects.filter(vrf=None, enabled=True)


def servers_by_ledger(mac: str | None, source: Address | None) -> tuple[Server | None, Server | None]:
    """The server whose own card this is, and the one that this address is reserved for. One query."""
    asked = Q(mac_address=mac) if mac else Q(pk=None)
    asked |= Q(ip_address=source) if source else Q(pk=None)
    found = list(served().filter(asked).order_by("pk"))
    return (
        next((server for server in found if mac and server.mac_address == mac), None),
        next((server for server in found if source and server.ip_address == source), None),
    )


def server_with_card(mac: str) -> Server | None:
    """The server that has this card."""
    own, _ = servers_by_ledger(mac, None)
    return own or server_with_further_card(mac)


def server_with_further_card(mac: str) -> Server | None:
    return served().filter(pk__in=Interface.objects.filter(mac_address=mac).values("server")).first()


def server_with_firmware(uuid: UUID | None, serial: str) -> Server | None:
    """The server whose firmware names itself like this; the UUID says more than the serial number."""
    by_uuid = served().filter(boot_identity__uuid=uuid).first() if uuid else None
    return by_uuid or (served().filter(boot_identity__serial=serial).first() if serial else None)


def server_with_further_address(source: Address) -> Server | None:
    return served().filter(pk__in=Interface.objects.filter(ip_address=source).values("server")).first()


def leased_to(source: Address) -> str | None:
    """The card that holds a live lease of this address."""
    leases = Sighting.objects.filter(vrf=None, source="lease", ip_address=source, leased_until__gt=timezone.now())
    return leases.exclude(mac_address=None).order_by("-seen_at").values_list("mac_address", flat=True).first()
