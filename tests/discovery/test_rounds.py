"""Rounds of discovery in a network of simulated hosts."""

import os
import time
from collections import Counter
from datetime import timedelta
from ipaddress import ip_address

import pytest
from django.utils import timezone

from discovery.models import SubnetDiscovery
from discovery.rounds import Prober
from ipam.models import IPAddress, Sighting
from tests.discovery.network import arp_helper, network
from tests.ipam.admin_forms import queries_in
from tests.ipam.factories import IPAddressFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
MOST, LENGTH, RATE = (1002, 22, 250) if LONG else (22, 27, 100)


def mac(number):
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def host(number, answers="arp ping"):
    return [str(ip_address("10.66.0.0") + number), mac(number), answers]


# 4 is silent to ping, and 9 has two machines.
HOSTS = [host(2), host(3), host(4, "arp"), host(9), ["10.66.0.9", mac(0x909), "arp"]]


@pytest.fixture(scope="module")
def net():
    with network(HOSTS, "10.66.0.1/28") as net:
        yield net


@pytest.fixture
def helper(net, settings):
    with arp_helper(net) as settings.ARP_HELPER:
        yield


@pytest.fixture
def discovery():
    subnet = SubnetFactory(network="10.66.0.0/28", static_ip_pools=["10.66.0.2-10.66.0.14"])
    return SubnetDiscovery.objects.create(subnet=subnet, enabled=True, rate=200)


def whole_round(net, prober=None, now=None):
    with net.entered():
        steps = 0
        while (prober or Prober()).step(now):
            steps += 1
            assert steps < 100
    return steps


def found(source):
    rows = Sighting.objects.filter(source=source).order_by("ip_address", "mac_address")
    return [(str(row.ip_address)[8:], row.mac_address) for row in rows]


def busiest_second(times):
    """The most packets within any second."""
    return max(sum(start <= at < start + 1 for at in times) for start in times)


def test_ping_and_the_neighbour_table_tell_who_is_there(net, discovery):
    whole_round(net)

    assert [ip for ip, _mac in found("ping")] == ["1", "2", "3", "9"]
    assert [ip for ip, _mac in found("arp")] == ["2", "3", "4", "9"]
    discovery.round.refresh_from_db()
    assert (discovery.round.last_sent, discovery.round.error) == (14, "")


def test_the_helper_asks_by_arp_and_finds_both_machines_of_one_address(net, discovery, helper):
    whole_round(net)

    both = [("9", mac(9)), ("9", mac(0x909))]
    assert found("arp") == [("2", mac(2)), ("3", mac(3)), ("4", mac(4)), *both]


def test_a_round_waits_for_its_interval_and_a_subnet_that_is_not_enabled_is_not_asked(
    net, discovery
):
    other = SubnetFactory(network="10.66.0.0/24")
    SubnetDiscovery.objects.create(subnet=other, interval=60)
    whole_round(net)

    assert whole_round(net) == 0
    assert whole_round(net, now=timezone.now() + timedelta(seconds=301)) > 0


def test_an_address_that_somebody_counts_on_is_active_while_it_answers(net, discovery):
    def row(number, **more):
        IPAddress.objects.filter(ip_address=f"10.66.0.{number}").delete()
        return IPAddressFactory(ip_address=f"10.66.0.{number}", status="reserved", **more)

    silent, there = row(6, hostname="six", mac_address=mac(0x66)), row(4, active=False)
    before = [list(one.history.values()) for one in (silent, there)]
    whole_round(net)

    silent.refresh_from_db()
    there.refresh_from_db()
    assert (silent.active, there.active) == (False, True)
    assert (silent.hostname, silent.mac_address, there.mac_address) == ("six", mac(0x66), None)
    assert [list(one.history.values()) for one in (silent, there)] == before


def test_a_round_goes_on_where_a_prober_was_stopped(net, discovery):
    discovery.rate = 1
    discovery.save()
    stopped, other = Prober(), Prober()
    other.holder = "another host:1"
    with net.entered():
        stopped.step()
        assert other.step() == 1  # the step is over, so anybody may do the next one
    discovery.round.refresh_from_db()
    sent = discovery.round.sent
    assert 2 <= sent < 14 and discovery.round.cursor == ip_address("10.66.0.0") + sent

    held = timezone.now() + timedelta(seconds=60)
    type(discovery.round).objects.update(held_until=held, held_by="another host:1")
    assert stopped.step() == 0


def test_the_neighbour_table_is_read_for_enabled_subnets_of_any_vrf(net, discovery):
    vrf = VRFFactory()
    SubnetDiscovery.objects.create(
        subnet=SubnetFactory(network="10.66.0.0/29", vrf=vrf), enabled=True
    )
    with net.entered():
        assert Prober("berlin").look_at_neighbours() == 0
        assert Prober().look_at_neighbours() > 0
    assert Counter(Sighting.objects.values_list("vrf", flat=True))[vrf.pk] > 0


def test_many_subnets_take_no_more_statements_than_one(net, discovery):
    prober = Prober()
    prober.scanner.scan = lambda batches, seconds: None
    now = timezone.now()
    prober.step(now)
    cost = queries_in(lambda: prober.step(now))  # the round ends
    for number in range(1, 9):
        subnet = SubnetFactory(network=f"10.67.{number}.0/28")
        SubnetDiscovery.objects.create(subnet=subnet, enabled=True)

    later = now + timedelta(seconds=400)
    assert prober.step(later) == 9
    assert queries_in(lambda: prober.step(later)) == cost


def test_the_rate_of_a_subnet_and_that_of_all_are_kept_on_the_wire(settings):
    """Ping makes the kernel ask for each address by ARP up to three times; the helper asks once."""
    settings.PROBE_RATE = 60
    for number, rate in ((0, 20), (1, 40), (2, 40)):
        subnet = SubnetFactory(network=f"10.68.{number}.0/24")
        SubnetDiscovery.objects.create(subnet=subnet, enabled=True, rate=rate)
    with network([], "10.68.0.1/22") as wire, wire.entered():
        Prober().step()
        time.sleep(2)  # for the kernel's last question
        by_ping = wire.count()
        with arp_helper(wire) as settings.ARP_HELPER:
            Prober().step()
        by_helper = wire.count()

    assert set(by_helper["asked"].values()) == {1}
    for arrived in (by_ping, by_helper):
        assert len(arrived["times"]) >= 120
        assert busiest_second(arrived["times"]) <= 60 + 3
    slowest = [at for at, ip in arrived["packets"] if ip.startswith("10.68.0.")]
    assert busiest_second(slowest) <= 20 + 1


def test_all_hosts_are_found_at_the_rate_that_was_set(settings):
    """The long form (`make proof`) has 1,000 hosts. Each seventh is silent to ping."""
    settings.PROBE_RATE = RATE
    hosts = [host(number, "arp" if number % 7 == 0 else "arp ping") for number in range(2, MOST)]
    subnet = SubnetFactory(network=f"10.66.0.0/{LENGTH}")
    SubnetDiscovery.objects.create(subnet=subnet, enabled=True, rate=RATE)
    with network(hosts, f"10.66.0.1/{LENGTH}") as wire, arp_helper(wire) as settings.ARP_HELPER:
        whole_round(wire)
        times = wire.count()["times"]

    rows = Sighting.objects.filter(source="arp").values_list("ip_address", "mac_address")
    assert {(str(ip), card) for ip, card in rows} == {(ip, card) for ip, card, _kind in hosts}
    told = f"{len(times)} packets in {times[-1] - times[0]:.0f} s"
    assert busiest_second(times) <= RATE * 1.05, told


def test_a_network_of_silent_addresses_fills_the_kernel_s_queue_and_none_is_left_out(settings):
    settings.PROBE_RATE = 1000
    subnet = SubnetFactory(network="10.67.0.0/23")
    discovery = SubnetDiscovery.objects.create(subnet=subnet, enabled=True, rate=1000)
    there = [f"10.67.1.{number}" for number in (100, 200, 250)]
    with network([[ip, mac(at), "arp ping"] for at, ip in enumerate(there)], "10.67.0.1/23") as net:
        whole_round(net)

    seen = Sighting.objects.filter(source="ping").order_by("ip_address")
    assert list(map(str, seen.values_list("ip_address", flat=True))) == ["10.67.0.1", *there]
    discovery.round.refresh_from_db()
    assert (discovery.round.last_sent, discovery.round.error) == (510, "")
