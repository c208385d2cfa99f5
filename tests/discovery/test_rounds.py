"""Rounds of discovery in a network of simulated hosts."""

from ipaddress import ip_address

import pytest

from discovery.models import SubnetDiscovery
from discovery.rounds import Prober
from ipam.models import Sighting
from tests.discovery.network import network
from tests.ipam.factories import SubnetFactory

pytestmark = pytest.mark.django_db


def mac(number):
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def host(number, answers="arp ping"):
    return [str(ip_address("10.66.0.0") + number), mac(number), answers]


HOSTS = [host(2), host(3), host(4, "arp"), host(9), ["10.66.0.9", mac(0x909), "arp"]]


@pytest.fixture(scope="module")
def net():
    with network(HOSTS, "10.66.0.1/28") as net:
        yield net


def whole_round(prober, now=None):
    steps = 0
    while prober.step(now):
        steps += 1
        assert steps < 100
    return steps


def found(source):
    rows = Sighting.objects.filter(source=source).order_by("ip_address", "mac_address")
    return [(str(row.ip_address)[8:], row.mac_address) for row in rows]


@pytest.fixture
def discovery():
    subnet = SubnetFactory(network="10.66.0.0/28", static_ip_pools=["10.66.0.2-10.66.0.14"])
    return SubnetDiscovery.objects.create(subnet=subnet, enabled=True, rate=200)


def test_ping_and_the_neighbour_table_tell_who_is_there(net, discovery):
    with net.entered():
        whole_round(Prober())

    assert [ip for ip, _mac in found("ping")] == ["1", "2", "3", "9"]
    assert [ip for ip, _mac in found("arp")] == ["2", "3", "4", "9"]
    discovery.round.refresh_from_db()
    assert (discovery.round.last_sent, discovery.round.error) == (14, "")
