"""Leases that are gone from their file before their end: a few were given back, most of them at
once were lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.findings import BOUNDED
from dhcp.leases.ingest import LeaseFileWatcher, ingest
from dhcp.leases.lease_file import LeaseRecord
from dhcp.models import DhcpTransaction, Lease
from ipam.addresses import parse_address
from ipam.models import Sighting
from ops import doctor

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def lease(number, mac=None, hours=1):
    return LeaseRecord(
        parse_address(f"10.77.0.{number}"),
        f"02:00:00:00:00:{mac or number:02x}",
        NOW + timedelta(hours=hours),
    )


TEN = [lease(number) for number in range(10, 20)]


@pytest.fixture
def ten(target):
    ingest(TEN, NOW)


def live():
    return Lease.objects.live().count()


def lost():
    return [(origin, number) for origin, number, _since in Lease.objects.lost()]


def told():
    return [one.text for one in doctor.run_checks(BOUNDED) if one.check.name == "lost leases"]


def test_a_few_leases_that_are_gone_have_ended(ten):
    assert ingest(TEN[:5], NOW).ended == 5
    assert (live(), lost(), told()) == (5, [], [""])


def test_most_of_them_at_once_are_lost_until_they_end(ten):
    assert ingest([], NOW).lost == 10
    assert (live(), lost()) == (10, [("", 10)])
    assert told()[0].startswith("10 leases of default that have not ended are no longer in its")
    assert Lease.objects.lost()[0][2] == NOW
    ingest([], NOW + timedelta(hours=2))
    Sighting.objects.update(leased_until=NOW - timedelta(seconds=1))
    assert told() == [""]


def test_what_was_lost_stays_so_when_others_come_and_go(ten):
    ingest([], NOW)
    others = [lease(number) for number in range(100, 130)]
    ingest(others, NOW)
    assert ingest(others[:-2], NOW).ended == 2
    assert lost() == [("", 10)]


def test_a_lost_lease_is_back_when_its_machine_renews_it(ten):
    ingest([], NOW)
    ingest([*TEN[:9], lease(19, hours=2)], NOW)
    assert (lost(), told(), live()) == ([], [""], 10)


def test_a_lost_lease_ends_when_its_machine_or_its_address_has_another(ten):
    ingest([], NOW)
    ingest([lease(200, mac=10), lease(11, mac=200)], NOW)
    assert lost() == [("", 8)]


def test_machines_that_move_have_lost_nothing(ten):
    assert ingest([lease(100 + number, mac=number) for number in range(10, 20)], NOW).ended == 10
    assert lost() == []


def test_what_the_log_saw_given_back_has_ended(ten):
    for row in TEN:
        DhcpTransaction.objects.create(
            kind="release", ip_address=row.ip, mac_address=row.mac, at=timezone.now()
        )
    assert ingest([], NOW).ended == 10


def test_the_files_of_two_servers_are_compared_each_with_itself(ten):
    others = [lease(number) for number in range(100, 110)]
    ingest(others, NOW, "berlin")
    ingest([], NOW, "berlin")
    assert (lost(), live()) == ([("berlin", 10)], 20)


def test_a_file_of_garbage_ends_nothing(target, tmp_path, caplog):
    ingest(TEN[:1], NOW)
    path = tmp_path / "leases"
    path.write_text("GIF89a\n")
    LeaseFileWatcher(path).poll()
    assert live() == 1 and "it holds no leases but other lines" in caplog.text
