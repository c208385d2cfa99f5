"""Place servers: make the address rows say what servers and their interfaces say.

The placing rule. After a server or an interface is created, changed or deleted:

1. A server claims its own address and those of its interfaces, in its own VRF. An address that
   several of them share is claimed once, with the MAC address of the first: the server's own before
   its interfaces', these by name.
2. The row of a claimed address is allocated to the server and says what the server says: host name,
   device type, manufacturer, and the MAC address of the claim. It stands in the most specific
   subnet that contains the address, or in none; it is static inside a static pool of that subnet,
   and dhcp elsewhere.
3. A row that its server no longer claims is freed: it is reserved again, with its note, if the
   server took it from a reservation that is still possible there; else it becomes available if it
   stands in a static pool and is no gateway, network or broadcast address; otherwise it is deleted.
4. A claim takes a row that is missing, available or reserved by hand, and remembers the note of the
   reservation; and an allocation that was made for it: with the MAC address of the claim, or with
   no MAC address, no VM and the host name of the server. Any other row (a VM's, another server's,
   another allocation, one in quarantine) refuses the change, and the message names its holder.

The rule has three forms, which tests/ipam/test_placing_rule.py holds together by one table of
cases: this module, for saves, bulk writes and `populate`; sql/postgresql/placing.sql, for raw SQL,
in its own transaction; and sql/sqlite/placing.sql, which cannot find a subnet and leaves subnet and
type to the worker (`catch_up`).

The number of queries does not depend on how many servers are placed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from ipam import rules
from ipam.addresses import Address
from ipam.models import Interface, IPAddress, Server
from ipam.placement import address_rows
from ipam.placement.index import Key, PlacementIndex
from ipam.querysets import keys_of

BATCH = 500


@dataclass(frozen=True)
class Claim:
    """A server claims an address for the interface with this MAC address."""

    server: Server
    mac: str | None


Claims = dict[Key, Claim]


@dataclass
class Placed:
    """What placing changed: rows, by what happened to them."""

    created: list[IPAddress] = field(default_factory=list)
    updated: list[IPAddress] = field(default_factory=list)
    freed: list[IPAddress] = field(default_factory=list)
    deleted: list[IPAddress] = field(default_factory=list)
    unchanged: int = 0
    refused: list[str] | None = None  # addresses that others hold; None: raise an error

    def refuse(self, message: str) -> None:
        """Note the message, or raise ValidationError with it."""
        if self.refused is None:
            raise ValidationError({"ip_address": message})
        self.refused.append(message)


def place(servers: Iterable[Server], *, lenient: bool = False) -> Placed:
    """Give every server the rows of its addresses, and free those that it no longer claims.

    Raises ValidationError, which names the holder, when somebody else has one of the addresses; a
    lenient call leaves that row unchanged and notes the refusal."""
    done = Placed(refused=[] if lenient else None)
    servers = list(servers)
    for start in range(0, len(servers), BATCH):
        with transaction.atomic():
            _place(servers[start : start + BATCH], done)
    return done


def unplace(server_ids: Iterable[int]) -> None:
    """Free every row of servers that are about to be deleted."""
    with transaction.atomic():
        rows = IPAddress.objects.select_for_update().filter(server__in=list(server_ids))
        free(list(rows.order_by("ip_address")))


def free(rows: Sequence[IPAddress]) -> Placed:
    """Rule 3 for rows that the caller has locked."""
    done = Placed()
    if rows:
        _write(PlacementIndex.of(map(_key, rows)), {}, rows, done)
    return done


def _place(servers: Sequence[Server], done: Placed) -> None:
    claims = _claims(servers, done)
    rows = list(
        IPAddress.objects.select_for_update()
        .filter(Q(server__in=servers) | Q(ip_address__in=[address for _vrf, address in claims]))
        .order_by("ip_address")
    )
    ids = set(keys_of(servers))
    _refuse_taken(claims, rows, ids, done)
    concerned = [row for row in rows if row.server_id in ids or _key(row) in claims]
    index = PlacementIndex.of({*map(_key, concerned), *claims})
    _refuse_unfit(index, claims, done)
    _write(index, claims, concerned, done)


def _claims(servers: Sequence[Server], done: Placed) -> Claims:
    """Rule 1."""
    claims: Claims = {}
    for server in servers:
        if server.ip_address:
            claims[server.vrf_id, server.ip_address] = Claim(server, server.mac_address)
    by_id = {server.pk: server for server in servers}
    nics = Interface.objects.filter(server__in=servers).exclude(ip_address=None)
    values = nics.order_by("server", "name", "pk").values_list(
        "server", "ip_address", "mac_address"
    )
    for server_id, address, mac in values:
        claim = Claim(by_id[server_id], mac)
        first = claims.setdefault((claim.server.vrf_id, address), claim)
        if first.server.pk != server_id:
            _refuse(address, claim, _("server “%s”") % first.server.hostname, done)
    return claims


def _refuse_taken(claims: Claims, rows: Sequence[IPAddress], ids: set[int], done: Placed) -> None:
    """Rule 4: drop the claims on rows that a VM holds, or a server that is not among these."""
    taken = [row for row in rows if _is_taken(row, claims)]
    if not taken:
        return
    others = {row.server_id for row in taken if row.server_id} - ids
    theirs = _claims(list(Server.objects.with_keys(*others)), Placed(refused=[]))
    for row in taken:
        claim = theirs.get(_key(row))
        # After raw SQL, a server may hold a row that it does not claim: that row is free to take.
        if row.server_id is None or (claim and claim.server.pk == row.server_id):
            _refuse(row.ip_address, claims.pop(_key(row)), row.holder, done)


def _refuse_unfit(index: PlacementIndex, claims: Claims, done: Placed) -> None:
    """Refuse addresses that no machine may have: `save` has checked this, a bulk write has not. A
    lenient call keeps such a row, which came by raw SQL, and notes it."""
    for key, claim in claims.items():
        pool = None if claim.mac else index.pool(key)
        errors: rules.Errors = defaultdict(list)
        rules.check_location(key[1], index.subnet(key), pool, errors)
        if errors:
            reason = " ".join(map(str, errors["ip_address"]))
            done.refuse(f"{claim.server.hostname}: {reason}")


def _is_taken(row: IPAddress, claims: Claims) -> bool:
    claim = claims.get(_key(row))
    if claim is None:
        return False
    return not rules.claimable_by(row, claim.server.pk, claim.mac, claim.server.hostname)


def _refuse(address: Address, claim: Claim, holder: str, done: Placed) -> None:
    done.refuse(
        _("%(address)s of server “%(server)s” is taken by %(holder)s.")
        % {"address": address, "server": claim.server.hostname, "holder": holder}
    )


def _write(index: PlacementIndex, claims: Claims, rows: Sequence[IPAddress], done: Placed) -> None:
    """Rules 2 and 3: bring the rows to what they have to say, and store those that differ."""
    created, changed, deleted = [], [], []
    missing = dict(claims)
    for row in rows:
        before = _columns(row)
        claim = missing.pop(_key(row), None)
        if claim is None or row.server_id not in (None, claim.server.pk):
            _leave(row, index)
        if claim:
            _fill(row, index, claim)
        elif row.status == "available" and not index.is_allocatable(_key(row)):
            deleted.append(row)
            continue
        if _columns(row) != before:
            changed.append(row)
    for key, claim in missing.items():
        created.append(_fill(IPAddress(vrf_id=key[0], ip_address=key[1]), index, claim))
    _store(created, changed, deleted)
    done.created += created
    for row in changed:
        if row.server_id:
            done.updated.append(row)
        else:
            done.freed.append(row)
    done.deleted += deleted
    done.unchanged += len(rows) - len(changed) - len(deleted)


def _store(created: list[IPAddress], changed: list[IPAddress], deleted: list[IPAddress]) -> None:
    if deleted:
        address_rows.delete(deleted)
    if created:
        address_rows.create(created)
    if changed:
        address_rows.update(changed)


def _leave(row: IPAddress, index: PlacementIndex) -> None:
    """Rule 3, in memory."""
    note = row.reservation
    address_rows.clear(row)
    if note is not None and index.is_reservable(_key(row)):
        row.status, row.description, row.freed_at = "reserved", note, None


def _fill(row: IPAddress, index: PlacementIndex, claim: Claim) -> IPAddress:
    """Rule 2, in memory."""
    if row.status == "reserved":
        row.reservation = row.description
    row.subnet = index.subnet(_key(row))
    row.ip_type = "static" if index.is_static(_key(row)) else "dhcp"
    row.status = "allocated"
    row.server = claim.server
    row.hostname = claim.server.hostname
    row.mac_address = claim.mac
    row.platform = claim.server.device_type
    row.manufacturer = claim.server.manufacturer
    row.freed_at = None
    return row


def _key(row: IPAddress) -> Key:
    return row.vrf_id, row.ip_address


def _columns(row: IPAddress) -> tuple[object, ...]:
    """What placing may change."""
    return (
        row.subnet_id,
        row.status,
        row.ip_type,
        row.server_id,
        row.hostname,
        row.mac_address,
        row.platform,
        row.manufacturer,
        row.reservation,
        row.freed_at,
    )
