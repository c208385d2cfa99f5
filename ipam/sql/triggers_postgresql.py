"""What the ledger does at once about raw SQL on PostgreSQL: addresses are taken and freed, history
is written.

All of it happens in the transaction of the raw SQL, so that nobody is handed an address that a row
of `hosts` has got. The rest (subnets, pools) is noted in `raw_changes`, and the worker catches up
with it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from django.db import models

from core.triggers import (
    AT_ONCE,
    LATER,
    MANY,
    SCHEMA,
    WHO,
    Function,
    Trigger,
    columns,
    statement_triggers,
)
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet
from ipam.sql import cached_counts

WATCHED: tuple[type[models.Model], ...] = (VRF, Subnet, Pool, Server, Interface)

# What of a server or an interface stands in its address rows, too.
PLACED: dict[type[models.Model], tuple[str, ...]] = {
    Server: ("vrf_id", "hostname", "ip_address", "mac_address", "device_type", "manufacturer"),
    Interface: ("server_id", "name", "ip_address", "mac_address"),
}
# What of a subnet or a pool moves address rows, makes or removes them.
GROUND: dict[type[models.Model], tuple[str, ...]] = {
    Subnet: ("vrf_id", "network", "gateway"),
    Pool: ("subnet_id", "first", "last", "kind"),
}

# A static row is stock again, unless it is an address that no machine may have
# (`settle.never_free`); every other goes.
LEAVE = """ip_addresses.ip_type <> 'static' OR ip_addresses.subnet_id IS NULL OR EXISTS (
    SELECT 1 FROM subnets s WHERE s.id = ip_addresses.subnet_id AND (s.gateway = ip_addresses.ip_address OR {end}))"""
FREE = """status = 'available', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
    platform = '', manufacturer = '', description = '', freed_at = {now}, updated_at = {now}"""
_END = """masklen(s.network) < CASE family(s.network) WHEN 4 THEN 31 ELSE 127 END
    AND (ip_addresses.ip_address = host(s.network)::inet
         OR (family(s.network) = 4 AND ip_addresses.ip_address = host(broadcast(s.network))::inet))"""


def history(model: type[models.Model], kind: str, rows: str) -> str:
    """A line of history for each of the rows."""
    kept = ", ".join(columns(model))
    table = model.history.model._meta.db_table  # type: ignore[attr-defined]
    return (
        f"INSERT INTO {table} ({kept}, history_date, history_type, history_change_reason) "
        f"SELECT {kept}, clock_timestamp(), '{kind}', {WHO} FROM {rows};"
    )


@cache
def functions() -> tuple[Function, ...]:
    return tuple(_functions())


def _functions() -> Iterator[Function]:
    claim = "vrf_id bigint, ip_address inet, server_id bigint, mac_address macaddr"
    yield Function("ledger_claims", _CLAIMS, f"(ids bigint[]) RETURNS TABLE ({claim})")
    home = f"{claim}, hostname text, device_type text, manufacturer text, subnet_id bigint, ip_type text"
    yield Function("ledger_homes", _HOMES, f"(ids bigint[]) RETURNS TABLE ({home})")
    yield Function("ledger_place", _place(), "(ids bigint[]) RETURNS void")
    yield Function("hosts_leave", _leave())
    yield Function(
        "ledger_moved",
        f"BEGIN PERFORM pg_catalog.nextval('{SCHEMA}.ledger_moment'); RETURN NULL; END",
    )
    for model in WATCHED:
        yield Function(_name(model), _body(model))


@cache
def triggers() -> tuple[Trigger, ...]:
    return tuple(_triggers())


def _triggers() -> Iterator[Trigger]:
    for table in cached_counts.TABLES:  # whoever writes
        verbs = "AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE"
        yield Trigger(
            f"{table}_moved",
            table,
            f"{verbs} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION ledger_moved()",
        )
    yield Trigger(
        "hosts_leave", "hosts", "BEFORE DELETE ON hosts FOR EACH ROW EXECUTE FUNCTION hosts_leave()"
    )
    for model in WATCHED:
        yield from statement_triggers(_name(model), model._meta.db_table, _name(model))


def _name(model: type[models.Model]) -> str:
    return f"{model._meta.db_table}_by_hand"


# --- what servers want and get --------------------------------------------------------------------

# An address that cards of one server share goes by the first card's MAC, as in `place`.
_CLAIMS = """
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT DISTINCT ON (wanted.id, wanted.ip_address) wanted.vrf_id, wanted.ip_address, wanted.id, wanted.mac_address
    FROM (
        SELECT h.vrf_id, h.ip_address, h.id, h.mac_address, 0 AS rank, '' AS name, h.id AS key
        FROM hosts h JOIN unnest(ids) AS one (id) USING (id) WHERE h.ip_address IS NOT NULL
        UNION ALL
        SELECT h.vrf_id, i.ip_address, h.id, i.mac_address, 1, i.name, i.id
        FROM interfaces i JOIN hosts h ON h.id = i.server_id JOIN unnest(ids) AS one (id) ON one.id = h.id
        WHERE i.ip_address IS NOT NULL) wanted
    ORDER BY wanted.id, wanted.ip_address, wanted.rank, wanted.name, wanted.key;
END
"""

# The most specific subnet of each: an equality probe for every length that there is.
_HOMES = """
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH claimed AS MATERIALIZED (
        SELECT c.*, h.hostname, h.device_type, h.manufacturer
        FROM ledger_claims(ids) c JOIN hosts h ON h.id = c.server_id
    ), lengths AS MATERIALIZED (
        SELECT DISTINCT family(network) AS family, masklen(network) AS length FROM subnets
    ), housed AS (
        SELECT DISTINCT ON (c.server_id, c.ip_address) c.server_id, c.ip_address, s.id
        FROM claimed c JOIN lengths l ON l.family = family(c.ip_address)
        JOIN subnets s ON s.network = network(set_masklen(c.ip_address, l.length))
            AND s.vrf_id IS NOT DISTINCT FROM c.vrf_id
        ORDER BY c.server_id, c.ip_address, l.length DESC
    )
    SELECT c.vrf_id, c.ip_address, c.server_id, c.mac_address, c.hostname::text, c.device_type::text,
        c.manufacturer::text, s.id, CASE WHEN EXISTS (
            SELECT FROM pools p WHERE p.subnet_id = s.id AND p.kind = 'static'
            AND c.ip_address BETWEEN p.first AND p.last) THEN 'static' ELSE 'dhcp' END
    FROM claimed c LEFT JOIN housed s USING (server_id, ip_address);
END
"""

_UNWANTED = """ip_addresses.server_id = ANY (ids) AND NOT EXISTS (
        SELECT FROM ledger_claims(ids) c WHERE c.server_id = ip_addresses.server_id
        AND c.ip_address = ip_addresses.ip_address AND c.vrf_id IS NOT DISTINCT FROM ip_addresses.vrf_id)"""

# Rows are locked by their update, so that a claim of the same moment is either before us, and its
# holder is named, or behind us, and finds the row taken. A row that appears between two of our
# statements is taken at the second try.
_TAKE = """
    FOR attempt IN 1..3 LOOP
        WITH taken AS (
            UPDATE ip_addresses a SET
                subnet_id = t.subnet_id, ip_type = t.ip_type, status = 'allocated', server_id = t.server_id,
                hostname = t.hostname, mac_address = t.mac_address, platform = t.device_type,
                manufacturer = t.manufacturer, freed_at = NULL, updated_at = now()
            FROM ledger_homes(ids) t
            WHERE a.ip_address = t.ip_address AND a.vrf_id IS NOT DISTINCT FROM t.vrf_id
            AND (a.server_id = t.server_id
                OR (a.server_id IS NULL AND a.vm_id IS NULL AND a.status IN ('available', 'reserved')))
            AND (a.subnet_id, a.ip_type, a.status, a.server_id, a.hostname, a.mac_address, a.platform, a.manufacturer)
                IS DISTINCT FROM (t.subnet_id, t.ip_type, 'allocated', t.server_id, t.hostname, t.mac_address,
                    t.device_type, t.manufacturer)
            RETURNING a.*
        )
        {updated}
        WITH made AS (
            INSERT INTO ip_addresses (vrf_id, subnet_id, ip_address, ip_type, status, server_id, hostname, mac_address,
                platform, manufacturer)
            SELECT c.vrf_id, c.subnet_id, c.ip_address, c.ip_type, 'allocated', c.server_id, c.hostname, c.mac_address,
                c.device_type, c.manufacturer
            FROM ledger_homes(ids) c
            WHERE NOT EXISTS (SELECT FROM ip_addresses a
                WHERE a.ip_address = c.ip_address AND a.vrf_id IS NOT DISTINCT FROM c.vrf_id)
            ON CONFLICT DO NOTHING
            RETURNING *
        )
        {created}
        SELECT c.ip_address, h.hostname, a.id AS row, a.status, a.vm_id, other.hostname AS other INTO lost
        FROM ledger_claims(ids) c JOIN hosts h ON h.id = c.server_id
        LEFT JOIN ip_addresses a ON a.ip_address = c.ip_address AND a.vrf_id IS NOT DISTINCT FROM c.vrf_id
        LEFT JOIN hosts other ON other.id = a.server_id
        WHERE a.server_id IS DISTINCT FROM c.server_id LIMIT 1;
        EXIT WHEN NOT FOUND;
        CONTINUE WHEN attempt < 3 AND (lost.row IS NULL OR lost.status IN ('available', 'reserved'));
        RAISE unique_violation USING
            MESSAGE = format('%s of server "%s" is taken by %s', host(lost.ip_address), lost.hostname, CASE
                WHEN lost.other IS NOT NULL THEN format('server "%s"', lost.other)
                WHEN lost.vm_id IS NOT NULL THEN format('VM "%s"', lost.vm_id)
                WHEN lost.status = 'quarantine' THEN 'the quarantine'
                ELSE 'somebody else' END),
            HINT = 'Choose another address, or release this one first.', TABLE = 'ip_addresses';
    END LOOP;
"""


def _place() -> str:
    take = _TAKE.format(
        updated=history(IPAddress, "~", "taken"), created=history(IPAddress, "+", "made")
    )
    return f"""
DECLARE
    lost record;
BEGIN
    IF ids IS NULL THEN
        RETURN;
    END IF;
    {_free(_UNWANTED)}
    {take}
END
"""


def _leave() -> str:
    """Our own deletion has freed the rows before: then nothing is found here."""
    return f"""
BEGIN
    IF NOT EXISTS (SELECT FROM ip_addresses WHERE server_id = OLD.id) THEN
        RETURN OLD;
    END IF;
    {_free("ip_addresses.server_id = OLD.id")}
    RETURN OLD;
END
"""


def _free(whose: str) -> str:
    return f"""
    WITH gone AS (
        DELETE FROM ip_addresses WHERE {whose} AND ({LEAVE.format(end=_END)}) RETURNING *
    )
    {history(IPAddress, "-", "gone")}
    WITH freed AS (
        UPDATE ip_addresses SET {FREE.format(now="now()")} WHERE {whose} RETURNING *
    )
    {history(IPAddress, "~", "freed")}
"""


# --- one function for a table ---------------------------------------------------------------------


def _body(model: type[models.Model]) -> str:
    table = model._meta.db_table
    kept = ", ".join(columns(model))
    changed = f"(SELECT {kept} FROM new_rows EXCEPT SELECT {kept} FROM old_rows) changed"
    return f"""
DECLARE
    ids bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        {history(model, "+", "new_rows")}
        {_act(model, "SELECT * FROM new_rows")}
    ELSIF TG_OP = 'UPDATE' THEN
        {history(model, "~", changed)}
        {_act(model, _differing(model))}
    ELSIF TG_OP = 'DELETE' THEN
        {history(model, "-", "old_rows")}
        {_act(model, "SELECT * FROM old_rows", gone=True)}
    ELSE
        {AT_ONCE}
        {history(model, "-", table)}
        {"" if model is VRF else "INSERT INTO raw_changes DEFAULT VALUES;"}
        {LATER}
    END IF;
    RETURN NULL;
END
"""


def _differing(model: type[models.Model]) -> str:
    """Both sides of every row whose relevant columns differ."""
    names = {**PLACED, **GROUND}.get(model, ("id",))
    old, new = (", ".join(f"{side}.{name}" for name in names) for side in "on")
    same = f"o.id = n.id AND ({old}) IS NOT DISTINCT FROM ({new})"
    return (
        f"SELECT n.* FROM new_rows n WHERE NOT EXISTS (SELECT FROM old_rows o WHERE {same}) "
        f"UNION ALL SELECT o.* FROM old_rows o WHERE NOT EXISTS (SELECT FROM new_rows n WHERE {same})"
    )


def _act(model: type[models.Model], rows: str, *, gone: bool = False) -> str:
    """What has to follow from these rows."""
    if model is VRF or (model is Server and gone):
        return ""  # no row of theirs is left; `hosts_leave` has seen to it
    if model in PLACED:
        key = "id" if model is Server else "server_id"
        return f"""ids := (SELECT array_agg(DISTINCT {key}) FROM ({rows}) r);
        PERFORM ledger_place(ids);
        {_note("server_id", "SELECT unnest(ids)")}"""
    if model is Subnet:
        return _note("vrf_id, network", f"SELECT DISTINCT vrf_id, network FROM ({rows}) r")
    pools = f"SELECT DISTINCT s.vrf_id, r.first, r.last FROM ({rows}) r JOIN subnets s ON s.id = r.subnet_id"
    return _note("vrf_id, first, last", pools)


def _note(names: str, rows: str) -> str:
    return f"""IF (SELECT count(*) FROM ({rows}) r) > {MANY} THEN
            INSERT INTO raw_changes DEFAULT VALUES;
        ELSE
            INSERT INTO raw_changes ({names}) {rows};
        END IF;"""
