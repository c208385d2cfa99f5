"""A machine is told as live after the network has shown it, by a real dnsmasq."""

import pytest

from dhcp.leases.ingest import ingest, read_stable
from dhcp.leases.lease_file import parse_leases
from dhcp.models import DhcpScope
from events.collect import live
from events.collect.collector import Collector
from events.models import Event, OpenState
from ipam.models import Server, Subnet
from tests.dhcp.conftest import asked, lab, target  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)
MAC = "02:00:00:00:00:0a"


def test_a_machine_is_live_when_it_has_its_lease(asked):  # noqa: F811
    collector, awaited = Collector(), live.Awaited()
    collector.round()
    subnet = Subnet.objects.create(network="10.77.0.0/24")
    DhcpScope.objects.create(subnet=subnet)
    server = Server.objects.create(hostname="web", ip_address="10.77.0.10", mac_address=MAC)
    collector.round()
    assert awaited.look() == 0  # told by its file, which is not live
    assert asked.client.acquire(MAC).ip == "10.77.0.10"
    ingest(parse_leases(read_stable(asked.leases)))
    assert awaited.look() == 1
    event = Event.objects.get(kind="machine.live")
    assert (event.subject_id, str(event.ip_address)) == (str(server.pk), "10.77.0.10")
    assert not OpenState.objects.filter(source=live.SOURCE).exists()
    assert awaited.look() == 0
