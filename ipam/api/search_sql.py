"""The page of addresses that a search finds, as one statement for PostgreSQL: the same rows as
`IPAddressQuerySet.matching`, by the same indexes."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection

from ipam.api import address_json
from ipam.search import SearchTerm

_BY_MAC = "SELECT id FROM ip_addresses WHERE mac_address = %(mac)s::macaddr"
_BY_RANGE = """SELECT id FROM ip_addresses
    WHERE ip_address BETWEEN %(first{number})s::inet AND %(last{number})s::inet"""
_BY_MAC_PART = """SELECT id FROM ip_addresses
    WHERE mac_address::text LIKE %(mac_part{number})s"""
_BY_NAME = """SELECT id FROM ip_addresses
    WHERE upper(hostname::text) LIKE upper(%(name)s::text)
        OR upper(vm_id::text) LIKE upper(%(name)s::text)"""
_BY_DESCRIPTION = """SELECT id FROM ip_addresses
    WHERE description > '' AND upper(description::text) LIKE upper(%(name)s::text)"""
_BY_SERVER = """SELECT a.id FROM hosts h JOIN ip_addresses a ON a.server_id = h.id
    WHERE upper(h.hostname || chr(31) || h.device_type || chr(31) || h.manufacturer || chr(31)
        || h.location || chr(31) || h.lan_port || chr(31) || h.description)
        LIKE upper(%(name)s::text)"""
_PAGE = """
WITH matches AS MATERIALIZED ({matches})
SELECT caller.*, (SELECT count(*) FROM matches), {columns}
FROM caller
LEFT JOIN (
    SELECT a.id FROM matches JOIN ip_addresses a ON a.id = matches.id
    ORDER BY a.ip_address, a.id LIMIT %(size)s
) chosen ON true
LEFT JOIN ip_addresses a ON a.id = chosen.id {joined}
ORDER BY a.ip_address, a.id
"""


def page(term: SearchTerm, size: int) -> tuple[str, dict[str, Any]]:
    """The statement and its parameters for the first rows that the term finds, in the order of
    addresses. The first column is how many there are; of none, the others are NULL."""
    params: dict[str, Any] = {"size": size}
    if term.mac:
        params["mac"] = term.mac
    for number, (first, last) in enumerate(term.ranges):
        params |= {f"first{number}": str(first), f"last{number}": str(last)}
    for number, part in enumerate(term.mac_parts):
        params[f"mac_part{number}"] = _pattern(part)
    if term.name:
        params["name"] = _pattern(term.name)
    return _statement(
        bool(term.mac), len(term.ranges), len(term.mac_parts), bool(term.name)
    ), params


@cache
def _statement(mac: bool, ranges: int, mac_parts: int, name: bool) -> str:
    matches = [_BY_MAC] if mac else []
    matches += [_BY_RANGE.format(number=number) for number in range(ranges)]
    matches += [_BY_MAC_PART.format(number=number) for number in range(mac_parts)]
    if name:
        matches += [_BY_NAME, _BY_DESCRIPTION, _BY_SERVER]
    return _PAGE.format(
        matches=" UNION ".join(matches), columns=address_json.COLUMNS, joined=address_json.JOINED
    )


def _pattern(text: str) -> str:
    return f"%{connection.ops.prep_for_like_query(text)}%"
