"""One row of everything that the API shows, for tests that go through all of its routes."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from dhcp.generations.document import Document
from dhcp.models import (
    DhcpChange,
    DhcpOption,
    DhcpScope,
    DhcpServer,
    DhcpTransaction,
    Eviction,
    Generation,
    HandEdit,
    KeptFiles,
    LeaseInterval,
)
from discovery.conflicts.models import Conflict
from discovery.inbox.models import UnknownDevice
from discovery.models import SubnetDiscovery
from events.models import Webhook
from ipam.models import IPAddress, Sighting
from machines.models import Machine
from names.models import NamesOff, Record, Zone
from pxe.models import BootEvent, BootIdentity
from tests.ipam.factories import (
    InterfaceFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)
from tests.pxe.factories import (
    AnswersFactory,
    AssignmentFactory,
    FileFactory,
    ImageFactory,
    MenuFactory,
)
from tests.registry.factories import ServiceFactory

SOON = timedelta(hours=1)
PROBLEM = {
    "kind": "server",
    "id": 0,
    "name": "left-out",
    "ip": "",
    "field": "hostname",
    "reason": "x",
    "left_out": True,
}
PROBE = {
    "name": "probed",
    "mac": "02:00:00:00:00:0e",
    "wanted": "192.0.2.14",
    "offered": None,
    "by": None,
    "ms": None,
    "after_ms": None,
    "reason": "x",
}


def one_of_each(number=0, mac="02:00:00:00"):
    """Rows of 10.NUMBER.0.0/24 and what has no place, by their names at the API: the keys."""
    start = f"10.{number}.0"
    subnet = SubnetFactory(network=f"{start}.0/24", gateway=f"{start}.1", name="office")
    server = ServerFactory(ip_address=f"{start}.20", mac_address=f"{mac}:{number:02x}:0a")
    nic = InterfaceFactory(
        server=server, ip_address=f"{start}.21", mac_address=f"{mac}:{number:02x}:0b"
    )
    rows = {
        "vrfs": VRFFactory(),
        "subnets": subnet,
        "pools": PoolFactory(subnet=subnet, first=f"{start}.30", last=f"{start}.40"),
        "servers": server,
        "interfaces": nic,
        "machines": Machine.objects.create(server=server),
        "sightings": Sighting.objects.create(
            ip_address=f"{start}.52", mac_address=f"{mac}:{number:02x}:0d", source="arp"
        ),
        "discovery": SubnetDiscovery.objects.create(subnet=subnet),
        "conflicts": Conflict.objects.create(
            subject=f"address/0/{start}.20",
            kind="used",
            ip_address=f"{start}.20",
            mac_address=f"{mac}:{number:02x}:0d",
        ),
        "unknown-devices": UnknownDevice.objects.create(
            mac_address=f"{mac}:{number:02x}:0e", ip_address=f"{start}.53", source="arp"
        ),
        "ip-addresses": IPAddress.objects.get(vrf=None, ip_address=f"{start}.20"),
        "webhooks": _webhook(number),
        **_of_names(number, subnet),
        **_of_boot(server),
        **_of_dhcp(number, start, subnet, f"{mac}:{number:02x}:0c"),
    }
    ServiceFactory(service_id=f"billing-{number}")
    return {name: row.pk for name, row in rows.items()}


def _webhook(number):
    owner, _new = User.objects.get_or_create(username="webhooks")
    return Webhook.objects.create(name=f"hook {number}", url="http://8.8.8.8/", owner=owner)


def _of_names(number, subnet):
    zone = Zone.objects.create(name=f"corp-{number}.example")
    return {
        "zones": zone,
        "records": Record.objects.create(zone=zone, name="www", type="A", value="192.0.2.1"),
        "subnets-without-names": NamesOff.objects.create(subnet=subnet),
    }


def _of_boot(server):
    image = ImageFactory(answers=AnswersFactory())
    assignment = AssignmentFactory(server=server, image=image)
    return {
        "boot-files": FileFactory(),
        "boot-answers": image.answers,
        "boot-images": image,
        "boot-menus": MenuFactory(),
        "boot-assignments": assignment,
        "boot-identities": BootIdentity.objects.create(server=server, serial=f"S{server.pk}"),
        "boot-events": BootEvent.objects.create(server=server, kind="menu", assignment=assignment),
    }


def _of_dhcp(number, start, subnet, mac):
    until = timezone.now() + SOON
    scope = DhcpScope.objects.create(subnet=subnet)
    DhcpOption.objects.create(scope=scope, number=26, value="1400")
    generation = Generation.objects.create(
        result="applied", diff="+a", problems=[PROBLEM], probes=[PROBE]
    )
    KeptFiles.objects.keep(generation, Document.of(b"", b""))
    return {
        "dhcp/servers": DhcpServer.objects.create(name=f"site-{number}"),
        "dhcp/scopes": scope,
        "dhcp/changes": DhcpChange.objects.create(label="web"),
        "dhcp/generations": generation,
        "dhcp/hand-edits": HandEdit.objects.create(action="add", line=f"{mac},{start}.60,byhand"),
        "dhcp/leases": Sighting.objects.create(
            ip_address=f"{start}.50", mac_address=mac, source="lease", leased_until=until
        ),
        "dhcp/lease-intervals": LeaseInterval.objects.create(
            ip_address=f"{start}.50", mac_address=mac, leased_until=until
        ),
        "dhcp/evictions": Eviction.objects.create(
            ip_address=f"{start}.51", mac_address=mac, until=until
        ),
        "dhcp/transactions": DhcpTransaction.objects.create(
            kind="ack", ip_address=f"{start}.50", mac_address=mac
        ),
    }
