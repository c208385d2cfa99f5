"""A small made-up network to look around in: private and documentation addresses only.

Two floors and a server room: nested subnets, one of them a /29 and one IPv6, VLANs, pools of both kinds,
machines with management cards, reservations, a quarantine, VMs, a machine outside of every subnet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from django.db import transaction
from django.utils.translation import gettext as _

from ipam.allocate import allocate, find, quarantine, reserve
from ipam.models import Interface, IPAddress, Server, Subnet
from ipmanager.errors import Conflict

RACK, DESKTOP, BOARD = ("PowerEdge R650", "Dell Inc."), ("OptiPlex 7010", "Dell Inc."), ("Raspberry Pi 4", "Raspberry Pi")
COMPUTE, STORAGE = ("ProLiant DL360 Gen10", "HPE"), ("SYS-1029P", "Supermicro")
SWITCH, PRINTER = ("C9300-48P", "Cisco"), ("HL-L5200DW", "Brother")

SUBNETS = (
    Subnet(network="10.20.0.0/16", name="Campus", site="Harbour", description="Everything behind the firewall"),
    Subnet(network="10.20.10.0/24", name="Servers", vlan_id=10, gateway="10.20.10.1", description="Server room"),
    Subnet(network="10.20.20.0/23", name="Office", vlan_id=20, gateway="10.20.20.1", description="Both floors"),
    Subnet(network="10.20.21.192/26", name="Printers", vlan_id=21, gateway="10.20.21.193"),
    Subnet(network="10.20.30.0/24", name="Lab", vlan_id=30, gateway="10.20.30.254", description="May be broken on purpose"),
    Subnet(network="10.20.99.0/24", name="Management", vlan_id=99, gateway="10.20.99.1", description="Switches and BMCs"),
    Subnet(network="10.20.255.0/29", name="Uplink", vlan_id=255, gateway="10.20.255.1", description="To the firewall"),
    Subnet(network="192.168.40.0/24", name="Guest Wi-Fi", vlan_id=40, gateway="192.168.40.1", site="Harbour"),
    Subnet(network="2001:db8:20:10::/64", name="Servers IPv6", vlan_id=10, gateway="2001:db8:20:10::1"),
)
STATIC = {
    "Servers": ["10.20.10.10-10.20.10.99"],
    "Office": ["10.20.20.10-10.20.20.59"],
    "Printers": ["10.20.21.194-10.20.21.222"],
    "Lab": ["10.20.30.1-10.20.30.63"],
    "Management": ["10.20.99.10-10.20.99.149"],
    "Uplink": ["10.20.255.2-10.20.255.6"],
    "Servers IPv6": ["2001:db8:20:10::100-2001:db8:20:10::ffff"],
}
DHCP = {
    "Office": ["10.20.20.100-10.20.20.249"],
    "Lab": ["10.20.30.100-10.20.30.199"],
    "Guest Wi-Fi": ["192.168.40.50-192.168.40.250"],
}
# Name, how many, first address, kind of machine, where it stands.
SERVERS = (
    ("web", 3, "10.20.10.11", RACK, "Rack A"),
    ("db", 2, "10.20.10.21", RACK, "Rack A"),
    ("mail", 1, "10.20.10.25", COMPUTE, "Rack A"),
    ("dns", 2, "10.20.10.31", COMPUTE, "Rack B"),
    ("backup", 1, "10.20.10.40", STORAGE, "Rack B"),
    ("nas", 2, "10.20.10.41", STORAGE, "Rack B"),
    ("vmhost", 3, "10.20.10.51", COMPUTE, "Rack C"),
    ("ci", 2, "10.20.10.120", RACK, "Rack C"),
    ("switch", 4, "10.20.99.10", SWITCH, "Rack A"),
    ("firewall", 1, "10.20.255.1", RACK, "Rack A"),
    ("desk", 9, "10.20.20.10", DESKTOP, "Floor 1"),
    ("reception", 1, "10.20.20.100", DESKTOP, "Floor 0"),
    ("printer", 4, "10.20.21.194", PRINTER, "Floor 1"),
    ("lab", 5, "10.20.30.1", BOARD, "Lab"),
    ("hosted", 1, "203.0.113.20", RACK, "Elsewhere"),
)
WITH_BMC = ("web", "db", "mail", "dns", "backup", "nas", "vmhost")
RESERVED = {
    "10.20.10.60": "New mail server, arrives in spring",
    "10.20.10.61": "New mail server, second node",
    "10.20.20.59": "Projector in the meeting room",
    "10.20.21.200": "Label printer, not yet unpacked",
    "10.20.255.6": "Second uplink",
}
VMS = ("build-01", "build-02", "wiki-test", "metrics")


def fill(*, force: bool = False) -> None:
    """Make the network. Raises Conflict when the ledger is not empty, unless forced, or when it has one of these."""
    if not force and not is_empty():
        raise Conflict(_("The ledger is not empty."), _("Use an empty database, or insist with --force."))
    with transaction.atomic():
        for subnet in _subnets():
            subnet.save()
        Server.objects.bulk_create(_servers())
        Interface.objects.bulk_create(_interfaces())
        _hold()


def is_empty() -> bool:
    """Whether nobody has written anything yet."""
    return not any(model.objects.exists() for model in (Subnet, Server, IPAddress))


def _subnets() -> Iterator[Subnet]:
    for template in SUBNETS:
        values = {field.name: getattr(template, field.name) for field in Subnet._meta.concrete_fields}
        subnet = Subnet(**values | {"dns_servers": ["10.20.10.31", "10.20.10.32"], "domain": "harbour.example"})
        subnet.static_ip_pools = STATIC.get(template.name, [])
        subnet.dhcp_pools = DHCP.get(template.name, [])
        yield subnet
