import pytest

from ipam.models import Subnet
from ipam.usage import fullest, usage
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("hosts", "percent", "free"), [((), 0, 5), ((1,), 100 / 6, 5), ((1, 2, 3, 4, 5, 6), 100, 0)]
)
def test_a_gateway_counts_as_used_once_a_server_has_it_and_never_as_free(hosts, percent, free):
    subnet = SubnetFactory(
        network="10.0.0.0/29", gateway="10.0.0.1", static_ip_pools=["10.0.0.1-10.0.0.6"]
    )
    for host in hosts:
        ServerFactory(ip_address=f"10.0.0.{host}")

    used = usage([subnet])[subnet.pk]

    assert (used.percent, used.available) == (percent, free)


def test_the_fullest_subnets_come_first_whatever_their_size():
    for network, hosts in (
        ("10.0.0.0/24", 3),
        ("10.0.1.0/29", 2),
        ("10.0.2.0/30", 1),
        ("10.0.3.0/24", 0),
    ):
        subnet = SubnetFactory(network=network)
        for host in range(1, hosts + 1):
            ServerFactory(ip_address=subnet.network[host])

    assert [str(subnet.network) for subnet, _used in fullest(2)] == ["10.0.2.0/30", "10.0.1.0/29"]


def test_a_parents_share_leaves_out_what_its_children_own():
    SubnetFactory(network="10.0.0.0/24")
    SubnetFactory(network="10.0.0.0/25")
    ServerFactory(ip_address="10.0.0.200")

    parent = Subnet.objects.get(network="10.0.0.0/24")

    assert usage([parent])[parent.pk].usable == 127
