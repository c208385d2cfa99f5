"""Write many address rows at once, each with its line of history."""

from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils import timezone

from ipam.models import IPAddress, Subnet
from ipam.querysets import keys_of, note_history, write

_AT_ONCE = 500  # keys of one statement
WRITTEN = [
    "subnet",
    "status",
    "ip_type",
    "server",
    "hostname",
    "mac_address",
    "platform",
    "manufacturer",
    "description",
    "reservation",
    "vm_id",
    "freed_at",
]


def create(rows: Sequence[IPAddress]) -> None:
    """Insert the rows. An address that another transaction took meanwhile raises IntegrityError."""
    IPAddress.objects.bulk_create(rows)
    note_history(rows, "+")


def update(rows: Sequence[IPAddress], columns: Sequence[str] = WRITTEN) -> None:
    """Write these columns; by default every one that a verb may have touched."""
    now = timezone.now()
    for row in rows:
        row.updated_at = now
    write(rows, [*columns, "updated_at"])
    note_history(rows, "~")


def delete(rows: Sequence[IPAddress]) -> None:
    """Delete the rows, to which nothing refers. Whoever served one of them has been told."""
    note_history(rows, "-")
    for start in range(0, len(rows), _AT_ONCE):
        some = IPAddress.objects.filter(pk__in=keys_of(rows[start : start + _AT_ONCE]))
        some._raw_delete(some.db)


def delete_free(rows: QuerySet[IPAddress]) -> int:
    """Delete free rows and return their number. They have no history and send no signals."""
    return rows._raw_delete(rows.db)


def clear(row: IPAddress) -> IPAddress:
    """Make the row free in memory, from now on."""
    row.server = row.vm_id = row.mac_address = row.reservation = None
    row.hostname = row.platform = row.manufacturer = row.description = ""
    row.status = "available"
    row.freed_at = timezone.now()
    return row


def move(rows: QuerySet[IPAddress], subnet: Subnet) -> None:
    """Move the rows to another subnet. Free rows leave no history."""
    live = list(rows.exclude(status="available"))
    for row in live:
        row.subnet = subnet
    rows.update(subnet=subnet)
    note_history(live, "~")
