"""Compare a restored ledger with what the network knows: leases, this host's neighbours, dnsmasq's
files. Then let it hand out addresses again.

A machine that uses an address that is free in the ledger has probably got it after the backup was
made. The address goes into quarantine until somebody decides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse
from operator import attrgetter
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from core.commands import manage_command
from core.errors import Conflict
from dhcp import servers
from dhcp.daemon import installed
from dhcp.files import sync
from dhcp.files.targets import Target
from dhcp.leases.ingest import ingest
from dhcp.leases.lease_file import parse_leases, read_stable
from dhcp.models import DhcpServer, Lease
from dhcp.nodes import state as nodes
from ipam import addresses, freeze
from ipam.addresses import Address
from ipam.models import IPAddress, Pool, Subnet
from ipam.placement import address_rows
from ipam.querysets import SubnetIndex, lock_ledger
from names.zones import serial

NEIGHBOURS = Path("/proc/net/arp")  # proc(5)
_AT_ONCE = 500  # parameters in one statement
_COMPLETE = 0x2  # ATF_COM: the neighbour has answered


@dataclass(frozen=True, slots=True)
class AddressInUse:
    """An address and the machine that uses it."""

    ip: Address
    mac: str
    how: str  # "lease" or "neighbour"
    hostname: str = ""

    def __str__(self) -> str:
        words = (str(self.ip), self.mac, self.hostname, f"({self.how})")
        return " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class Differences:
    """Where the network and the restored ledger disagree."""

    state: freeze.FrozenState
    # In use, and free in the ledger: these go into quarantine.
    free: list[AddressInUse] = field(default_factory=list)
    # Leased to another machine than the ledger says.
    conflicts: list[AddressInUse] = field(default_factory=list)
    # What a sync would change, by the name of the DHCP server.
    files: dict[str, str] = field(default_factory=dict)
    # DHCP servers whose leases have not been read since the restore.
    unread: list[str] = field(default_factory=list)


def compare() -> Differences:
    """Read every lease file of this host and compare. Raises Conflict when the ledger is not
    frozen."""
    state = freeze.state()
    if state is None:
        raise Conflict(_("The ledger is not frozen."), _("There is nothing to do."))
    if state.since is None:  # agents' readings count from now on
        freeze.freeze(state.reason)
        state = freeze.state() or state
    unread = [*_read_local_leases(), *_agents_behind(state)]
    in_use = [*map(_from_lease, Lease.objects.live()), *_neighbours()]
    conflicts = map(_from_lease, Lease.objects.conflicting().order_by("ip_address"))
    return Differences(state, _free_in_ledger(in_use), list(conflicts), _pending_diffs(), unread)


def release(found: Differences, without: Collection[str] = ()) -> int:
    """Thaw the ledger and return how many addresses went into quarantine. Raises Conflict while
    the leases of a server that `without` does not name have not been read."""
    missing = list(filterfalse(without.__contains__, found.unread))
    if missing:
        text = _("The leases of %s have not been read since the restore.") % ", ".join(missing)
        hint = _("Start it again, or go on without its leases: %s")
        raise Conflict(text, hint % manage_command(f"thaw --without {missing[0]}"))
    with transaction.atomic():
        lock_ledger()
        count = _quarantine(found.free)
        freeze.thaw()
        serial.raise_after_restore()
    return count


# --- what the network knows ---------------------------------------------------------------------


def _read_local_leases() -> Iterator[str]:
    """Ingest this host's lease files; yields the servers whose file cannot be read. A dnsmasq
    without a range writes none: on a new host there is nothing to read."""
    for target in servers.local_targets():
        try:
            ingest(parse_leases(read_stable(_lease_file(target))), origin=nodes.origin(target))
        except OSError as error:
            is_missing = isinstance(error, FileNotFoundError)
            if not is_missing or not _has_no_range(target):
                yield target.name


def _has_no_range(target: Target) -> bool:
    """Whether the installed configuration is known, and has no range."""
    found = installed.compare(target)
    return found.is_known and not found.has_range


def _lease_file(target: Target) -> Path:
    if target.leases is None:
        raise FileNotFoundError(target.name)
    return target.leases


def _agents_behind(state: freeze.FrozenState) -> Iterator[str]:
    """Servers whose agents have not read their leases since the restore."""
    servers = DhcpServer.objects.of_agents()
    if state.since is not None:
        servers = servers.exclude(compared_at__gte=state.since)
    yield from servers.values_list("name", flat=True)


def _from_lease(lease: Lease) -> AddressInUse:
    machine = lease.mac_address or lease.duid
    return AddressInUse(lease.ip_address, machine, "lease", lease.hostname)


def _neighbours() -> Iterator[AddressInUse]:
    """The machines that this host's kernel has reached lately; none where it is not Linux."""
    try:
        lines = NEIGHBOURS.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return
    for line in lines:
        ip, _kind, flags, mac, *_rest = line.split()
        if int(flags, 16) & _COMPLETE:
            yield AddressInUse(addresses.parse_address(ip), mac, "neighbour")


def _pending_diffs() -> dict[str, str]:
    diffs = {}
    for target in servers.local_targets():
        if diff := sync.preview(target).diff:
            diffs[target.name] = diff
    return diffs


# --- what the ledger says -----------------------------------------------------------------------


def _free_in_ledger(in_use: Iterable[AddressInUse]) -> list[AddressInUse]:
    """Those whose address is free in a static pool of the global address space, by address. A
    gateway is not free. Where a lease and a neighbour name one address, the neighbour counts."""
    pools = list(Pool.objects.filter(kind="static", subnet__vrf=None).order_by("first"))
    owned = set(IPAddress.objects.filter(vrf=None).live().values_list("ip_address", flat=True))
    owned |= set(Subnet.objects.filter(vrf=None).values_list("gateway", flat=True))
    free = {}
    for one in in_use:
        if one.ip not in owned and _is_in_a_pool(one.ip, pools):
            free[one.ip] = one
    return sorted(free.values(), key=_order)


def _is_in_a_pool(ip: Address, pools: Iterable[Pool]) -> bool:
    return any(pool.first.version == ip.version and pool.first <= ip <= pool.last for pool in pools)


def _order(one: AddressInUse) -> tuple[int, int]:
    return one.ip.version, int(one.ip)


def _quarantine(found: Sequence[AddressInUse]) -> int:
    """Set the addresses' status; missing rows are created. An address that was allocated meanwhile
    stays allocated."""
    ips = list(map(attrgetter("ip"), found))
    index = SubnetIndex.of(ips, Subnet.objects.in_vrf(None))
    rows = {row.ip_address: row for row in _address_rows(ips)}
    old, new = [], []
    for one in found:
        row = rows.get(one.ip)
        if row is None:
            row = IPAddress(ip_address=one.ip, subnet=index.containing(None, one.ip))
            new.append(row)
        elif row.status == "available":
            old.append(row)
        else:
            continue
        row.status, row.freed_at = "quarantine", None
        row.description = _("In use when the ledger was restored: %s") % one
    address_rows.update(old)
    address_rows.create(new)
    return len(old) + len(new)


def _address_rows(ips: list[Address]) -> Iterator[IPAddress]:
    for start in range(0, len(ips), _AT_ONCE):
        part = ips[start : start + _AT_ONCE]
        yield from IPAddress.objects.filter(vrf=None, ip_address__in=part)
