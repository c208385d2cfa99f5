"""Place servers: make the address rows say what the servers and their interfaces say.

One way for one server and for all of them: the number of queries does not depend on how many there
are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from ipam import rules
from ipam.addresses import Address, is_host
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from ipam.placement import address_rows
from ipam.querysets import SubnetIndex

BATCH = 500
Key = tuple[int | None, Address]


@dataclass(frozen=True)
class Claim:
    """A server wants an address, for the card with this MAC."""

    server: Server
    mac: str | None


@dataclass
class Placed:
    """What placing changed: rows, by what happened to them."""

    created: list[IPAddress] = field(default_factory=list)
    updated: list[IPAddress] = field(default_factory=list)
    freed: list[IPAddress] = field(default_factory=list)
    deleted: list[IPAddress] = field(default_factory=list)
    unchanged: int = 0
    refused: list[str] | None = None  # addresses that others have; None: an error


def place(servers: Iterable[Server], *, lenient: bool = False) -> Placed:
    """Give every server the rows of its addresses and take away those that it no longer has.

    Raises ValidationError, which names the holder, when somebody else has one of the addresses; a
    lenient call leaves that row as it is and notes the refusal."""
    done = Placed(refused=[] if lenient else None)
    servers = list(servers)
    for start in range(0, len(servers), BATCH):
        with transaction.atomic():
            _place(servers[start : start + BATCH], done)
    return done


def unplace(server_ids: Iterable[int]) -> None:
    """Free every row of servers that are about to go."""
    ids = list(server_ids)
    with transaction.atomic():
        held = list(
            IPAddress.objects.select_for_update().filter(server__in=ids).order_by("ip_address")
        )
        if held:
            _write(Ground.under(held, []), {}, held, Placed())


def _place(servers: Sequence[Server], done: Placed) -> None:
    wanted = _claims(servers, done)
    there = list(
        IPAddress.objects.select_for_update()
        .filter(Q(server__in=servers) | Q(ip_address__in=[address for _vrf, address in wanted]))
        .order_by("ip_address")
    )
    ids = {server.pk for server in servers}
    _refuse_taken(wanted, there, ids, done)
    relevant = [
        row for row in there if row.server_id in ids or (row.vrf_id, row.ip_address) in wanted
    ]
    ground = Ground.under(relevant, wanted)
    _refuse_unfit(ground, wanted, done)
    _write(ground, wanted, relevant, done)


def _claims(servers: Sequence[Server], done: Placed) -> dict[Key, Claim]:
    """What the servers want; an address that two cards of one server share goes by the first card's
    MAC."""
    wanted = {
        (server.vrf_id, server.ip_address): Claim(server, server.mac_address)
        for server in servers
        if server.ip_address
    }
    by_id = {server.pk: server for server in servers}
    nics = (
        Interface.objects.filter(server__in=servers)
        .exclude(ip_address=None)
        .order_by("server", "name", "pk")
    )
    for server_id, address, mac in nics.values_list("server", "ip_address", "mac_address"):
        claim = Claim(by_id[server_id], mac)
        first = wanted.setdefault((claim.server.vrf_id, address), claim)
        if first.server.pk != server_id:
            _refuse(address, claim, _("server “%s”") % first.server.hostname, done)
    return wanted


def _refuse_taken(
    wanted: dict[Key, Claim], there: Sequence[IPAddress], ids: set[int], done: Placed
) -> None:
    """Drop the claims on rows that others hold, be it a VM or a server that is not among those to
    be placed."""
    taken = [row for row in there if _is_taken(row, wanted)]
    strangers = list(
        Server.objects.with_keys(*{row.server_id for row in taken if row.server_id} - ids)
    )
    theirs = _claims(strangers, Placed(refused=[])) if taken else {}
    for row in taken:
        key = (row.vrf_id, row.ip_address)
        # A server may hold a row without wanting it any more (raw SQL): then it is not really
        # taken.
        if row.server_id is None or (key in theirs and theirs[key].server.pk == row.server_id):
            _refuse(row.ip_address, wanted.pop(key), row.holder, done)


def _refuse_unfit(ground: Ground, wanted: dict[Key, Claim], done: Placed) -> None:
    """Refuse addresses that no machine may have: a single save has asked already, a bulk write has
    not.

    A lenient call keeps such a row, which came by raw SQL, and notes it.
    """
    for key, claim in wanted.items():
        if reason := ground.objection(key, claim):
            if done.refused is None:
                raise ValidationError({"ip_address": f"{claim.server.hostname}: {reason}"})
            done.refused.append(f"{claim.server.hostname}: {reason}")


def _is_taken(row: IPAddress, wanted: dict[Key, Claim]) -> bool:
    claim = wanted.get((row.vrf_id, row.ip_address))
    return claim is not None and not rules.claimable_by(row, claim.server.pk)


def _refuse(address: Address, claim: Claim, holder: str, done: Placed) -> None:
    message = _("%(address)s of server “%(server)s” is taken by %(holder)s.") % {
        "address": address,
        "server": claim.server.hostname,
        "holder": holder,
    }
    if done.refused is None:
        raise ValidationError({"ip_address": message})
    done.refused.append(message)


class Ground:
    """The subnets and pools under some addresses."""

    def __init__(self, index: SubnetIndex, pools: Iterable[Pool]) -> None:
        self._index = index
        self._pools: dict[int, list[Pool]] = defaultdict(list)
        for pool in pools:
            self._pools[pool.subnet_id].append(pool)

    @classmethod
    def under(cls, there: Sequence[IPAddress], wanted: Iterable[Key]) -> Ground:
        touched = {(row.vrf_id, row.ip_address) for row in there} | set(wanted)
        index = SubnetIndex.of([address for _vrf, address in touched], Subnet.objects.all())
        found = {subnet.pk for key in touched if (subnet := index.containing(*key))}
        return cls(index, Pool.objects.filter(subnet__in=found))

    def subnet(self, key: Key) -> Subnet | None:
        return self._index.containing(*key)

    def pool(self, key: Key) -> Pool | None:
        """The pool of its subnet that holds the address."""
        return next(iter(self.pools(key)), None)

    def pools(self, key: Key) -> list[Pool]:
        """All of them: raw SQL may lay one over another."""
        subnet = self.subnet(key)
        return (
            [pool for pool in self._pools[subnet.pk] if pool.first <= key[1] <= pool.last]
            if subnet
            else []
        )

    def is_static(self, key: Key) -> bool:
        """Whether the address is one of a static pool's."""
        return any(pool.kind == "static" for pool in self.pools(key))

    def objection(self, key: Key, claim: Claim) -> str:
        """Why no machine, or none without a MAC, may have the address; empty when it may."""
        errors: rules.Errors = defaultdict(list)
        rules.check_ground(key[1], self.subnet(key), None if claim.mac else self.pool(key), errors)
        return " ".join(map(str, errors["ip_address"]))

    def is_stock(self, key: Key) -> bool:
        """Whether the address, once free, may be handed out again."""
        subnet = self.subnet(key)
        return (
            subnet is not None
            and key[1] != subnet.gateway
            and is_host(subnet.network, key[1])
            and self.is_static(key)
        )


def _write(
    ground: Ground, wanted: dict[Key, Claim], there: Sequence[IPAddress], done: Placed
) -> None:
    by_key = {(row.vrf_id, row.ip_address): row for row in there}
    before = {row.pk: _facts(row) for row in there}
    for key, row in by_key.items():
        if row.server_id is not None and (
            key not in wanted or wanted[key].server.pk != row.server_id
        ):
            address_rows.clear(row)
    created = [
        _hold(IPAddress(vrf_id=key[0], ip_address=key[1]), ground, claim)
        for key, claim in wanted.items()
        if key not in by_key
    ]
    changed, gone = [], []
    for key, row in by_key.items():
        if key in wanted:
            _hold(row, ground, wanted[key])
        elif row.status == "available" and not ground.is_stock(key):
            gone.append(row)
            continue
        if _facts(row) != before[row.pk]:
            changed.append(row)
    _store(created, changed, gone)
    done.created += created
    done.updated += [row for row in changed if row.server_id]
    done.freed += [row for row in changed if not row.server_id]
    done.deleted += gone
    done.unchanged += len(there) - len(changed) - len(gone)


def _store(created: list[IPAddress], changed: list[IPAddress], gone: list[IPAddress]) -> None:
    if gone:
        IPAddress.objects.filter(pk__in=[row.pk for row in gone]).delete()
    if created:
        address_rows.create(created)
    if changed:
        address_rows.update(changed)


def _hold(row: IPAddress, ground: Ground, claim: Claim) -> IPAddress:
    key = (row.vrf_id, row.ip_address)
    row.subnet = ground.subnet(key)
    row.ip_type = "static" if ground.is_static(key) else "dhcp"
    row.status = "allocated"
    row.server = claim.server
    row.hostname = claim.server.hostname
    row.mac_address = claim.mac
    row.platform = claim.server.device_type
    row.manufacturer = claim.server.manufacturer
    row.freed_at = None
    return row


def _facts(row: IPAddress) -> tuple[object, ...]:
    return (
        row.subnet_id,
        row.status,
        row.ip_type,
        row.server_id,
        row.hostname,
        row.mac_address,
        row.platform,
        row.manufacturer,
        row.freed_at,
    )
