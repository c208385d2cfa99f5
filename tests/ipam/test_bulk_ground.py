"""Bulk writes of subnets, pools and servers obey the same rules as single saves, and the rows follow."""

import pytest
from django.core.exceptions import ValidationError

from ipam.models import IPAddress, Pool, Server, Subnet
from ipam.populate import populate
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db


def is_settled():
    report = populate()
    return not any((report.static_created, report.dhcp_created, report.freed, report.deleted, report.moved))


def test_subnets_made_in_bulk_adopt_their_addresses():
    ServerFactory(ip_address="10.0.0.5")
    Subnet.objects.bulk_create([Subnet(network="10.0.0.0/24"), Subnet(network="10.0.1.0/24")])
    assert IPAddress.objects.get().subnet.network[0] == IPAddress.objects.get().ip_address - 5


def test_pools_made_in_bulk_have_their_rows():
    subnet = SubnetFactory(network="10.0.0.0/24")
    Pool.objects.bulk_create([Pool(subnet=subnet, first="10.0.0.1", last="10.0.0.9")])
    assert IPAddress.objects.count() == 9


def test_a_bulk_update_of_a_gateway_or_pool_moves_the_rows():
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"])
    Subnet.objects.update(gateway="10.0.0.1")
    Pool.objects.update(last="10.0.0.20")
    assert IPAddress.objects.filter(subnet=subnet).count() == 19
    assert is_settled()


@pytest.mark.parametrize(("first", "last"), [("10.0.0.5", "10.0.0.30"), ("10.0.1.1", "10.0.1.9")])
def test_a_bulk_write_of_a_wrong_pool_is_refused_as_a_whole(first, last):
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"])
    with pytest.raises(ValidationError, match="overlaps|is not in"):
        Pool.objects.bulk_create([Pool(subnet=subnet, first=first, last=last)])
    assert Pool.objects.count() == 1


@pytest.mark.parametrize(("address", "mac"), [("10.0.0.0", "02:00:00:00:00:01"), ("10.0.0.50", None)])
def test_a_bulk_write_cannot_put_a_server_where_no_machine_may_be(address, mac):
    PoolFactory(subnet=SubnetFactory(network="10.0.0.0/24"), first="10.0.0.40", last="10.0.0.60", kind="dhcp")
    with pytest.raises(ValidationError, match="no machine may have it|Give the MAC"):
        Server.objects.bulk_create([ServerFactory.build(ip_address=address, mac_address=mac)])
    assert not Server.objects.exists()


def test_a_bulk_write_of_a_taken_name_says_whose_it_is():
    ServerFactory(hostname="web-1")
    with pytest.raises(ValidationError, match="called “web-1” already"):
        Server.objects.bulk_create([ServerFactory.build(hostname="WEB-1")])


def test_a_server_does_not_carry_its_interfaces_into_a_vrf_where_they_clash():
    vrf = VRFFactory()
    ServerFactory(hostname="there", vrf=vrf, mac_address="02:00:00:00:aa:01")
    nic = InterfaceFactory(name="eth1", mac_address="02:00:00:00:aa:01")
    nic.server.vrf = vrf
    with pytest.raises(ValidationError, match="eth1: 02:00:00:00:aa:01 belongs to server “there”"):
        nic.server.save()


def test_saving_some_fields_places_what_the_database_says():
    SubnetFactory(network="10.0.0.0/24")
    server = ServerFactory(ip_address="10.0.0.5")
    server.ip_address = "10.0.0.6"
    server.save(update_fields=["hostname"])
    assert [str(row) for row in IPAddress.objects.live()] == ["10.0.0.5"]


@pytest.mark.parametrize("strings", [["garbage"], ["10.0.0.9-10.0.0.5"], [None]])
def test_a_pool_string_that_is_none_is_refused_by_name(strings):
    with pytest.raises(ValidationError) as refused:
        SubnetFactory(network="10.0.0.0/24", static_ip_pools=strings)
    assert "static_ip_pools" in refused.value.message_dict


def test_a_childs_pool_cannot_hold_the_gateway_of_the_subnet_around():
    SubnetFactory(network="10.0.0.0/16", gateway="10.0.0.1")
    with pytest.raises(ValidationError, match=r"10\.0\.0\.1, the gateway of 10\.0\.0\.0/16"):
        SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"])


def test_a_gateway_cannot_be_put_into_a_childs_pool():
    wide = SubnetFactory(network="10.0.0.0/16")
    SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"])
    wide.gateway = "10.0.0.1"
    with pytest.raises(ValidationError, match="change that pool first"):
        wide.save()


def test_not_even_force_puts_a_machine_on_a_network_address():
    SubnetFactory(network="10.0.0.0/24")
    small = SubnetFactory(network="10.0.0.0/31")
    ServerFactory(hostname="web-1", ip_address="10.0.0.0")
    with pytest.raises(Exception, match="web-1"):
        small.delete(force=True)
