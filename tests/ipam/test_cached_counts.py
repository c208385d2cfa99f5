"""A figure is remembered while nothing changes, and never longer."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ipam.models import IPAddress
from ipam.sql.cached_counts import remembered
from tests.ipam.factories import SubnetFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.on("postgresql"),
]


@pytest.fixture
def subnet():
    return SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"])


class Figure:
    """The number of free addresses, and how often it was worked out."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        return remembered(id(self), self.work_out)

    def work_out(self):
        self.times += 1
        return IPAddress.objects.filter(status="available").count()


def by_hand(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_it_is_worked_out_once(subnet):
    free = Figure()
    assert [free(), free(), free.times] == [9, 9, 1]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE ip_addresses SET status = 'reserved' WHERE ip_address = '10.0.0.1'", 8),
        ("DELETE FROM ip_addresses WHERE ip_address = '10.0.0.1'", 8),
        ("INSERT INTO ip_addresses (ip_address) VALUES ('192.0.2.1')", 10),
        ("TRUNCATE ip_addresses", 0),
    ],
)
def test_raw_sql_is_seen_at_once(subnet, sql, expected):
    free = Figure()
    free()
    by_hand(sql)
    assert free() == expected


def test_what_somebody_has_written_and_not_committed_is_not_forgotten(subnet):
    free, written, counted = Figure(), threading.Event(), threading.Event()

    def write():
        with transaction.atomic():
            by_hand("UPDATE ip_addresses SET status = 'reserved' WHERE ip_address = '10.0.0.1'")
            written.set()
            counted.wait(60)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    written.wait(60)
    before = free()
    counted.set()
    writer.join(60)
    assert (before, free()) == (9, 8)


def test_within_a_transaction_nothing_is_remembered(subnet):
    free = Figure()
    with transaction.atomic():
        by_hand("UPDATE ip_addresses SET status = 'reserved' WHERE ip_address = '10.0.0.1'")
        inside = free()
        transaction.set_rollback(True)
    assert (inside, free()) == (8, 9)
    with CaptureQueriesContext(connection):
        assert free() == 9


def test_the_admins_list_counts_all_addresses_once_and_filtered_ones_each_time(
    subnet, admin_client
):
    lists = ("/admin/ipam/ipaddress/", "/admin/ipam/ipaddress/?status__exact=available")
    for url in lists:
        admin_client.get(url)
    with CaptureQueriesContext(connection) as captured:
        pages = list(map(admin_client.get, lists))
    assert [page.context["cl"].result_count for page in pages] == [9, 9]
    counted = [query["sql"] for query in captured if 'COUNT(*) AS "__count"' in query["sql"]]
    assert ["status" in sql for sql in counted] == [True]
