"""Subnets: what they adopt, what they may not break, what stays when they go."""

import ipaddress

import pytest
from django.core.exceptions import ValidationError

from core.errors import Conflict
from ipam.allocate import allocate, quarantine, reserve
from ipam.models import IPAddress, Pool, Subnet
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db


def row(address):
    return IPAddress.objects.select_related("subnet").get(ip_address=address)


def addresses_of(subnet):
    return [str(row) for row in IPAddress.objects.filter(subnet=subnet)]


# --- the most specific subnet ---------------------------------------------------------------------


def test_an_address_belongs_to_the_most_specific_subnet():
    for network in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "0.0.0.0/0"):
        SubnetFactory(network=network)
    found = {
        text: str(Subnet.objects.containing(ipaddress.ip_address(text)).network)
        for text in ("10.1.2.3", "10.1.3.3", "10.2.2.3", "11.0.0.1")
    }
    assert list(found.values()) == ["10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]


def test_finding_the_subnet_of_an_address_is_one_query(django_assert_num_queries):
    SubnetFactory(network="10.0.0.0/8")
    with django_assert_num_queries(1):
        Subnet.objects.containing(ipaddress.ip_address("10.1.2.3"))


def test_parent_and_children_follow_from_the_network():
    top, middle, low = (
        SubnetFactory(network=n) for n in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24")
    )
    SubnetFactory(network="10.1.0.0/16", vrf=VRFFactory())
    assert (low.parent, middle.parent, top.parent) == (middle, top, None)
    assert (top.children, middle.children) == ([middle], [low])


def test_a_server_in_no_subnet_is_unplaced_until_one_appears():
    ServerFactory(ip_address="10.9.0.5")
    assert row("10.9.0.5").subnet is None

    subnet = SubnetFactory(network="10.9.0.0/24")

    assert row("10.9.0.5").subnet == subnet


def test_a_new_child_takes_over_the_live_rows_and_ends_the_parents_free_ones():
    parent = SubnetFactory(network="10.0.0.0/16", static_ip_pools=["10.0.0.1-10.0.1.255"])
    ServerFactory(ip_address="10.0.1.7")

    child = SubnetFactory(network="10.0.1.0/24")

    assert addresses_of(child) == ["10.0.1.7"]
    assert IPAddress.objects.filter(subnet=parent).count() == 255
    assert row("10.0.1.7").ip_type == "dhcp"


def test_a_deleted_child_gives_rows_and_free_addresses_back_to_its_parent():
    parent = SubnetFactory(network="10.0.0.0/16", static_ip_pools=["10.0.0.1-10.0.1.255"])
    child = SubnetFactory(network="10.0.1.0/24")
    ServerFactory(ip_address="10.0.1.7")

    child.delete(force=True)

    assert IPAddress.objects.filter(subnet=parent).count() == 511
    assert (row("10.0.1.7").status, row("10.0.1.7").ip_type) == ("allocated", "static")


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "network", ["10.0.0.1/24", "10.0.0.0", "10.0.0.0/33", "::ffff:10.0.0.0/120", "x", "fe80::1/64"]
)
def test_what_is_no_network_is_refused_at_its_field(network):
    with pytest.raises(ValidationError) as refused:
        SubnetFactory(network=network)
    assert "network" in refused.value.message_dict


def test_a_network_exists_once_and_the_message_says_which_is_there():
    SubnetFactory(network="10.0.0.0/24", name="Office")
    with pytest.raises(ValidationError, match="Office exists already"):
        SubnetFactory(network="10.0.0.0/24")


@pytest.mark.parametrize("gateway", ["10.0.0.0", "10.0.0.255", "10.0.1.1", "2001:db8::1"])
def test_a_gateway_is_a_host_of_its_subnet(gateway):
    with pytest.raises(ValidationError, match="not a host address"):
        SubnetFactory(network="10.0.0.0/24", gateway=gateway)


def test_a_gateway_that_somebody_else_has_is_refused_with_the_holder():
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"])
    allocate(subnet, wanted="10.0.0.1", vm_id="srv-1")
    subnet.gateway = "10.0.0.1"
    with pytest.raises(ValidationError, match="VM “srv-1”"):
        subnet.save()


def test_shrinking_under_live_addresses_is_refused_with_their_holders():
    subnet = SubnetFactory(network="10.0.0.0/24")
    ServerFactory(hostname="web-1", ip_address="10.0.0.200")
    subnet.network = "10.0.0.0/25"
    with pytest.raises(ValidationError, match=r"10\.0\.0\.200 \(server “web-1”\)"):
        subnet.save()
    assert Subnet.objects.get().network == ipaddress.ip_network("10.0.0.0/24")


def test_shrinking_away_from_a_pool_is_refused_with_the_pool():
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.100-10.0.0.200"])
    subnet.network = "10.0.0.0/25"
    with pytest.raises(ValidationError, match=r"10\.0\.0\.100-10\.0\.0\.200 would lie outside"):
        subnet.save()


def test_a_subnet_may_shrink_and_change_its_pools_in_one_save():
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.100-10.0.0.200"])
    subnet.network = "10.0.0.0/25"
    subnet.static_ip_pools = ["10.0.0.100-10.0.0.120"]
    subnet.save()
    assert IPAddress.objects.count() == 21


def test_growing_adopts_what_lies_in_the_new_range():
    subnet = SubnetFactory(network="10.0.0.0/25")
    ServerFactory(ip_address="10.0.0.200")
    subnet.network = "10.0.0.0/24"
    subnet.save()
    assert addresses_of(subnet) == ["10.0.0.200"]


def test_a_subnet_that_moves_gives_its_old_range_back():
    parent = SubnetFactory(network="10.0.0.0/16", static_ip_pools=["10.0.1.1-10.0.1.10"])
    child = SubnetFactory(network="10.0.1.0/24")
    assert addresses_of(parent) == []
    child.network = "10.0.2.0/24"
    child.save()
    assert len(addresses_of(parent)) == 10


def test_a_subnet_that_outgrows_its_parent_leaves_it_the_rows_of_its_old_range():
    parent = SubnetFactory(network="10.0.0.0/24")
    child = SubnetFactory(network="10.0.0.64/26")
    ServerFactory(ip_address="10.0.0.70")
    child.network = "10.0.0.0/16"
    child.save()
    assert row("10.0.0.70").subnet == parent


def test_a_machine_cannot_end_up_on_a_network_address():
    SubnetFactory(network="10.0.0.0/16")
    ServerFactory(hostname="web-1", ip_address="10.0.1.0")
    with pytest.raises(ValidationError, match="web-1"):
        SubnetFactory(network="10.0.1.0/24")


def test_a_child_cannot_appear_inside_a_dhcp_pool():
    parent = SubnetFactory(network="10.0.0.0/16")
    PoolFactory(subnet=parent, first="10.0.1.0", last="10.0.2.0", kind="dhcp")
    with pytest.raises(ValidationError, match="lies in the DHCP pool"):
        SubnetFactory(network="10.0.1.0/24")


def test_a_subnet_stays_in_its_vrf():
    subnet = SubnetFactory(network="10.0.0.0/24")
    subnet.vrf = VRFFactory()
    with pytest.raises(ValidationError, match="stays in its VRF"):
        subnet.save()


# --- deleting -------------------------------------------------------------------------------------


@pytest.fixture
def lived_in():
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.20"])
    ServerFactory(hostname="web-1", ip_address="10.0.0.5")
    reserve(row("10.0.0.6"), "printer")
    quarantine(row("10.0.0.7"), "answers twice")
    allocate(subnet, wanted="10.0.0.8", vm_id="srv-1")
    return subnet


def test_deleting_a_subnet_in_use_is_refused_with_the_list(lived_in):
    with pytest.raises(Conflict) as refused:
        lived_in.delete()
    for holder in ("web-1", "printer", "answers twice", "srv-1"):
        assert holder in str(refused.value)
    assert IPAddress.objects.filter(subnet=lived_in).count() == 20


def test_deleting_many_subnets_is_refused_as_a_whole(lived_in):
    SubnetFactory(network="10.0.1.0/24")
    with pytest.raises(Conflict):
        Subnet.objects.all().delete()
    assert Subnet.objects.count() == 2


def test_forced_deletion_keeps_live_addresses_unplaced(lived_in):
    lived_in.delete(force=True)
    assert [str(found) for found in IPAddress.objects.unplaced()] == [
        "10.0.0.5",
        "10.0.0.6",
        "10.0.0.7",
        "10.0.0.8",
    ]
    assert set(IPAddress.objects.values_list("ip_type", flat=True)) == {"dhcp"}
    assert Pool.objects.count() == 0


def test_an_empty_subnet_goes_with_its_pools_and_free_rows():
    SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.20"]).delete()
    assert (Pool.objects.count(), IPAddress.objects.count()) == (0, 0)


# --- history and names ----------------------------------------------------------------------------


def test_every_change_of_a_subnet_is_in_its_history():
    subnet = SubnetFactory(network="10.0.0.0/24", name="Old")
    subnet.name = "New"
    subnet.save()
    assert [(past.history_type, past.name) for past in subnet.history.all()] == [
        ("~", "New"),
        ("+", "Old"),
    ]


def test_dns_servers_are_a_list_of_addresses():
    subnet = SubnetFactory(dns_servers="10.0.0.2, 2001:db8::2")
    assert Subnet.objects.get(pk=subnet.pk).dns_servers == [
        ipaddress.ip_address("10.0.0.2"),
        ipaddress.ip_address("2001:db8::2"),
    ]
