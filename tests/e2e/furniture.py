"""What the demo network lacks for a picture: boot images, installations under way, DHCP scopes,
services.

`python -m tests.e2e.furniture` writes it into the database that the settings name.
"""

from datetime import timedelta

import django

if __name__ == "__main__":
    django.setup()

from django.utils import timezone

from dhcp.models import DhcpScope, DhcpTransaction
from discovery.conflicts.worker import FindConflicts
from discovery.rogue.models import RogueServer
from ipam.models import Server, Sighting, Subnet
from names.models import NamesOff, Record, Zone
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
# Name, type, value.
RECORDS = (
    ("@", "MX", "10 mail.corp.example"),
    ("@", "TXT", "v=spf1 mx -all"),
    ("www", "CNAME", "web-01.corp.example"),
    ("_ldap._tcp", "SRV", "0 5 389 directory.corp.example"),
    ("status", "A", "192.0.2.20"),
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
    names()
    evidence()
    asked()
    for service_id, kind, needs in SERVICES:
        register(Registration(service_id, name=service_id.title(), type=kind, dependencies=needs))


def names() -> None:
    zone = Zone.objects.create(name="corp.example", description="Offices and server rooms")
    Zone.objects.create(name="lab.example", enabled=False)
    for subnet in Subnet.objects.filter(network__in=["10.20.10.0/24", "10.20.20.0/23"]):
        subnet.domain = zone.name
        subnet.save()
    for name, kind, value in RECORDS:
        Record.objects.create(zone=zone, name=name, type=kind, value=value)
    NamesOff.objects.create(subnet=Subnet.objects.exclude(domain=zone.name)[0])


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
        subnet = Subnet.objects.get(network=network)
        if not DhcpScope.objects.filter(subnet=subnet).exists():  # the demo has some
            DhcpScope(subnet=subnet).save()
    desk, until = Server.objects.get(hostname="desk-01"), timezone.now() + timedelta(hours=11)
    leases = (
        (desk.ip_address, desk.mac_address, "desk-01"),
        ("10.20.20.150", "02:00:5e:10:00:01", "visitor"),
    )
    for address, mac, name in leases:
        Sighting.objects.create(
            ip_address=address, mac_address=mac, hostname=name, source="lease", leased_until=until
        )


# Address, MAC, source, minutes ago, the name that the machine gives itself.
SIGHTINGS = (
    ("10.20.20.150", "02:00:5e:10:00:01", "arp", 1, ""),
    ("10.20.20.151", "b8:27:eb:3f:10:42", "arp", 2, "raspberrypi"),
    ("10.20.20.152", "00:1b:21:7a:00:19", "dhcp", 4, "LAPTOP-7Q2"),
    ("10.20.20.153", "da:a1:19:55:0e:11", "arp", 6, "Pixel-8"),
    ("10.20.10.70", "3c:52:82:10:aa:01", "arp", 1, "HP-LaserJet"),
    ("10.20.10.71", None, "ping", 3, ""),
)


def evidence() -> None:
    """A network that does not quite do what the ledger says."""
    web, desk = (Server.objects.get(hostname=name) for name in ("web-01", "desk-01"))
    now = timezone.now()
    rows = [*SIGHTINGS, (web.ip_address, "00:50:56:9a:00:07", "arp", 1, "web-old")]
    rows.append((web.ip_address, web.mac_address, "arp", 1, ""))
    for ip, mac, source, minutes, name in rows:
        at = now - timedelta(minutes=minutes)
        Sighting.objects.create(
            ip_address=ip, mac_address=mac, source=source, seen_at=at, hostname=name
        )
    Sighting.objects.create(
        ip_address=Server.objects.get(hostname="lab-02").ip_address,
        mac_address="00:1b:21:7a:00:44",
        source="lease",
        hostname="scanner",
        leased_until=now + timedelta(hours=7),
    )
    for last in (desk.ip_address, "10.20.20.200"):
        Sighting.objects.create(ip_address=last, mac_address=desk.mac_address, source="arp")
    RogueServer.objects.create(
        place="gw-1 eth1",
        ip_address="192.168.0.1",
        mac_address="50:c7:bf:01:02:03",
        offered="192.168.0.104",
        router="192.168.0.1",
        prefix=24,
    )
    for _round in range(2):
        FindConflicts().work()
        Sighting.objects.filter(mac_address=desk.mac_address).update(seen_at=timezone.now())
    FindConflicts().work()


# Seconds ago, what dnsmasq has logged of desk-01, and its own words.
ASKED = (
    (7320, "discover", ""),
    (7320, "offer", ""),
    (7319, "request", ""),
    (7319, "ack", "desk-01"),
    (3720, "request", ""),
    (3720, "ack", "desk-01"),
    (185, "nak", "wrong server-ID"),
    (181, "discover", ""),
    (181, "offer", ""),
    (180, "decline", ""),
    (179, "disabled", "for 10m"),
    (62, "discover", ""),
    (62, "offer", ""),
    (61, "request", ""),
    (61, "ack", "desk-01"),
)


def asked() -> None:
    desk, now = Server.objects.get(hostname="desk-01"), timezone.now()
    for seconds, kind, detail in ASKED:
        DhcpTransaction.objects.create(
            at=now - timedelta(seconds=seconds),
            kind=kind,
            ip_address=desk.ip_address,
            mac_address=desk.mac_address,
            interface="eth1",
            detail=detail,
        )


if __name__ == "__main__":
    furnish()
