"""dhcp.leases: two workers that read one lease file at once."""

import threading
from datetime import timedelta
from ipaddress import ip_address

import pytest
from django.db import connection
from django.utils import timezone

from dhcp.leases.ingest import ingest
from dhcp.leases.lease_file import LeaseRecord
from ipam.models import Sighting

LEASES, READINGS = 300, 8


def leases(minutes):
    until = timezone.now() + timedelta(minutes=minutes)
    for number in range(LEASES):
        ip = ip_address(f"10.{number >> 8}.{number & 255}.7")
        yield LeaseRecord(ip, f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", until)


@pytest.mark.on("postgresql")
@pytest.mark.django_db(transaction=True)
def test_two_readers_of_one_file_wait_for_each_other_and_both_end():
    """Rows that each writes in an order of its own end in a deadlock."""
    errors, start = [], threading.Barrier(2)

    def read(turned):
        try:
            for minutes in range(1, READINGS):
                start.wait(30)
                ingest(sorted(leases(minutes), key=lambda lease: lease.mac, reverse=turned))
        except Exception as error:
            errors.append(error)
            start.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=read, args=(turned,)) for turned in (False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Sighting.objects.count() == LEASES
