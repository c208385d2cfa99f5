"""What reserving, releasing or quarantining a range of addresses would do, and doing it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Invalid
from ipam import addresses
from ipam.addresses import Address
from ipam.allocate import quarantine, release, reserve
from ipam.models import IPAddress, Subnet
from ipam.placement.pool_rows import never_allocated
from ipam.querysets import SubnetIndex, lock_ledger

MOST = 1024  # addresses at once
Rule = Callable[[IPAddress], str]


@dataclass(frozen=True)
class Step:
    """One address: whose it is now, and why it stays as it is (empty: it is changed)."""

    row: IPAddress
    refusal: str = ""


@dataclass(frozen=True)
class Plan:
    """The addresses of a range that a verb concerns."""

    verb: str
    steps: list[Step]
    untouched: int  # addresses that are so already

    @property
    def doing(self) -> list[Step]:
        return [step for step in self.steps if not step.refusal]

    @property
    def refused(self) -> list[Step]:
        return [step for step in self.steps if step.refusal]

    @property
    def digest(self) -> str:
        """Another plan has another one."""
        lines = [self.verb]
        for step in self.steps:
            row = step.row
            holder = (row.server_id, row.vm_id, row.hostname, row.mac_address)
            lines.append(f"{row.ip_address} {row.status} {holder}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def plan(subnet: Subnet, first: Address, last: Address, verb: str) -> Plan:
    """What the verb would do to the range. Three queries. Raises Invalid."""
    _check(subnet, first, last)
    refusal, is_done = _RULES[verb]
    unusable = _Unusable(subnet)
    steps = []
    for row in _rows(subnet, first, last, verb):
        if not is_done(row):
            steps.append(Step(row, refusal(row) or unusable(row, verb)))
    return Plan(verb, steps, addresses.size(first, last) - len(steps))


def apply_shown(
    subnet: Subnet, first: Address, last: Address, verb: str, digest: str, note: str
) -> int:
    """Carry out the plan that was shown with this digest, all of it or nothing; return how many
    addresses it has changed. Raises Invalid where anybody has changed the range since; what the
    verbs raise."""
    with transaction.atomic():
        lock_ledger()
        # An allocation may take a row without the lock of the ledger.
        rows = IPAddress.objects.filter(vrf=subnet.vrf_id).between(first, last)
        list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
        found = plan(subnet, first, last, verb)
        if found.digest != digest:
            raise Invalid(_("The range has changed meanwhile. Look again, then apply."))
        return apply(found, note)


def apply(plan: Plan, note: str) -> int:
    """Carry out a plan that was made in the same transaction, under its locks."""
    verb = _verbs(note)[plan.verb]
    for step in plan.doing:
        verb(step.row)
    return len(plan.doing)


def parse(text: str) -> Address:
    """An address that was typed. Raises Invalid."""
    try:
        return addresses.parse_address(text)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _check(subnet: Subnet, first: Address, last: Address) -> None:
    for address in (first, last):
        if address not in subnet.network:
            text = _("%(address)s is not in %(network)s.")
            raise Invalid(text % {"address": address, "network": subnet.network})
    number = addresses.size(first, last)
    if not 0 < number <= MOST:
        raise Invalid(_("A range runs upwards and has %d addresses at most.") % MOST)


def _rows(subnet: Subnet, first: Address, last: Address, verb: str) -> Iterator[IPAddress]:
    """The rows of the range, and new ones for addresses without a row that the verb may take."""
    rows = IPAddress.objects.filter(vrf=subnet.vrf_id).between(first, last)
    found = list(rows.select_related("server").order_by("ip_address"))
    if verb != "release":
        found += _missing(subnet, first, last, found)
        found.sort(key=lambda row: int(row.ip_address))
    return iter(found)


def _missing(
    subnet: Subnet, first: Address, last: Address, rows: list[IPAddress]
) -> list[IPAddress]:
    taken = {int(row.ip_address) for row in rows}
    free = sorted(set(range(int(first), int(last) + 1)) - taken)
    return [IPAddress(vrf_id=subnet.vrf_id, ip_address=type(first)(number)) for number in free]


class _Unusable:
    """Why a free address cannot be held: it is no host's, or the gateway."""

    def __init__(self, subnet: Subnet) -> None:
        inside = Subnet.objects.in_vrf(subnet.vrf_id).within(subnet.network)
        self._index, self._vrf = SubnetIndex(inside), subnet.vrf_id
        self._never: dict[int, set[Address]] = {}

    def __call__(self, row: IPAddress, verb: str) -> str:
        subnet = self._index.containing(self._vrf, row.ip_address)
        if verb == "release" or subnet is None:
            return ""
        never = self._never.setdefault(subnet.pk, set(never_allocated(subnet)))
        if row.ip_address in never:
            return _("the network, broadcast or gateway address")
        return ""


def _held(row: IPAddress) -> str:
    if row.status in ("available", "reserved"):
        return ""
    return _("held by %s") % (row.holder or row.get_status_display())


def _of_server(row: IPAddress) -> str:
    if row.server_id:
        return _("held by %s; change it there") % row.holder
    return ""


def _of_machine(row: IPAddress) -> str:
    if row.server_id or row.vm_id:
        return _("held by %s") % row.holder
    return ""


def _is(status: str, row: IPAddress) -> bool:
    return row.status == status


# Each verb's own refusals, and what needs no change.
_RULES: Mapping[str, tuple[Rule, Callable[[IPAddress], bool]]] = {
    "reserve": (_held, partial(_is, "reserved")),
    "release": (_of_server, partial(_is, "available")),
    "quarantine": (_of_machine, partial(_is, "quarantine")),
}
VERBS = tuple(_RULES)


def _verbs(note: str) -> dict[str, Callable[[IPAddress], IPAddress]]:
    return {
        "reserve": partial(reserve, description=note),
        "release": release,
        "quarantine": partial(quarantine, description=note),
    }
