"""A small made-up network to look around in: private and documentation addresses only.

A server room, two floors, a lab: nested subnets, a /29 and an IPv6 one among them, pools of both
kinds, machines with management cards, reservations, a quarantine, VMs, and a machine outside of
every subnet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Conflict
from ipam.addresses import parse_address
from ipam.allocate import allocate, find, quarantine, reserve
from ipam.models import Interface, IPAddress, Server, Subnet
from ipam.signals import demo_made

# Network, name, VLAN, gateway, static pools, DHCP pools, description.
SUBNETS = (
    ("10.20.0.0/16", "Campus", None, None, "", "", "Everything behind the firewall"),
    ("10.20.10.0/24", "Servers", 10, "10.20.10.1", "10.20.10.10-10.20.10.99", "", "Server room"),
    (
        "10.20.20.0/23",
        "Office",
        20,
        "10.20.20.1",
        "10.20.20.10-10.20.20.59",
        "10.20.20.100-10.20.20.199",
        "Two floors",
    ),
    ("10.20.21.192/26", "Printers", 21, "10.20.21.193", "10.20.21.194-10.20.21.222", "", ""),
    (
        "10.20.30.0/24",
        "Lab",
        30,
        "10.20.30.254",
        "10.20.30.1-10.20.30.63",
        "10.20.30.100-10.20.30.199",
        "May break",
    ),
    (
        "10.20.99.0/24",
        "Management",
        99,
        "10.20.99.1",
        "10.20.99.10-10.20.99.109",
        "",
        "Switches and BMCs",
    ),
    (
        "10.20.255.0/29",
        "Uplink",
        255,
        "10.20.255.1",
        "10.20.255.2-10.20.255.6",
        "",
        "To the firewall",
    ),
    ("192.168.40.0/24", "Guest Wi-Fi", 40, "192.168.40.1", "", "192.168.40.50-192.168.40.250", ""),
    (
        "2001:db8:20::/64",
        "Servers IPv6",
        10,
        "2001:db8:20::1",
        "2001:db8:20::1000-2001:db8:20::ffff",
        "",
        "",
    ),
)

SERVED = ("Servers", "Office", "Printers", "Lab", "Guest Wi-Fi")  # by DHCP

RACK, DESKTOP = ("PowerEdge R650", "Dell Inc."), ("OptiPlex 7010", "Dell Inc.")
COMPUTE, STORAGE = ("ProLiant DL360 Gen10", "HPE"), ("SYS-1029P", "Supermicro")
SWITCH, PRINTER, BOARD = (
    ("C9300-48P", "Cisco"),
    ("HL-L5200DW", "Brother"),
    ("Raspberry Pi 4", "Raspberry Pi"),
)
# Name, how many, first address, kind of machine, where it stands.
SERVERS = (
    ("firewall", 1, "10.20.255.1", RACK, "Rack A"),
    ("switch", 4, "10.20.99.10", SWITCH, "Rack A"),
    ("web", 3, "10.20.10.11", RACK, "Rack A"),
    ("db", 2, "10.20.10.21", RACK, "Rack A"),
    ("mail", 1, "10.20.10.25", COMPUTE, "Rack B"),
    ("dns", 2, "10.20.10.31", COMPUTE, "Rack B"),
    ("backup", 1, "10.20.10.40", STORAGE, "Rack B"),
    ("nas", 2, "10.20.10.41", STORAGE, "Rack B"),
    ("vmhost", 3, "10.20.10.51", COMPUTE, "Rack C"),
    ("ci", 2, "10.20.10.120", RACK, "Rack C"),
    ("desk", 9, "10.20.20.10", DESKTOP, "Floor 1"),
    ("reception", 1, "10.20.20.100", DESKTOP, "Floor 0"),
    ("printer", 4, "10.20.21.194", PRINTER, "Floor 1"),
    ("lab", 5, "10.20.30.1", BOARD, "Lab"),
    ("hosted", 1, "203.0.113.20", RACK, "Elsewhere"),
)
WITH_BMC = ("web", "db", "mail", "dns", "backup", "nas", "vmhost")
WITH_IPV6 = ("web", "mail", "dns")

DNS = "10.20.10.31, 10.20.10.32"

RESERVED = {
    "10.20.10.60": "New mail server, arrives in spring",
    "10.20.10.61": "New mail server, second node",
    "10.20.20.59": "Projector in the meeting room",
    "10.20.21.200": "Label printer, still in its box",
    "10.20.255.2": "Shared address of both firewalls",
    "10.20.255.3": "Second firewall",
    "10.20.255.4": "The provider's router",
    "10.20.255.6": "Second uplink",
}
QUARANTINE = {"10.20.10.66": "Answers, but nobody knows who it is"}
VMS = ("build-01", "build-02", "wiki-test", "metrics")


def fill(*, force: bool = False) -> None:
    """Write the network down. Raises Conflict when the ledger is not empty, unless that is
    meant."""
    if not (force or is_empty()):
        raise Conflict(
            _("The ledger is not empty."), _("Use an empty database, or insist with --force.")
        )
    with transaction.atomic():
        for subnet in _subnets():
            subnet.save()
        servers = Server.objects.bulk_create(_servers())
        Interface.objects.bulk_create([*_bmcs(servers), *_second_addresses(servers)])
        _hold()
        served = Subnet.objects.filter(vrf=None, name__in=SERVED)
        demo_made.send(sender=Subnet, subnets=list(served.order_by("network")))


def is_empty() -> bool:
    """Whether nobody has written anything yet."""
    return not any(model._base_manager.exists() for model in (Subnet, Server, IPAddress))


def _subnets() -> Iterator[Subnet]:
    for network, name, vlan, gateway, static, dhcp, description in SUBNETS:
        subnet = Subnet(
            network=network,
            name=name,
            vlan_id=vlan,
            gateway=gateway,
            description=description,
            domain="harbour.example",
            dns_servers=DNS,
            site="Harbour",
        )
        subnet.static_ip_pools = static.split()
        subnet.dhcp_pools = dhcp.split()
        yield subnet


def _servers() -> Iterator[Server]:
    port = count(1)
    for name, number, first, (device_type, manufacturer), location in SERVERS:
        for index in range(number):
            cable = next(port)
            yield Server(
                hostname=f"{name}-{index + 1:02}",
                ip_address=parse_address(first) + index,
                mac_address=_mac(cable),
                device_type=device_type,
                manufacturer=manufacturer,
                location=location,
                lan_port=f"{cable:03}",
                enabled=(name, index) != ("lab", 4),
                description="Out of order" if (name, index) == ("lab", 4) else "",
            )


def _bmcs(servers: list[Server]) -> Iterator[Interface]:
    """A management card for every machine in the racks that has one."""
    owners = [server for server in servers if server.hostname.startswith(WITH_BMC)]
    for number, server in enumerate(owners):
        address = parse_address("10.20.99.50") + number
        yield Interface(
            server=server, name="bmc", mac_address=_mac(0x100 + number), ip_address=address
        )


def _second_addresses(servers: list[Server]) -> Iterator[Interface]:
    owners = [server for server in servers if server.hostname.startswith(WITH_IPV6)]
    for number, server in enumerate(owners):
        address = parse_address("2001:db8:20::11") + number
        yield Interface(
            server=server, name="eth0-v6", mac_address=server.mac_address, ip_address=address
        )


def _hold() -> None:
    """What people and VMs have taken by hand."""
    for address, note in RESERVED.items():
        reserve(find(address), note)
    for address, note in QUARANTINE.items():
        quarantine(find(address), note)
    home = Subnet.objects.get(vrf=None, network="10.20.10.0/24")
    for number, name in enumerate(VMS, start=1):
        allocate(home, vm_id=f"vm-{number:04}", hostname=name)


def _mac(number: int) -> str:
    """A locally administered address, which no manufacturer has given to anybody."""
    return f"02:00:5e:10:{number >> 8:02x}:{number & 255:02x}"
