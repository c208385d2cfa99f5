"""Leases as intervals: who held which address, from when to when, and how that ended."""

import random
from datetime import timedelta
from importlib import import_module
from ipaddress import ip_address
from itertools import pairwise
from urllib.parse import quote

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from core.following.entries import Entry
from dhcp.leases.ingest import ingest
from dhcp.leases.intervals import record
from dhcp.leases.intervals.record import GRACE, expire
from dhcp.leases.lease_file import FOREVER, LeaseRecord
from dhcp.log.store import store
from dhcp.models import LeaseInterval
from ipam.models import Sighting, Subnet
from ops.prune import prune
from tests.ipam.admin_forms import queries_in, rows_shown
from tests.support.api import answer, with_token

pytestmark = pytest.mark.django_db

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
NOW = timezone.now().replace(microsecond=0)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SOON, LATER = NOW + MINUTE, NOW + HOUR
URL = "/api/v1/dhcp/lease-intervals/"


def lease(number=9, mac=A, until=LATER, **more):
    return LeaseRecord(ip_address(f"10.77.0.{number}"), mac, until, **more)


def ended():
    """How and when each has ended, by address and beginning."""
    rows = LeaseInterval.objects.exclude(ended_at=None).order_by("ip_address", "started_at")
    return list(rows.values_list("ended_how", "ended_at"))


def released(message, at):
    with transaction.atomic():
        store([Entry(at, "dnsmasq-dhcp", f"DHCPRELEASE(eth0) {message}")], None)


def test_a_new_lease_begins_when_it_is_seen():
    ingest([lease(hostname="web", client_id=f"01:{A}")], NOW, "berlin")
    row = LeaseInterval.objects.get()
    assert (str(row.ip_address), row.mac_address, row.client_id) == ("10.77.0.9", A, f"01:{A}")
    assert (row.hostname, row.origin) == ("web", "berlin")
    assert (row.started_at, row.last_seen, row.leased_until) == (NOW, NOW, LATER)
    assert (row.ended_at, row.ended_how) == (None, "")


def test_a_renewal_prolongs_it():
    ingest([lease()], NOW)
    ingest([lease(until=FOREVER, hostname="web")], SOON)
    row = LeaseInterval.objects.get()
    assert (row.started_at, row.last_seen, row.leased_until) == (NOW, SOON, FOREVER)
    assert row.hostname == "web"


def test_another_machine_replaces_the_holder():
    ingest([lease()], NOW)
    ingest([lease(mac=B)], SOON)
    assert ended() == [("replaced", SOON)]
    assert LeaseInterval.objects.open().get().started_at == SOON


def test_a_machine_that_gets_another_address_has_moved():
    ingest([lease()], NOW)
    ingest([lease(10)], SOON)
    assert ended() == [("moved", SOON)]


def test_a_machine_that_keeps_its_ipv6_address_has_not_moved():
    v6 = LeaseRecord(ip_address("fd00::9"), A, LATER, duid=f"00:03:00:01:{A}")
    ingest([lease(), v6], NOW)
    ingest([v6], SOON)
    assert ended() == [("vanished", SOON)]


def test_what_neither_file_nor_log_explains_has_vanished():
    ingest([lease()], NOW)
    ingest([], SOON)
    assert ended() == [("vanished", SOON)]


@pytest.mark.parametrize("is_read_first", [True, False])
def test_the_log_tells_that_it_was_given_back(is_read_first):
    at = SOON - timedelta(seconds=5)
    ingest([lease()], NOW)
    if is_read_first:
        released(f"10.77.0.9 {A}", at)
    ingest([], SOON)
    if not is_read_first:
        released(f"10.77.0.9 {A}", at)
    assert ended() == [("released", at)]


def test_dhcpv6_gives_all_of_a_machine_s_leases_back():
    duid = "00:02:00:00:ab:11:01:22"
    ingest([LeaseRecord(ip_address("fd00::9"), None, LATER, duid=duid)], NOW)
    ingest([], SOON)
    released(duid, SOON)
    assert ended() == [("released", SOON)]


@pytest.mark.parametrize(
    "message", [f"10.77.0.9 {B}", f"10.77.0.10 {A}", f"10.77.0.9 {A} unknown lease"]
)
def test_another_release_explains_nothing(message):
    ingest([lease()], NOW)
    released(message, SOON)
    ingest([], SOON)
    released(message, SOON)
    assert ended() == [("vanished", SOON)]


def test_a_release_before_the_last_renewal_explains_nothing():
    ingest([lease()], NOW)
    released(f"10.77.0.9 {A}", NOW + timedelta(seconds=10))
    ingest([lease(until=FOREVER)], SOON)
    ingest([], SOON + MINUTE)
    assert ended() == [("vanished", SOON + MINUTE)]


def test_a_lease_that_runs_out_has_ended_then():
    ingest([lease()], NOW)
    assert expire(LATER) == 0  # it may have been renewed at the last moment
    assert expire(LATER + GRACE) == 1
    assert ended() == [("expired", LATER)]
    assert expire(LATER + HOUR) == 0


def test_a_renewal_of_the_last_moment_is_no_new_lease():
    ingest([lease()], NOW)
    ingest([lease(until=LATER + HOUR)], LATER + timedelta(seconds=5))
    assert LeaseInterval.objects.get().leased_until == LATER + HOUR


def test_a_machine_that_comes_back_later_begins_anew():
    back = LATER + HOUR
    ingest([lease()], NOW)
    ingest([lease(until=back + HOUR)], back)
    assert ended() == [("expired", LATER)]
    assert LeaseInterval.objects.open().get().started_at == back


def test_an_address_that_was_free_meanwhile_was_not_taken_away():
    ingest([lease()], NOW)
    ingest([lease(mac=B, until=LATER + HOUR)], LATER + timedelta(seconds=5))
    assert ended() == [("expired", LATER)]


def test_a_lease_that_was_over_when_it_was_first_read_is_no_interval():
    ingest([lease(until=NOW - MINUTE)], NOW)
    assert not LeaseInterval.objects.exists()


def test_a_lease_that_is_over_replaces_nobody():
    ingest([lease()], NOW)
    ingest([lease(mac=B, until=NOW - MINUTE)], SOON, "berlin")
    assert ended() == []


def test_leases_that_a_shortened_file_lost_last_until_their_end():
    ingest([lease(number) for number in range(10, 20)], NOW)
    ingest([], SOON)
    assert LeaseInterval.objects.open().count() == 10
    expire(LATER + GRACE)
    assert {how for how, _at in ended()} == {"expired"}


def test_the_machine_that_renewed_last_holds_what_two_files_name():
    ingest([lease()], NOW)
    ingest([lease(mac=B)], SOON, "berlin")
    ingest([lease(until=FOREVER)], SOON + MINUTE)
    rows = LeaseInterval.objects.order_by("started_at").values_list("mac_address", "ended_how")
    assert list(rows) == [(A, "replaced"), (B, "replaced"), (A, "")]


def test_a_clock_that_is_set_back_lets_none_overlap():
    ingest([lease()], NOW)
    ingest([lease(mac=B)], LATER - MINUTE)
    ingest([lease(mac=A, until=FOREVER)], NOW + MINUTE)
    ingest([lease(mac=B, until=FOREVER)], NOW + 2 * MINUTE)
    assert overlaps() == []


def test_a_lease_that_was_ended_from_here_says_so():
    ingest([lease(), lease(10, B)], NOW)
    ingest([lease(10, B)], SOON)  # read before the eviction was recorded
    for number, mac in ((9, A), (10, B)):
        record.evicted(ip_address(f"10.77.0.{number}"), mac, since=NOW, now=SOON)
    assert ended() == [("evicted", SOON), ("evicted", SOON)]


def test_who_held_what_is_asked_of_any_moment():
    ingest([lease(), lease(10, B)], NOW)
    ingest([lease(10, A, LATER + HOUR)], SOON)

    def held(moment):
        rows = LeaseInterval.objects.at(moment).order_by("ip_address")
        return [(str(row.ip_address), row.mac_address) for row in rows]

    assert held(NOW - MINUTE) == []
    assert held(NOW) == [("10.77.0.9", A), ("10.77.0.10", B)]
    assert held(SOON) == [("10.77.0.10", A)]
    assert held(LATER + HOUR) == []  # it ends then, whether or not anybody has looked
    of_ten = LeaseInterval.objects.of_address(None, ip_address("10.77.0.10"))
    assert [row.mac_address for row in of_ten] == [A, B]


def test_the_database_knows_one_holder_of_an_address():
    ingest([lease()], NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        LeaseInterval.objects.create(ip_address="10.77.0.9", mac_address=B, leased_until=LATER)
    row = LeaseInterval.objects.get()
    for wrong in ({"ended_at": SOON}, {"ended_at": NOW - MINUTE, "ended_how": "expired"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            LeaseInterval.objects.filter(pk=row.pk).update(**wrong)


# --- any history ----------------------------------------------------------------------------------


def overlaps():
    """Intervals of one address of which the earlier one ends after the later one begins."""
    rows = list(LeaseInterval.objects.order_by("ip_address", "started_at", "pk"))
    return [
        (former, row)
        for former, row in pairwise(rows)
        if former.ip_address == row.ip_address
        and (former.ended_at is None or former.ended_at > row.started_at)
    ]


def any_file(now):
    """Some of eleven addresses, each with one of fourteen machines."""
    numbers = random.sample(range(1, 12), random.randint(0, 8))
    macs = (f"02:00:00:00:00:{random.randrange(14):02x}" for _number in numbers)
    until = (now + timedelta(minutes=random.randint(1, 30)) for _number in numbers)
    return list(map(lease, numbers, macs, until))


def something_happens(now, origins):
    action = random.random()
    if action < 0.7:
        ingest(any_file(now), now, random.choice(origins))
    elif action < 0.9:
        released(f"10.77.0.{random.randint(1, 11)} {A}", now)
    else:
        expire(now)


def test_after_any_history_the_intervals_tell_who_held_what():
    now, snapshots = NOW, {}
    for _step in range(60):
        now += timedelta(minutes=random.choice([1, 2, 5, 20]))
        something_happens(now, [""])
        held = Sighting.objects.filter(source="lease", leased_until__gt=now)
        snapshots[now] = set(held.values_list("ip_address", "mac_address"))
    for moment, held in snapshots.items():
        rows = LeaseInterval.objects.at(moment).values_list("ip_address", "mac_address")
        assert set(rows) == held, moment
    assert overlaps() == []


def test_intervals_of_an_address_never_overlap_whatever_servers_and_clocks_do():
    now = NOW
    for _step in range(60):
        now += timedelta(minutes=random.choice([0, 1, 5, 20, -30]))
        something_happens(now, ["", "berlin"])
    assert overlaps() == []


def test_the_leases_of_an_upgraded_installation_go_on():
    facts = {"source": "lease", "seen_at": NOW}
    for number, mac, until in ((9, A, LATER), (9, B, FOREVER), (10, A, NOW - HOUR)):
        Sighting.objects.create(
            ip_address=f"10.77.0.{number}", mac_address=mac, leased_until=until, **facts
        )
    migration = import_module("dhcp.migrations.0022_lease_intervals")
    with connection.cursor() as cursor:
        cursor.execute(migration.LIVE_LEASES)
    row = LeaseInterval.objects.get()
    assert (row.mac_address, row.started_at, row.leased_until) == (B, NOW, FOREVER)


# --- cost -----------------------------------------------------------------------------------------


def test_a_thousand_leases_cost_as_many_queries_as_ten():
    def found(count, until):
        first, macs = ip_address("10.78.0.0"), (f"02:00:00:00:{n:04x}" for n in range(count))
        spelt = (f"{mac[:-2]}:{mac[-2:]}" for mac in macs)
        return [LeaseRecord(first + n, mac, until) for n, mac in enumerate(spelt)]

    ingest(found(1000, LATER), NOW)
    many = queries_in(lambda: ingest(found(1000, FOREVER), SOON))
    few = [*found(10, LATER), *found(1000, FOREVER)[10:]]
    assert queries_in(lambda: ingest(few, SOON)) == many
    assert queries_in(lambda: ingest(few, SOON)) < many  # nothing has changed


def test_what_ended_long_ago_is_forgotten_and_nothing_that_lasts(settings):
    settings.KEEP_HISTORY = 30
    old = NOW - timedelta(days=31)
    for number, until in ((9, FOREVER), (10, old + MINUTE), (11, NOW - HOUR)):
        ingest([lease(number, until=until)], old, str(number))
    expire(NOW)
    assert prune()["lease_intervals"] == 1
    kept = LeaseInterval.objects.order_by("ip_address").values_list("ended_how", flat=True)
    assert list(kept) == ["", "expired"]


# --- who sees it ----------------------------------------------------------------------------------


@pytest.fixture
def two():
    """One that has ended, one that lasts, in two subnets."""
    far = timezone.now() + HOUR
    ingest([lease(hostname="web"), lease(200, B, far)], NOW)
    ingest([lease(200, B, far)], SOON)


def page(api, query=""):
    _status, body = answer(api.get(f"{URL}{query}"))
    return [(row["ip_address"], row["ended_how"]) for row in body["results"]]


WEB, OTHER = ("10.77.0.9", "vanished"), ("10.77.0.200", "")


def test_the_api_asks_by_address_machine_time_and_subnet(two):
    lower = Subnet.objects.create(network="10.77.0.0/25")
    api = with_token("read")
    then = quote(NOW.isoformat())
    assert page(api) == [OTHER, WEB]
    for query in ("ip_address=10.77.0.9", "mac=02-00-00-00-00-0A", f"subnet={lower.pk}"):
        assert page(api, f"?{query}") == [WEB]
    assert page(api, f"?at={then}&ordering=ip_address") == [WEB, OTHER]
    assert page(api, "?is_open=true") == page(api, f"?at={quote(SOON.isoformat())}") == [OTHER]
    assert page(api, "?ended_how=vanished&within=10.0.0.0/8") == [WEB]


def test_the_api_pages_by_keyset_and_refuses_what_is_no_time(two):
    api = with_token("read")
    _status, first = answer(api.get(f"{URL}?page_size=1"))
    assert page(api, "?" + first["next"].partition("?")[2]) == [WEB]
    assert answer(api.get(f"{URL}?at=yesterday"))[1]["errors"].keys() == {"at"}


def test_a_confined_token_sees_those_of_its_networks(two):
    api = with_token("read", subnets=["10.77.0.128/25"])
    assert page(api) == [OTHER]


def test_the_admin_lists_them_read_only(two, admin_client):
    url = reverse("admin:dhcp_leaseinterval_changelist")
    assert "no longer in the lease file" in admin_client.get(url).content.decode()
    assert [row.hostname for row in rows_shown(admin_client.get(f"{url}?q=web"))] == ["web"]
    assert admin_client.get(reverse("admin:dhcp_leaseinterval_add")).status_code == 403
