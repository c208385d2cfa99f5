"""What was seen of the network: how it is recorded, and that a used address is not handed out."""

from datetime import timedelta
from ipaddress import ip_address

import pytest
from django.utils import timezone

from ipam.allocate import allocate, hold_next, next_free, release, reserve_next
from ipam.models import Sighting
from ipam.sightings.record import KEPT, Seen, forget, record
from tests.ipam.admin_forms import queries_in
from tests.ipam.factories import IPAddressFactory, SubnetFactory, VRFFactory
from tests.support.api import with_token
from tests.support.fastpath import both_ways, is_fast

pytestmark = pytest.mark.django_db
MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"


def seen(ip, source="arp", ago=0, **more):
    return Seen(ip_address(ip), source, timezone.now() - timedelta(seconds=ago), **more)


# --- recording ------------------------------------------------------------------------------------


def test_each_address_mac_and_source_has_one_row_whose_clock_goes_forward_only():
    vrf = VRFFactory()
    first = [
        seen("10.0.0.1", ago=60, mac=MAC),
        seen("10.0.0.1", "ping", ago=60, hostname="printer"),
        seen("10.0.0.1", ago=60, mac=MAC, vrf_id=vrf.pk),
        seen("10.0.0.1", "ping", ago=60, vrf_id=vrf.pk),
    ]
    later = [seen("10.0.0.1", "ping"), seen("10.0.0.1", ago=3600, mac=MAC)]

    record(first)
    record(later)

    assert Sighting.objects.count() == 4
    ping, arp = (Sighting.objects.get(vrf=None, source=source) for source in ("ping", "arp"))
    assert (ping.seen_at, ping.first_seen_at) == (later[0].at, first[1].at)
    assert ping.hostname == "printer"  # a later sighting that knows no name keeps it
    assert arp.seen_at == first[0].at


def test_a_clock_that_is_ahead_counts_as_now():
    record([seen("10.0.0.1", ago=-3600)])
    assert Sighting.objects.get().seen_at <= timezone.now()


def test_any_number_of_sightings_takes_four_statements_at_most():
    many = [seen(f"10.0.{n >> 8}.{n & 255}", mac=MAC) for n in range(1000)]
    few = queries_in(lambda: record(many[:2]))
    assert queries_in(lambda: record([*many, seen("10.0.0.1", "ping")])) <= few + 1


def test_what_has_not_been_seen_for_long_is_forgotten():
    record([seen("10.0.0.1", ago=KEPT.total_seconds() + 5), seen("10.0.0.2")])
    assert forget() == 1


# --- handing out ----------------------------------------------------------------------------------


@pytest.fixture(params=["pooled", "unpooled"])
def subnet(request):
    pools = {"pooled": ["10.0.0.1-10.0.0.9"], "unpooled": []}[request.param]
    return SubnetFactory(network="10.0.0.0/24", static_ip_pools=pools)


@pytest.mark.parametrize("source", ["arp", "ping", "dhcp", "report"])
def test_an_address_that_has_answered_is_passed_over(subnet, source):
    record([seen("10.0.0.1", source), seen("10.0.0.2", source, ago=3500)])

    assert str(next_free(subnet)) == "10.0.0.3"
    assert str(allocate(subnet).row) == "10.0.0.3"
    assert str(allocate(subnet, mac_address=MAC).row) == "10.0.0.4"
    assert str(reserve_next(subnet)) == "10.0.0.5"


def test_old_answers_names_and_other_vrfs_keep_nothing_back(subnet, settings):
    record(
        [
            seen("10.0.0.1", ago=3700),
            seen("10.0.0.2", "dns"),
            seen("10.0.0.3", vrf_id=VRFFactory().pk),
        ]
    )
    assert [str(allocate(subnet).row) for _ in range(3)] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    record([seen("10.0.0.4")])
    settings.SKIP_ANSWERED = 0
    assert str(allocate(subnet).row) == "10.0.0.4"


def test_a_machine_may_have_the_address_that_it_answers_at(subnet):
    record([seen("10.0.0.1", mac=MAC)])

    assert str(hold_next(subnet, OTHER)) == "10.0.0.2"
    assert str(allocate(subnet, mac_address=MAC).row) == "10.0.0.1"


def test_an_address_is_still_there_for_those_who_name_it(subnet):
    record([seen("10.0.0.1")])

    assert str(allocate(subnet, wanted="10.0.0.1").row) == "10.0.0.1"


def test_the_fast_path_passes_over_the_same_addresses():
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"])
    client, url = with_token("allocate"), f"/api/v1/subnets/{subnet.pk}/next-free/"
    client.post(url)  # Django records the first use of a day
    record([seen("10.0.0.2", mac=MAC), seen("10.0.0.3", "ping"), seen("10.0.0.4", ago=3700)])

    fast, slow = both_ways(lambda: client.post(url, {"hostname": "web"}))

    assert (is_fast(fast), is_fast(slow)) == (True, False)
    assert fast.json()["ip_address"] == slow.json()["ip_address"] == "10.0.0.4"


def test_used_addresses_cost_no_query_each(subnet):
    def cost():
        return queries_in(lambda: release(allocate(subnet).row))

    few = cost()
    record([seen(f"10.0.0.{n}") for n in range(1, 8)])
    assert cost() == few


# --- on the pages ---------------------------------------------------------------------------------


def test_pages_tell_when_an_address_has_last_answered_and_how(admin_client):
    reserved = IPAddressFactory(ip_address="10.0.0.1", status="reserved")
    record([seen("10.0.0.1", "ping", ago=3600), seen("10.0.0.1", ago=180, mac=MAC)])
    IPAddressFactory(ip_address="10.0.0.2", status="reserved")

    told = "Answered 3\xa0minutes ago: ARP"
    assert told in admin_client.get(reserved.get_absolute_url()).content.decode()
    page = admin_client.get("/ipam/").content.decode()
    assert page.count(told) == 1 and page.count("not probed</span>") == 1
    assert "10.0.0.1" in admin_client.get("/ipam/?active=yes").content.decode()
    assert told not in admin_client.get("/ipam/?active=unknown").content.decode()
