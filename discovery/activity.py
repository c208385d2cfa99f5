"""Fill `active` of the ledger's addresses by what has answered. It is evidence, not documentation:
no line of history, and no other column."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from ipam.models import Sighting, Subnet
from ipam.querysets import LIVE, say_site

_ANSWERS = "'" + "', '".join(Sighting.ANSWERS) + "'"
_LIVE = "'" + "', '".join(LIVE) + "'"
_SEEN = f"""EXISTS (
    SELECT 1 FROM sightings s WHERE s.ip_address = ip_addresses.ip_address
        AND COALESCE(s.vrf_id, 0) = COALESCE(ip_addresses.vrf_id, 0)
        AND s.source IN ({_ANSWERS}) AND s.seen_at >= %s)"""
_FILL = f"""
UPDATE ip_addresses SET active = NOT active
WHERE subnet_id = %s AND status IN ({_LIVE}) AND active <> {_SEEN}
"""


def fill(rounds: Iterable[tuple[Subnet, datetime | None]]) -> None:
    """An address that somebody counts on is active if it has answered since this time; None: the
    round has not ended. One statement, run for each subnet."""
    values = []
    for subnet, since in rounds:
        if since:
            values.append([subnet.pk, connection.ops.adapt_datetimefield_value(since)])
    if values:
        with transaction.atomic(), connection.cursor() as cursor:
            say_site()
            cursor.executemany(_FILL, values)
