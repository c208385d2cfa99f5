"""What the demo network lacks for a picture: boot images, installations under way, DHCP scopes,
services.

`python -m tests.e2e.furniture` writes it into the database that the settings name.
"""

from datetime import timedelta

import django

if __name__ == "__main__":
    django.setup()

from django.utils import timezone

from dhcp.models import DhcpScope
from ipam.models import Server, Sighting, Subnet
from pxe.models import BootEvent
from registry.services.register import register
from registry.services.registration import Registration
from tests.pxe.factories import (
    AnswersFactory,
    AssignmentFactory,
    FileFactory,
    ImageFactory,
    MenuFactory,
)

# Service, type, what it needs.
SERVICES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("postgres", "database", ()),
    ("redis", "cache", ()),
    ("auth", "api", ("postgres",)),
    ("orders", "api", ("postgres", "redis", "auth")),
    ("billing", "finance", ("postgres", "auth")),
    ("web", "web", ("orders", "auth")),
    ("mailer", "worker", ("redis",)),
)
# Server, mode, state, minutes since it began, what it has done since with seconds in between.
STORIES = (
    ("lab-01", "done", 60, ("dhcp", "loader", "offer", "file", "file", "answer", "done", "ended")),
    ("lab-02", "offered", 2, ("dhcp", "loader", "offer", "file")),
    ("lab-03", "waiting", 0, ()),
    ("vmhost-01", "given_up", 90, ("offer", "offer", "offer", "ended", "local")),
)


def furnish() -> None:
    boots()
    scopes()
    for service_id, kind, needs in SERVICES:
        register(Registration(service_id, name=service_id.title(), type=kind, dependencies=needs))


def boots() -> None:
    files = {
        name: FileFactory(name=name, url=f"http://boot.harbour.example/{name}")
        for name in (
            "debian-12/linux",
            "debian-12/initrd.gz",
            "rescue/vmlinuz",
            "rescue/initrd.img",
        )
    }
    debian = ImageFactory(
        name="Debian 12",
        description="Installs by itself; /dev/sda is erased",
        position=10,
        cmdline="quiet",
        kernel=files["debian-12/linux"],
        initrds=[files["debian-12/initrd.gz"]],
        answers=AnswersFactory(name="Racks"),
    )
    ImageFactory(
        name="Rescue system",
        position=20,
        kernel=files["rescue/vmlinuz"],
        initrds=[files["rescue/initrd.img"]],
    )
    ImageFactory(
        name="Memory test",
        position=30,
        kind="chain",
        arch="bios",
        kernel=None,
        chain_url="http://boot.harbour.example/memtest.bin",
        enabled=False,
    )
    MenuFactory(name="Laboratory", title="Lab: choose within ten seconds", timeout=10)
    for hostname, state, began, kinds in STORIES:
        story(
            Server.objects.get(hostname=hostname),
            debian,
            state,
            timezone.now() - timedelta(minutes=began),
            kinds,
        )


def story(server, image, state, at, kinds):
    attempts = kinds.count("offer")
    assignment = AssignmentFactory(server=server, image=image, state=state, attempts=attempts)
    files = iter(["debian-12/linux", "debian-12/initrd.gz"])
    details = {"dhcp": "architecture 7", "loader": "snponly.efi", "answer": "preseed.cfg"}
    for number, kind in enumerate(kinds):
        offered = (
            {"image": image, "assignment": assignment}
            if kind in ("offer", "file", "answer", "done")
            else {}
        )
        BootEvent.objects.create(
            server=server,
            kind=kind,
            at=at + timedelta(seconds=9 * number),
            ip_address=server.ip_address,
            mac_address=server.mac_address,
            firmware="uefi",
            detail=next(files, "") if kind == "file" else details.get(kind, ""),
            **offered,
        )


def scopes() -> None:
    for network in ("10.20.20.0/23", "10.20.30.0/24"):
        DhcpScope(subnet=Subnet.objects.get(network=network)).save()
    desk, until = Server.objects.get(hostname="desk-01"), timezone.now() + timedelta(hours=11)
    leases = (
        (desk.ip_address, desk.mac_address, "desk-01"),
        ("10.20.20.150", "02:00:5e:10:00:01", "visitor"),
    )
    for address, mac, name in leases:
        Sighting.objects.create(
            ip_address=address, mac_address=mac, hostname=name, source="lease", leased_until=until
        )


if __name__ == "__main__":
    furnish()
