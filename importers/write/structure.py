"""VRFs, subnets, pools, scopes and options: tens or hundreds, saved one by one as by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from django.db import models
from django.utils.translation import gettext as _

from core.errors import Invalid
from dhcp import options
from dhcp.models import DhcpOption, DhcpScope
from importers.outcome import Verdict
from importers.records import Net, Option, Range, Record, Scope, Vrf
from importers.write.job import REFUSALS, Job, compared, fitted, refused, said, saved
from ipam import addresses
from ipam.models import VRF, Pool, Subnet
from ipam.querysets import SubnetIndex

_SUBNET = ("name", "description", "gateway", "vlan_id", "dns_servers", "domain", "site")
_SCOPE = (
    "lease_time",
    "known_only",
    "router",
    "dns_servers",
    "ntp_servers",
    "domain",
    "boot_server",
    "boot_file",
    "advertises",
    "interface",
    "wire_address",
)


_NEEDED = {"value"}  # without it, the row says nothing
M = TypeVar("M", bound=models.Model)


def _settle(
    record: Record,
    kind: str,
    key: object,
    row: M | None,
    new: M,
    values: Mapping[str, Any],
) -> tuple[M | None, Verdict]:
    """The row of a record, and the verdict: compared when it is there, else `new` is saved."""
    if row is not None:
        return row, compared(record, kind, key, row, _plain(type(row), values))
    fit, reasons = fitted(type(new), values)
    for name, value in fit.items():
        setattr(new, name, value)
    try:
        reasons += saved(new, optional=fit.keys() - _NEEDED)
    except REFUSALS as error:
        return None, refused(record, kind, key, error)
    return new, Verdict(record.at, kind, str(key), "new", tuple(reasons))


def _plain(model: type[models.Model], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they would have been stored."""
    fit, _cut = fitted(model, values)
    if "domain" in fit:
        fit["domain"] = fit["domain"].lower()
    return fit


def write_vrfs(job: Job, records: Sequence[Vrf]) -> Iterator[Verdict]:
    known = {row.name: row for row in VRF.objects.all()}
    for record in records:
        values = said(record, "rd", "description")
        present = known.get(record.name)
        new = VRF(name=record.name)
        row, verdict = _settle(record, "vrf", record.name, present, new, values)
        if row is not None:
            known[record.name] = row
            job.vrfs[record.name] = row.pk
        yield verdict


def write_subnets(job: Job, records: Sequence[Net]) -> Iterator[Verdict]:
    known = {(row.vrf_id, row.network): row for row in Subnet.objects.all()}
    for number, record in enumerate(sorted(records, key=lambda net: net.network.prefixlen)):
        job.progress("subnets", number, len(records))
        try:
            vrf_id = job.vrf_id(record.vrf)
        except Invalid as error:
            yield refused(record, "subnet", record.network, error)
            continue
        place = vrf_id, record.network
        row, verdict = _settle(
            record,
            "subnet",
            _in_vrf(record.network, record.vrf),
            known.get(place),
            Subnet(vrf_id=vrf_id, network=record.network),
            said(record, *_SUBNET),
        )
        if row is not None:
            known[place] = row
        yield verdict


def _in_vrf(what: object, vrf: str) -> str:
    return f"{what} ({vrf})" if vrf else str(what)


def write_pools(job: Job, records: Sequence[Range]) -> Iterator[Verdict]:
    index = SubnetIndex(Subnet.objects.all())
    known = {_pool_key(pool): pool for pool in Pool.objects.all()}
    for number, record in enumerate(records):
        job.progress("pools", number, len(records))
        key = f"{record.first}-{record.last}"
        try:
            subnet = _subnet_of(job, record, index)
        except Invalid as error:
            yield refused(record, "pool", key, error)
            continue
        pool = _pool(record, subnet)
        row, verdict = _settle(record, "pool", key, known.get(_pool_key(pool)), pool, {})
        if row is not None:
            known[_pool_key(pool)] = row
        yield verdict


def _pool(record: Range, subnet: Subnet) -> Pool:
    """The pool without the network's own ends, which dnsmasq hands out to nobody."""
    first, last = record.first, record.last
    if record.kind == Pool.Kind.DHCP and last in subnet.network:
        first = max(first, addresses.first_host(subnet.network))
        last = min(last, addresses.last_host(subnet.network))
    return Pool(subnet=subnet, first=first, last=last, kind=record.kind)


def _pool_key(pool: Pool) -> tuple[object, ...]:
    return pool.subnet_id, pool.first, pool.last, pool.kind


def _subnet_of(job: Job, record: Range, index: SubnetIndex) -> Subnet:
    subnet = index.containing(job.vrf_id(record.vrf), record.first)
    if subnet is None:
        raise Invalid(_("%s lies in no subnet of the ledger.") % record.first)
    return subnet


def write_scopes(job: Job, records: Sequence[Scope]) -> Iterator[Verdict]:
    subnets = {row.network: row for row in Subnet.objects.in_vrf(job.vrfs[""])}
    known = {scope.subnet_id: scope for scope in DhcpScope.objects.select_related("wire")}
    for record in records:
        subnet = subnets.get(record.network)
        if subnet is None:
            error = Invalid(_("Its subnet is not in the ledger."))
            yield refused(record, "scope", record.network, error)
            continue
        values = said(record, *_SCOPE)
        if wire := subnets.get(record.wire) if record.wire else None:
            values["wire"] = wire
        row, verdict = _settle(
            record,
            "scope",
            record.network,
            known.get(subnet.pk),
            DhcpScope(subnet=subnet),
            values,
        )
        if row is not None:
            known[subnet.pk] = row
        yield verdict


def write_options(job: Job, records: Sequence[Option]) -> Iterator[Verdict]:
    scopes = {row.subnet.network: row for row in _scopes_in(job.vrfs[""])}
    known = {(row.scope_id, int(row.number)): row for row in DhcpOption.objects.all()}
    for record in records:
        key = f"{record.network} {record.number}"
        scope = scopes.get(record.network)
        if scope is None:
            error = Invalid(_("Its subnet has no DHCP scope."))
            yield refused(record, "option", key, error)
            continue
        place = scope.pk, record.number
        option = DhcpOption(scope=scope, number=record.number, type=_type(record))
        option.value = record.value
        values = {"value": record.value}
        row, verdict = _settle(record, "option", key, known.get(place), option, values)
        if row is not None:
            known[place] = row
        yield verdict


def _type(record: Option) -> str:
    """The kind of the value: that of its number, unless it is told by bytes."""
    is_known = record.number in options.KNOWN[record.network.version]
    if is_known and record.type != "bytes":
        return ""
    return record.type


def _scopes_in(vrf_id: int | None) -> Any:
    return DhcpScope.objects.filter(subnet__vrf=vrf_id).select_related("subnet")
