"""What the ledger does at once about raw SQL on SQLite, row by row: an address is taken, or the
statement is refused.

SQLite's triggers cannot find the subnet of an address; `catch_up` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from django.db import models

from core.triggers import MANY, SQLITE_BY_HAND, SQLITE_WHO, Trigger, columns
from ipam.fields import _sqlite_byte
from ipam.models import VRF, Interface, Server, Subnet
from ipam.sql.triggers_postgresql import FREE, GROUND, LEAVE, WATCHED

_NOW = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
_length = _sqlite_byte("s.network", "18")
_last_four = " | ".join(
    f"({_sqlite_byte('ip_addresses.ip_address', str(17 - n))} << {8 * n})" for n in range(4)
)
_END = f"""{_length} < CASE substr(s.network, 1, 1) WHEN x'04' THEN 31 ELSE 127 END
    AND (ip_addresses.ip_address = substr(s.network, 1, 17)
         OR (substr(s.network, 1, 1) = x'04' AND ({_last_four}) = (({_last_four}) | ((1 << (32 - {_length})) - 1))))"""


@cache
def triggers() -> tuple[Trigger, ...]:
    return tuple(_triggers())


def _triggers() -> Iterator[Trigger]:
    # Foreign keys are not enforced unless the client asks for it: the interfaces would stay.
    leave = f"{_free('server_id = OLD.id')} DELETE FROM interfaces WHERE server_id = OLD.id;"
    yield Trigger("hosts_leave", "hosts", f"BEFORE DELETE ON hosts FOR EACH ROW BEGIN {leave} END")
    for model in WATCHED:
        yield _trigger(
            model, "insert", "true", _history(model, "+", "NEW"), _follow(model, "insert")
        )
        changed = _differs(columns(model))
        yield _trigger(
            model, "update", changed, _history(model, "~", "NEW"), _follow(model, "update")
        )
        yield _trigger(
            model, "delete", "true", _history(model, "-", "OLD"), _follow(model, "delete")
        )


def _trigger(model: type[models.Model], verb: str, condition: str, *statements: str) -> Trigger:
    table = model._meta.db_table
    when = f"WHEN {SQLITE_BY_HAND} AND {condition}"
    text = f"AFTER {verb.upper()} ON {table} FOR EACH ROW {when} BEGIN {' '.join(filter(None, statements))} END"
    return Trigger(f"{table}_by_hand_{verb}", table, text)


def _differs(names: list[str] | tuple[str, ...]) -> str:
    return "(" + " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in names) + ")"


def _history(model: type[models.Model], kind: str, row: str) -> str:
    kept = columns(model)
    table = model.history.model._meta.db_table  # type: ignore[attr-defined]
    return (
        f"INSERT INTO {table} ({', '.join(kept)}, history_date, history_type, history_change_reason) "
        f"VALUES ({', '.join(f'{row}.{name}' for name in kept)}, {_NOW}, '{kind}', {SQLITE_WHO});"
    )


def _follow(model: type[models.Model], verb: str) -> str:
    if model is VRF or (model is Server and verb == "delete"):
        return ""
    if model is Server:
        return _placed("id", "NEW.vrf_id", verb)
    if model is Interface:
        return _placed(
            "server_id", "(SELECT h.vrf_id FROM hosts h WHERE h.id = NEW.server_id)", verb
        )
    return _noted(model, verb)


def _placed(key: str, vrf: str, verb: str) -> str:
    """Give back what is no longer wanted, take what is."""
    old, new = f"OLD.{key}", f"NEW.{key}"
    back = _free(
        f"server_id = {old} AND ip_address = OLD.ip_address "
        f"AND NOT EXISTS (SELECT 1 FROM hosts h WHERE h.id = {old} AND h.ip_address = OLD.ip_address "
        "AND h.vrf_id IS ip_addresses.vrf_id) "
        f"AND NOT EXISTS (SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id WHERE h.id = {old} "
        "AND i.ip_address = OLD.ip_address AND h.vrf_id IS ip_addresses.vrf_id)"
    )
    parts = [back] if verb != "insert" else []
    if verb != "delete":
        parts.append(_take(new, vrf))
    return " ".join([*parts, _note("server_id", new if verb != "delete" else old)])


def _take(server: str, vrf: str) -> str:
    here = f"ip_address = NEW.ip_address AND vrf_id IS {vrf}"
    mine = f"(server_id IS {server} OR (server_id IS NULL AND vm_id IS NULL AND status IN ('available', 'reserved')))"
    facts = f"FROM hosts h WHERE h.id = {server}"
    return f"""SELECT RAISE(ABORT, 'this address is taken by somebody else; choose another, or release it first')
    WHERE EXISTS (SELECT 1 FROM ip_addresses WHERE {here} AND NOT {mine});
    UPDATE ip_addresses SET status = 'allocated', server_id = {server}, freed_at = NULL, updated_at = {_NOW},
        hostname = (SELECT h.hostname {facts}), mac_address = NEW.mac_address,
        platform = (SELECT h.device_type {facts}), manufacturer = (SELECT h.manufacturer {facts})
    WHERE {here} AND server_id IS NULL AND vm_id IS NULL;
    INSERT INTO ip_addresses (vrf_id, ip_address, status, ip_type, server_id, hostname, mac_address)
    SELECT {vrf}, NEW.ip_address, 'allocated', 'dhcp', {server}, (SELECT h.hostname {facts}), NEW.mac_address
    WHERE NEW.ip_address IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ip_addresses WHERE {here});"""


def _free(whose: str) -> str:
    return (
        f"DELETE FROM ip_addresses WHERE {whose} AND ({LEAVE.format(end=_END)}); "
        f"UPDATE ip_addresses SET {FREE.format(now=_NOW)} WHERE {whose};"
    )


def _noted(model: type[models.Model], verb: str) -> str:
    sides = {"insert": ("NEW",), "update": ("OLD", "NEW"), "delete": ("OLD",)}[verb]
    changed = _differs(GROUND[model]) if verb == "update" else "true"
    notes = []
    for side in sides:
        if model is Subnet:
            notes.append(
                _note("vrf_id, network", f"{side}.vrf_id, {side}.network", f"WHERE {changed}")
            )
        else:
            under = f"FROM subnets s WHERE s.id = {side}.subnet_id AND {changed}"
            notes.append(
                _note("vrf_id, first, last", f"s.vrf_id, {side}.first, {side}.last", under)
            )
    return " ".join(notes)


def _note(names: str, values: str, source: str = "WHERE true") -> str:
    return (
        f"INSERT INTO raw_changes ({names}) SELECT {values} {source} AND (SELECT count(*) FROM raw_changes) < {MANY}; "
        f"INSERT INTO raw_changes (at) SELECT {_NOW} {source} AND (SELECT count(*) FROM raw_changes) = {MANY};"
    )
