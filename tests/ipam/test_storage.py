"""PostgreSQL's storage parameters of the addresses and of what searches look into."""

import pytest
from django.db import connection

from ipam.models import IPAddress
from ipam.sql import database
from tests.ipam.factories import SubnetFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.on("postgresql")]

COUNTS = """
SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'ip_addresses'
"""


TRIGRAM_INDEXES = """
SELECT relname, reloptions FROM pg_class
WHERE relname IN (SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%gin_trgm_ops%')
"""


def options():
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE oid = 'ip_addresses'::regclass")
        return set(cursor.fetchone()[0])


def test_a_migration_sets_them_and_leaves_an_administrators_own():
    assert options() == {"fillfactor=90", "autovacuum_vacuum_scale_factor=0.05"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ip_addresses SET (fillfactor = 70)")
        database.set_storage(connection)
        assert "fillfactor=70" in options()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ip_addresses SET (fillfactor = 90)")


def test_searches_by_part_read_few_changes_outside_the_sorted_index():
    with connection.cursor() as cursor:
        cursor.execute(TRIGRAM_INDEXES)
        found = dict(cursor.fetchall())
    assert {"ip_addresses_parts", "hosts_texts"} <= found.keys()
    assert all(options == ["gin_pending_list_limit=64"] for options in found.values())


def test_an_update_of_no_indexed_column_touches_no_index():
    SubnetFactory(network="10.0.0.0/22", static_ip_pools=["10.0.0.2-10.0.2.250"])
    rows = list(IPAddress.objects.order_by("pk").values_list("pk", flat=True)[::15])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL ip_addresses")  # pages as full as they may be
        cursor.execute("BEGIN")
        IPAddress.objects.filter(pk__in=rows).update(active=False)
        cursor.execute(COUNTS)
        updated, hot = cursor.fetchone()
        cursor.execute("ROLLBACK")
    assert updated == len(rows) > 40
    assert hot == updated
