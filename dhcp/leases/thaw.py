"""Compare a restored ledger with what the network knows: leases, this host's neighbours, dnsmasq's
files; then let it hand out addresses again.

Whoever uses an address that the ledger takes for free has probably got it after the backup was
made: it goes into quarantine, until somebody decides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Conflict
from dhcp import servers
from dhcp.files import sync
from dhcp.files.targets import Target
from dhcp.leases import lease_file
from dhcp.leases.ingest import ingest, read_stable
from dhcp.models import DhcpServer, Lease
from ipam import addresses, freeze
from ipam.addresses import Address
from ipam.models import IPAddress, Pool, Subnet
from ipam.placement import address_rows
from ipam.querysets import SubnetIndex, lock_ledger

NEIGHBOURS = Path("/proc/net/arp")
_AT_ONCE = 500  # parameters in one statement
_COMPLETE = 0x2  # ATF_COM: the neighbour has answered


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who uses an address."""

    ip: Address
    mac: str
    how: str  # "lease" or "neighbour"
    hostname: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.ip), self.mac, self.hostname, f"({self.how})")))


@dataclass(frozen=True, slots=True)
class Differences:
    """What the network knows and the ledger does not, or otherwise."""

    state: freeze.State
    free: list[User] = field(
        default_factory=list
    )  # in use, and free in the ledger: into quarantine
    conflicts: list[User] = field(
        default_factory=list
    )  # leased to another machine than the ledger says
    files: dict[str, str] = field(default_factory=dict)  # DHCP server -> what a sync would change
    unread: list[str] = field(default_factory=list)  # DHCP servers whose leases nobody has read


def compare() -> Differences:
    """Read every lease that can be read here, and look. Raises Conflict when the ledger is not
    frozen."""
    state = freeze.state()
    if state is None:
        raise Conflict(_("The ledger is not frozen."), _("There is nothing to do."))
    if state.since is None:  # from now on the agents' readings count
        freeze.freeze(state.reason)
        state = freeze.state() or state
    unread = [*_read_here(), *_agents_behind(state)]
    users = [*_leased(), *_neighbours()]
    conflicts = [_user(row) for row in Lease.objects.conflicting().order_by("ip_address")]
    diffs = {target.name: sync.preview(target).diff for target in servers.local_targets()}
    return Differences(
        state, _free(users), conflicts, {name: text for name, text in diffs.items() if text}, unread
    )


def release(found: Differences, without: Collection[str] = ()) -> int:
    """Thaw; how many addresses went into quarantine. Raises Conflict while somebody's leases have
    not been read."""
    if missing := [name for name in found.unread if name not in without]:
        raise Conflict(
            _("The leases of %s have not been read since the restore.") % ", ".join(missing),
            _("Bring it back, or go on without its leases: manage.py thaw --without %s")
            % missing[0],
        )
    with transaction.atomic():
        lock_ledger()
        count = _quarantine(found.free)
        freeze.thaw()
    return count


# --- what the network knows -----------------------------------------------------------------------


def _read_here() -> Iterator[str]:
    """Read the lease files of this installation; the names of those whose file cannot be read."""
    for target in servers.local_targets():
        try:
            ingest(lease_file.parse_leases(read_stable(_file_of(target))), origin=target.origin)
        except OSError:
            yield target.name


def _file_of(target: Target) -> Path:
    if target.leases is None:
        raise FileNotFoundError(target.name)
    return target.leases


def _agents_behind(state: freeze.State) -> Iterator[str]:
    for server in DhcpServer.objects.of_agents():
        if state.since is None or server.compared_at is None or server.compared_at < state.since:
            yield server.name


def _leased() -> Iterator[User]:
    yield from map(_user, Lease.objects.live())


def _user(lease: Lease) -> User:
    return User(lease.ip_address, lease.mac_address or lease.duid, "lease", lease.hostname)


def _neighbours() -> Iterator[User]:
    """Who has answered this host lately."""
    try:
        lines = NEIGHBOURS.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return  # not Linux: the leases must do
    for ip, _kind, flags, mac, *_rest in (line.split() for line in lines):
        if int(flags, 16) & _COMPLETE:
            yield User(addresses.parse_address(ip), mac, "neighbour")


# --- what the ledger says of it -------------------------------------------------------------------


def _free(users: Iterable[User]) -> list[User]:
    """Those whose address lies in a static pool of the global address space and is nobody's."""
    found = {user.ip: user for user in users}  # a neighbour's MAC is as good as a lease's
    pools = list(Pool.objects.filter(kind="static", subnet__vrf=None).order_by("first"))
    inside = {
        ip
        for ip in found
        if any(pool.first <= ip <= pool.last for pool in pools if _same_kind(pool, ip))
    }
    live = IPAddress.objects.filter(vrf=None).live()
    taken = set(live.values_list("ip_address", flat=True)) & inside
    gateways = set(Subnet.objects.filter(vrf=None).values_list("gateway", flat=True))
    return [
        found[ip] for ip in sorted(inside - taken - gateways, key=lambda ip: (ip.version, int(ip)))
    ]


def _same_kind(pool: Pool, ip: Address) -> bool:
    return pool.first.version == ip.version


def _quarantine(users: list[User]) -> int:
    """Their addresses; rows that are missing are made. Who got an address meanwhile keeps it."""
    by_ip = {user.ip: user for user in users}
    there = {row.ip_address: row for row in _rows(list(by_ip))}
    index = SubnetIndex.of(list(by_ip), Subnet.objects.in_vrf(None))
    new = [
        IPAddress(ip_address=ip, subnet=index.containing(None, ip))
        for ip in by_ip
        if ip not in there
    ]
    old = [row for row in there.values() if row.status == "available"]
    for row in (*old, *new):
        row.status, row.freed_at = "quarantine", None
        row.description = _("In use when the ledger was restored: %s") % by_ip[row.ip_address]
    address_rows.update(old)
    address_rows.create(new)
    return len(old) + len(new)


def _rows(wanted: list[Address]) -> Iterator[IPAddress]:
    for start in range(0, len(wanted), _AT_ONCE):
        yield from IPAddress.objects.filter(
            vrf=None, ip_address__in=wanted[start : start + _AT_ONCE]
        )
