"""What is probed: the API, the screen, health checks, metrics, and the worker that does it."""

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from django.utils import timezone

from core.findings import DEBUG, WARNING
from discovery import metrics
from discovery.models import DiscoveryRound, SubnetDiscovery
from discovery.probes import health_checks, icmp, names
from discovery.targets import children_of, next_targets
from discovery.worker import Discovery
from ipam.models import Sighting
from tests.ipam.factories import IPAddressFactory, SubnetFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
PATH = "/api/v1/discovery/"


@pytest.fixture
def subnet():
    return SubnetFactory(network="192.0.2.0/24")


def test_a_subnet_is_probed_only_when_somebody_says_so(subnet):
    made = with_token("subnets", "read").post(PATH, {"subnet": subnet.pk})

    assert made.status_code == 201, made.json()
    assert made.json() | {"id": 0} == {
        "id": 0,
        "subnet": subnet.pk,
        "enabled": False,
        "interval": 300,
        "rate": 50,
        "ping": True,
        "arp": True,
        "names": False,
        "agent": "",
    }
    again = with_token("subnets").post(PATH, {"subnet": subnet.pk})
    assert (again.status_code, list(again.json()["errors"])) == (409, ["subnet"])


@pytest.mark.parametrize(("field", "value"), [("rate", 0), ("rate", 1001), ("interval", 29)])
def test_rate_and_interval_are_bounded(subnet, field, value):
    refused = with_token("subnets").post(PATH, {"subnet": subnet.pk, field: value})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])


def test_the_screen_shows_how_the_last_round_went(admin_client, subnet):
    discovery = SubnetDiscovery.objects.create(subnet=subnet, enabled=True)
    now = timezone.now()
    DiscoveryRound.objects.create(
        discovery=discovery,
        last_started_at=now - timedelta(seconds=9),
        last_ended_at=now,
        last_sent=254,
        last_answered=7,
        error="no route",
    )
    url = "/admin/discovery/subnetdiscovery/"
    assert "7 of 254 probes" in admin_client.get(url).content.decode()
    assert "no route" in admin_client.get(f"{url}{discovery.pk}/change/").content.decode()


def findings():
    return [(found.level, found.msg) for found in health_checks.discovery()]


def test_nothing_is_said_where_nothing_is_probed(subnet):
    SubnetDiscovery.objects.create(subnet=subnet)
    assert findings() == []


def test_what_keeps_this_host_from_probing_is_told(subnet, settings, monkeypatch):
    SubnetDiscovery.objects.create(subnet=subnet, enabled=True)
    assert findings()[-1] == (DEBUG, "1 subnet is probed.")

    settings.ARP_HELPER = Path("/nonexistent/socket")
    monkeypatch.setattr(icmp, "why_not", lambda: "no right")
    ping, arp, _fine = findings()
    assert ping == (WARNING, "Subnets are to be pinged, and this user may not: no right.")
    assert arp == (WARNING, "ipmanager-arp does not listen at /nonexistent/socket.")


def test_a_round_that_nobody_does_is_told(subnet):
    discovery = SubnetDiscovery.objects.create(subnet=subnet, enabled=True)
    long_ago = timezone.now() - timedelta(hours=1)
    DiscoveryRound.objects.create(discovery=discovery, due_at=long_ago, held_until=long_ago)
    assert findings()[-1] == (WARNING, "1 subnet is not probed in time.")


def test_metrics_count_rounds_and_probes(subnet):
    discovery = SubnetDiscovery.objects.create(subnet=subnet, enabled=True)
    DiscoveryRound.objects.create(discovery=discovery, rounds=3, total_sent=762)
    values = {one.name: [s.value for s in one.samples] for one in metrics.collect()}
    assert values["ipmanager_discovery_rounds"] == [3]
    assert values["ipmanager_discovery_probes"] == [762]


def test_the_worker_forgets_what_is_old():
    Sighting.objects.create(
        ip_address="192.0.2.9", source="ping", seen_at=timezone.now() - timedelta(days=91)
    )
    work = Discovery()
    work.work()
    assert not Sighting.objects.exists()


# --- which addresses ------------------------------------------------------------------------------


def asked(subnet, number=10, cursor=None):
    inner = children_of([subnet])[subnet.vrf_id, subnet.network]
    targets = next_targets(subnet, cursor, number, inner)
    return [str(ip) for ip in targets.addresses], targets.cursor


def test_a_parent_asks_none_of_its_childrens_addresses():
    parent = SubnetFactory(network="10.0.0.0/29")
    SubnetFactory(network="10.0.0.4/30")
    assert asked(parent) == (["10.0.0.1", "10.0.0.2", "10.0.0.3"], None)
    assert asked(parent, 2) == (["10.0.0.1", "10.0.0.2"], ip_address("10.0.0.2"))
    assert asked(parent, 2, ip_address("10.0.0.2")) == (["10.0.0.3"], None)


@pytest.mark.parametrize("network", ["10.0.0.0/8", "2001:db8::/64"])
def test_of_a_large_subnet_only_known_addresses_are_asked(network):
    subnet = SubnetFactory(network=network)
    first = subnet.network[1]
    IPAddressFactory(ip_address=str(first), status="reserved")
    Sighting.objects.create(ip_address=str(first + 5), source="report")
    assert asked(subnet) == ([str(first), str(first + 5)], None)
    assert asked(subnet, 1) == ([str(first)], first)


def test_reverse_names_are_what_the_resolver_of_this_host_knows():
    known, unknown = ip_address("127.0.0.1"), ip_address("192.0.2.77")
    assert set(names.look_up([known, unknown])) <= {known}
    assert names.look_up([]) == {}
