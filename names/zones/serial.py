"""The serial of all zones: a number that only grows, raised in the transaction of each change."""

from __future__ import annotations

import time

from django.db import connection, transaction
from django.db.models import Sum

from names.models import SerialStep

MANY = 1_000  # rows
_AT_ONCE = 10_000
MOST_LOST = 2**24  # changes between a backup and its restore
# The sum stays what it is. What another process is putting together just now is left to it.
_PUT_TOGETHER = """
WITH parts AS (
    DELETE FROM names_serial WHERE id IN (
        SELECT id FROM names_serial ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING amount)
INSERT INTO names_serial (amount) SELECT sum(amount) FROM parts HAVING count(*) > 0
"""


def current() -> int:
    """As a zone has it: 32 bits, and never 0."""
    number = SerialStep.objects.aggregate(sum=Sum("amount"))["sum"] or 0
    return number % (2**32 - 1) + 1


def has_many_rows() -> bool:
    """Reads no more rows than decide it."""
    return SerialStep.objects.order_by("pk")[MANY : MANY + 1].exists()


def put_together() -> None:
    """Make one row of many, so that few are to be added up."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_PUT_TOGETHER, [_AT_ONCE])
        return
    with transaction.atomic():
        rows = SerialStep.objects.order_by("pk")[:_AT_ONCE].values_list("pk", "amount")
        found = dict(rows)
        SerialStep.objects.filter(pk__lte=max(found, default=0)).delete()
        SerialStep.objects.create(amount=sum(found.values()))


def raise_after_restore() -> None:
    """Past all that secondaries have seen: what was lost is not known, so by more changes than
    that, and to no less than the seconds since 1970, with which it began. A secondary takes up to
    2^31 - 1 more for newer (RFC 1982, 3.2)."""
    missing = max(0, int(time.time()) - current())
    SerialStep.objects.create(amount=missing + MOST_LOST)
