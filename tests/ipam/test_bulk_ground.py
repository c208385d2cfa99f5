"""Bulk writes of subnets, pools and servers obey the same rules as single saves, and the rows
follow."""

from ipaddress import ip_address

import pytest
from django.core.exceptions import ValidationError
from django.db.models.signals import post_init

from ipam.models import IPAddress, Pool, Server, Subnet
from ipam.placement.populate import populate
from ipam.querysets import SubnetIndex
from ipam.transfer.servers import make_servers
from tests.ipam.factories import (
    InterfaceFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)

pytestmark = pytest.mark.django_db


def is_settled():
    report = populate()
    return not any(
        (report.static_created, report.dhcp_created, report.freed, report.deleted, report.moved)
    )


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


@pytest.mark.parametrize(
    ("address", "mac"), [("10.0.0.0", "02:00:00:00:00:01"), ("10.0.0.50", None)]
)
def test_a_bulk_write_cannot_put_a_server_where_no_machine_may_be(address, mac):
    PoolFactory(
        subnet=SubnetFactory(network="10.0.0.0/24"),
        first="10.0.0.40",
        last="10.0.0.60",
        kind="dhcp",
    )
    with pytest.raises(ValidationError, match="no machine may have it|Specify the MAC"):
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


@pytest.mark.parametrize(
    "around", [10, 300]
)  # few are read at once, of many only those that may matter
def test_addresses_find_their_most_specific_subnet_among_few_and_among_many(around):
    Subnet._base_manager.bulk_create(
        Subnet(network=f"10.{n // 200}.{n % 200}.0/24") for n in range(around)
    )
    Subnet._base_manager.bulk_create([Subnet(network="10.0.5.0/28"), Subnet(network="10.0.0.0/8")])
    wanted = [
        ip_address(text)
        for text in ("10.0.5.7", "10.0.5.17", "10.9.9.9", *(f"10.0.{n}.99" for n in range(9)))
    ]
    index = SubnetIndex.of(wanted, Subnet.objects.all())
    found = [str(index.containing(None, address).network) for address in wanted]
    assert found == [
        "10.0.5.0/28",
        "10.0.5.0/24",
        "10.0.0.0/8",
        *(f"10.0.{n}.0/24" for n in range(9)),
    ]
    assert index.containing(None, ip_address("192.0.2.1")) is None


def test_servers_made_in_bulk_read_as_many_subnets_whatever_there_are():
    def read(number):
        Subnet._base_manager.bulk_create(
            Subnet(network=f"10.{number}.{n}.0/24") for n in range(200)
        )
        seen = []

        def see(instance, **kwargs):
            seen.append(instance)

        post_init.connect(see, sender=Subnet)
        try:
            names = [10 * number + n for n in range(1, 10)]
            make_servers(
                [{"hostname": f"s{n}", "ip_address": ip_address(f"10.0.7.{n}")} for n in names]
            )
        finally:
            post_init.disconnect(see, sender=Subnet)
        return len(seen)

    assert read(0) == read(1) == read(2)
    assert {str(row.subnet.network) for row in IPAddress.objects.all()} == {"10.0.7.0/24"}
