"""discovery.conflicts: what the network shows is compared with the ledger; a conflict lasts as long
as its evidence."""

from datetime import timedelta

import pytest
from django.utils import timezone

from discovery.conflicts import derive
from discovery.conflicts.evidence import MOST_ADDRESSES
from discovery.conflicts.models import Conflict
from discovery.conflicts.worker import FindConflicts
from ipam.allocate import allocate, find, quarantine, release
from ipam.models import Interface, Server, Sighting, Subnet
from tests.discovery.sightings import A, B, C, saw

pytestmark = pytest.mark.django_db


@pytest.fixture
def office():
    """10.0.0.10 to .19 are static, .100 to .109 are leased."""
    subnet = Subnet(network="10.0.0.0/24", gateway="10.0.0.1")
    subnet.static_ip_pools = ["10.0.0.10-10.0.0.19"]
    subnet.dhcp_pools = ["10.0.0.100-10.0.0.109"]
    subnet.save()
    return subnet


@pytest.fixture
def web(office):
    return Server.objects.create(hostname="web", mac_address=A, ip_address="10.0.0.10")


def found(*, later=0):
    """The live conflicts after a full round: kinds by address."""
    derive.full_round(timezone.now() + timedelta(seconds=later))
    rows = Conflict.objects.open().order_by("ip_address")
    return {str(row.ip_address): row.kind for row in rows}


def test_the_machine_of_the_ledger_is_no_conflict(web):
    saw("10.0.0.10", A)
    saw("10.0.0.10", A, "lease")
    saw("10.0.0.10", None, "ping")
    assert found() == {}


def test_another_machine_at_an_address_of_the_ledger(web):
    saw("10.0.0.10", A)
    saw("10.0.0.10", B, hostname="intruder")
    assert found() == {"10.0.0.10": "used"}
    row = Conflict.objects.get()
    assert row.ledger["name"] == "web"
    assert row.ledger["macs"] == [A]
    assert [(one["mac"], one["own"]) for one in row.seen] == [(B, False), (A, True)]


def test_a_lease_of_another_machine_is_somebody_elses_address(web):
    lease = saw("10.0.0.10", B, "lease")
    saw("10.0.0.10", B)
    assert found() == {"10.0.0.10": "leased"}
    lease.leased_until = timezone.now()
    lease.save()
    assert found() == {"10.0.0.10": "used"}  # one conflict, which goes on
    assert Conflict.objects.count() == 1


def test_a_squatter_is_at_a_pool_address_that_nobody_has(office):
    saw("10.0.0.12", B)
    saw("10.0.0.13", None, "ping")
    saw("10.0.0.200", B)  # in no pool
    saw("10.0.0.1", C)  # the gateway
    assert found() == {"10.0.0.12": "squatter", "10.0.0.13": "squatter"}


def test_what_was_seen_before_an_address_was_freed_is_no_squatter(office):
    given = allocate(office, wanted="10.0.0.12", mac_address=B)
    saw("10.0.0.12", B)
    release(given.row)
    assert found() == {}
    saw("10.0.0.12", B)
    assert found() == {"10.0.0.12": "squatter"}


def test_a_pool_address_without_a_lease_must_be_seen_twice(office):
    saw("10.0.0.100", A)
    saw("10.0.0.101", B)
    assert found() == {}  # no lease is known at all: this pool's leases are not read
    saw("10.0.0.100", A, "lease")
    assert found() == {}
    saw("10.0.0.101", B)
    assert found() == {"10.0.0.101": "squatter"}


def test_the_end_of_a_lease_makes_no_squatter(office):
    ended = {"leased_until": timezone.now() - timedelta(seconds=20)}
    saw("10.0.0.101", B, "lease", **ended)
    saw("10.0.0.100", A, "lease")
    for _round in range(2):
        saw("10.0.0.101", B)
        assert found() == {}


def test_two_machines_at_one_address(office):
    for _round in range(2):
        assert found() == {}
        saw("10.0.0.200", B)
        saw("10.0.0.200", C)
    assert found() == {"10.0.0.200": "duplicate"}


def test_an_address_that_changes_hands_is_no_duplicate(office):
    saw("10.0.0.200", B)
    assert found() == {}
    for _round in range(2):
        saw("10.0.0.200", C)
        assert found() == {}


def test_one_machine_at_two_addresses(web):
    for _round in range(2):
        assert found() == {}
        saw("10.0.0.10", A)
        saw("10.0.0.200", A)
    assert found() == {"10.0.0.200": "two-addresses"}
    assert [one["own"] for one in Conflict.objects.get().seen] == [True, False]


def test_a_machine_that_moves_is_at_one_address(office):
    saw("10.0.0.200", B)
    assert found() == {}
    for _round in range(3):
        saw("10.0.0.201", B)
        assert found() == {}


def test_two_addresses_of_one_machine_that_the_ledger_knows(web):
    Interface.objects.create(server=web, name="alias", mac_address=A, ip_address="10.0.0.11")
    Interface.objects.create(server=web, name="bond", mac_address=B, ip_address="10.0.0.10")
    for _round in range(2):
        saw("10.0.0.10", A)
        saw("10.0.0.10", B)  # either card
        saw("10.0.0.11", A)
        assert found() == {}


def test_ipv4_and_ipv6_of_one_machine_and_a_router_in_two_subnets(office):
    Subnet.objects.create(network="2001:db8::/64")
    Subnet.objects.create(network="10.0.1.0/24")
    for _round in range(2):
        saw("10.0.0.200", B)
        saw("2001:db8::200", B)
        saw("2001:db8::201", B)
        saw("10.0.1.200", B)
        assert found() == {}


def test_a_router_that_answers_for_others(web):
    for number in range(MOST_ADDRESSES + 1):
        saw(f"10.0.0.{210 + number}", C)
    saw("10.0.0.1", B)  # the gateway answers for 10.0.0.12
    for _round in range(2):
        for mac, last in ((C, 10), (C, 11), (B, 12)):
            saw(f"10.0.0.{last}", mac)
            saw(f"10.0.0.{last}", None, "ping")
        saw("10.0.0.10", "00:00:5e:00:01:07")  # a virtual router
        assert found() == {}


def test_an_address_space_of_its_own(web):
    from tests.ipam.factories import VRFFactory

    saw("10.0.0.10", B, vrf=VRFFactory())
    assert found() == {}


def test_a_conflict_ends_with_its_evidence_and_comes_back(web, settings):
    saw("10.0.0.10", B)
    found()
    assert found(later=settings.EVIDENCE_SECONDS + 1) == {}
    assert Conflict.objects.get().state == "ended"
    saw("10.0.0.10", B)
    assert found() == {"10.0.0.10": "used"}


def test_newer_evidence_of_the_right_machine_ends_it(web):
    saw("10.0.0.10", B, ago=150)
    assert found() == {"10.0.0.10": "used"}
    saw("10.0.0.10", A)
    assert found() == {}


def test_a_muted_conflict_stays_muted_when_it_comes_back(web, settings):
    saw("10.0.0.10", B)
    found()
    Conflict.objects.update(state="muted", reason="test bench")
    found(later=settings.EVIDENCE_SECONDS + 1)
    saw("10.0.0.10", B)
    assert found() == {}
    assert Conflict.objects.get().state == "muted"


@pytest.mark.parametrize("mend", ["ledger", "quarantine", "server gone"])
def test_the_ledger_ends_it_within_a_round(office, mend):
    if mend == "quarantine":
        saw("10.0.0.12", B)
    else:
        server = Server.objects.create(hostname="x", mac_address=A, ip_address="10.0.0.200")
        saw("10.0.0.200", B)
    worker = FindConflicts()
    worker.work()
    assert Conflict.objects.open().count() == 1
    if mend == "quarantine":
        quarantine(find("10.0.0.12"), "in use")
    elif mend == "server gone":
        server.delete()
    else:
        server.mac_address = B
        server.save()
    worker.work()
    assert Conflict.objects.open().count() == 0


def test_a_round_reads_what_has_changed_only(web, django_assert_max_num_queries):
    """Not the thousand sightings that were judged before."""
    old = timezone.now() - timedelta(minutes=5)
    Sighting.objects.bulk_create(
        Sighting(
            ip_address=f"10.9.{number // 200}.{number % 200}",
            mac_address=C,
            source="arp",
            seen_at=old,
        )
        for number in range(1000)
    )
    worker = FindConflicts()
    worker.work()
    counts = []
    for number in (1, 30):
        for last in range(number):
            saw(f"10.0.0.{100 + last}", f"02:00:00:00:01:{last:02x}")
        with django_assert_max_num_queries(45) as context:
            worker.work()
        counts.append(len(context))
    assert counts[1] <= counts[0] + 2
