"""Addresses of squatters are not handed out: machines that nobody has documented, at free
addresses."""

import random
from datetime import timedelta
from ipaddress import ip_address

import pytest
from django.utils import timezone

from discovery import handout, squatters
from discovery.models import Squatter, SubnetDiscovery
from discovery.rounds import Prober
from ipam.allocate import allocate, quarantine, release
from ipam.models import IPAddress, Sighting
from tests.discovery.network import arp_helper, network
from tests.discovery.test_rounds import mac, whole_round
from tests.ipam.factories import SubnetFactory
from tests.support.api import with_token

SQUATTERS = 60


@pytest.fixture(scope="module")
def squatted():
    """A third of them is silent to ping. `random` has the run's seed (tests/conftest.py)."""
    numbers = random.sample(range(2, 255), SQUATTERS)
    hosts = [
        (f"10.69.0.{number}", mac(number), "arp" if at % 3 == 0 else "arp ping")
        for at, number in enumerate(numbers)
    ]
    with network(hosts, "10.69.0.1/24") as net:
        net.squatters = {ip for ip, _mac, _answers in hosts}
        yield net


@pytest.fixture(params=["pooled", "unpooled"])
def subnet(request):
    pools = {"pooled": ["10.69.0.1-10.69.0.254"], "unpooled": []}[request.param]
    subnet = SubnetFactory(network="10.69.0.0/24", gateway="10.69.0.1", static_ip_pools=pools)
    SubnetDiscovery.objects.create(subnet=subnet, enabled=True, rate=1000)
    return subnet


@pytest.fixture(autouse=True)
def nothing_remembered():
    handout._silent.clear()


def next_free(subnet, calls):
    """What so many random calls hand out; each second one gives an address back before."""
    client, path = with_token("allocate"), f"/api/v1/subnets/{subnet.pk}/next-free/"
    given, held = [], []
    for number in range(calls):
        if held and random.random() < 0.5:
            release(held.pop(random.randrange(len(held))))
        body = random.choice([{}, {"hostname": f"vm{number}"}, {"mac_address": mac(number + 5000)}])
        answer = client.post(path, body)
        assert answer.status_code == 201, answer.json()
        given.append(answer.json()["ip_address"])
        held.append(IPAddress.objects.get(ip_address=given[-1]))
    return given


@pytest.mark.django_db
def test_after_a_round_no_squatters_address_is_handed_out(squatted, subnet, settings):
    settings.PROBE_RATE = 1000
    whole_round(squatted)

    assert squatted.squatters.isdisjoint(next_free(subnet, 200))


@pytest.mark.django_db
def test_asked_at_handout_no_squatters_address_is_handed_out_although_there_was_no_round(
    squatted, subnet, settings
):
    settings.PROBE_RATE, settings.ASK_BEFORE_HANDOUT = 1000, 200
    with squatted.entered(), arp_helper(squatted) as settings.ARP_HELPER:
        handout._scanner.cache_clear()
        given = next_free(subnet, 40)

    assert squatted.squatters.isdisjoint(given)


# --- quarantine -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_free_address_that_answers_is_in_quarantine_until_it_is_silent(settings):
    settings.QUARANTINE_SQUATTERS = 7200
    SubnetFactory(network="10.69.0.0/24", static_ip_pools=["10.69.0.2-10.69.0.9"])
    there = [ip_address("10.69.0.2"), ip_address("10.69.0.3")]
    for ip in there:
        Sighting.objects.create(ip_address=ip, source="ping")

    assert (squatters.quarantine(there), squatters.quarantine(there)) == (2, 0)
    row = IPAddress.objects.get(ip_address=there[0])
    assert (row.status, row.description) == ("quarantine", "Somebody answers at this address.")
    assert squatters.release() == 0

    Squatter.objects.update(expires_at=timezone.now())
    Sighting.objects.filter(ip_address=there[0]).update(
        seen_at=timezone.now() - timedelta(seconds=3700)
    )
    assert squatters.release() == 1
    statuses = IPAddress.objects.filter(ip_address__in=there).order_by("ip_address")
    assert list(statuses.values_list("status", flat=True)) == ["available", "quarantine"]
    assert Squatter.objects.get().expires_at > timezone.now()


@pytest.mark.django_db
def test_a_quarantine_that_was_ended_by_hand_stays_ended(settings):
    subnet = SubnetFactory(network="10.69.0.0/24", static_ip_pools=["10.69.0.2-10.69.0.9"])
    Sighting.objects.create(ip_address="10.69.0.2", source="arp", mac_address=mac(2))
    squatters.quarantine()
    release(IPAddress.objects.get(ip_address="10.69.0.2"))
    given = allocate(subnet, wanted="10.69.0.2", vm_id="vm").row

    Squatter.objects.update(expires_at=timezone.now())
    assert squatters.release() == 0
    given.refresh_from_db()
    assert (given.status, Squatter.objects.count()) == ("allocated", 0)


@pytest.mark.django_db
def test_a_quarantine_by_hand_does_not_end_with_the_one_before():
    SubnetFactory(network="10.69.0.0/24", static_ip_pools=["10.69.0.2-10.69.0.9"])
    Sighting.objects.create(ip_address="10.69.0.2", source="arp", mac_address=mac(2))
    squatters.quarantine()
    free = release(IPAddress.objects.get(ip_address="10.69.0.2"))
    row = quarantine(free, "broken port")

    Squatter.objects.update(expires_at=timezone.now())
    Sighting.objects.all().delete()
    assert squatters.release() == 0
    row.refresh_from_db()
    assert (row.status, row.description) == ("quarantine", "broken port")
    assert not Squatter.objects.exists()


@pytest.mark.django_db
def test_a_host_that_is_in_no_such_network_asks_nobody(settings):
    settings.ASK_BEFORE_HANDOUT = 100
    subnet = SubnetFactory(network="203.0.113.0/24")
    SubnetDiscovery.objects.create(subnet=subnet, enabled=True)

    assert handout.ask(subnet, [ip_address("203.0.113.1")]) == set()
    assert str(allocate(subnet).row) == "203.0.113.1"
    assert Prober("elsewhere").step() == 0
