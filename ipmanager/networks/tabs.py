"""The other tabs of a subnet: its addresses, how DHCP serves it, its leases, and its space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Invalid
from dhcp.models import DhcpServer, DhcpTransaction, Lease
from ipam import ranges
from ipam.admin import marks
from ipam.maps.range_plan import parse
from ipam.models import IPAddress, Pool, Subnet
from ipam.ranges import Span
from ipam.usage import Share
from ipam.usage.measure import pool_usage
from ipmanager.networks import draw
from ipmanager.networks.gaps import largest
from ipmanager.networks.head import Head
from ipmanager.networks.links import address_url, page, with_query

PAGE = 200  # rows of a list
SERVED = 20  # transactions


# --- addresses ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FreeRange:
    """Free addresses beside each other: the first, the last, how many; and the pool they are in."""

    first: Any
    last: Any
    number: int
    kind: str


def addresses(head: Head, start: str) -> dict[str, Any]:
    """The live rows of the subnet from an address on, and the free ranges between them."""
    rows = IPAddress.objects.filter(subnet=head.subnet).live().order_by("ip_address")
    after = _start(start)
    if after is not None and after.version == head.subnet.network.version:
        rows = rows.filter(ip_address__gte=after)
    else:
        after = None
    shown = list(rows.select_related("server").with_last_answer()[: PAGE + 1])
    more = shown[PAGE].ip_address if len(shown) > PAGE else None
    shown = shown[:PAGE]
    for row in shown:
        row.page = address_url(row.ip_address, row.vrf_id)  # type: ignore[attr-defined]
        row.url = marks.change_url(row)  # type: ignore[attr-defined]
    window = _window(head, after, more)
    return {
        "rows": shown,
        "free": list(_free(head, [int(row.ip_address) for row in shown], window)),
        "more_url": more and with_query("", **{"from": more}),
        "list_url": head.urls["list"],
    }


def _start(text: str) -> Any:
    if not text:
        return None
    try:
        return parse(text)
    except Invalid:
        return None


def _window(head: Head, after: Any, more: Any) -> Span:
    """The addresses that the page is about."""
    first, last = head.node.first, head.node.last
    if after is not None:
        first = int(after)
    if more is not None:
        last = int(more) - 1
    return first, last


def _free(head: Head, held: Sequence[int], window: Span) -> Iterator[FreeRange]:
    """What is free in the window, upwards, first what we hand out, then the DHCP pools."""
    leased = [lease.address for lease in head.leases if lease.place == head.area.place]
    taken = ranges.merged((number, number) for number in [*held, *leased])
    address = type(head.subnet.network.network_address)
    for kind, spans in (("static", head.node.static), ("dhcp", head.node.dhcp)):
        for span in ranges.clipped(spans, *window):
            for first, last in ranges.gaps(*span, taken):
                yield FreeRange(address(first), address(last), last - first + 1, kind)


# --- DHCP -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PoolLine:
    pool: Pool
    share: Share
    bar: Any
    size: str


def dhcp(head: Head) -> dict[str, Any]:
    """How DHCP serves the subnet: its scope, its pools, what dnsmasq has logged."""
    pools = list(head.subnet.pools.select_related("subnet"))
    measured = pool_usage(pools)
    context: dict[str, Any] = {
        "pools": [_pool_line(pool, measured.get(pool.pk, Share())) for pool in pools],
        "scope": head.scope,
        "facts": list(_scope_facts(head)),
        "add_url": page("dhcp_dhcpscope_add", subnet=head.subnet.pk),
    }
    if head.scope:
        context["scope_url"] = marks.change_url(head.scope)
    if head.request.user.has_perm("dhcp.view_dhcptransaction"):
        rows = DhcpTransaction.objects.confined([head.subnet.network]).newest_first()
        context["transactions"] = rows[:SERVED]
    return context


def _pool_line(pool: Pool, share: Share) -> PoolLine:
    numbers = {"used": marks.count(share.used), "total": marks.count(share.total)}
    label = _("%(used)s of %(total)s in use") % numbers
    return PoolLine(pool, share, draw.bar(share, pool.kind, label), marks.count(pool.size))


def _scope_facts(head: Head) -> Iterator[tuple[str, Any]]:
    scope, subnet = head.scope, head.subnet
    if scope is None:
        return
    server = scope.server or DhcpServer.objects.filter(site=subnet.site).exclude(site="").first()
    yield _("DHCP server"), server or _("the default one")
    yield _("Lease time"), f"{scope.lease_time} s"
    yield _("Router"), scope.router or subnet.gateway or marks.NOTHING
    yield _("DNS servers"), _listed(scope.dns_servers or subnet.dns_servers)
    yield _("Domain"), scope.domain or subnet.domain or marks.NOTHING
    yield _("Machines without a reservation"), _ANSWERED[scope.known_only]()


def _listed(values: Iterable[Any]) -> Any:
    return ", ".join(map(str, values)) or marks.NOTHING


_ANSWERED = {
    True: lambda: _("get no answer"),
    False: lambda: _("get an address of a DHCP pool"),
}


# --- leases ---------------------------------------------------------------------------------------


def leases(head: Head) -> dict[str, Any]:
    """The leases that last, by address."""
    rows = Lease.objects.leases().filter(vrf=head.subnet.vrf_id, leased_until__gt=timezone.now())
    network = head.subnet.network
    inside = rows.filter(ip_address__range=(network[0], network[-1]))
    found = list(inside.order_by(F("ip_address"))[: PAGE + 1])
    for lease in found:
        lease.page = address_url(lease.ip_address, lease.vrf_id)  # type: ignore[attr-defined]
    return {
        "leases": found[:PAGE],
        "more": len(found) > PAGE,
        "list_url": page("dhcp_lease_changelist", q=network),
    }


# --- space ----------------------------------------------------------------------------------------


def space(head: Head) -> dict[str, Any]:
    """The subnets inside, and the gaps between them."""
    lines = [_child(head, child) for child in head.subnet.children]
    gaps = head.gaps()
    entries = [*lines, *({"gap": gap, "first": gap.first} for gap in gaps)]
    entries.sort(key=lambda entry: entry["first"])
    return {"entries": entries, "children": lines, "largest": largest(gaps)}


def _child(head: Head, child: Subnet) -> dict[str, Any]:
    usage = head.usages[child.pk]
    return {
        "subnet": child,
        "first": int(child.network.network_address),
        "url": page("network", child.pk),
        "static": draw.bar(usage.static, "static", _("static addresses in use")),
        "left": marks.count(usage.static.free),
        "dhcp": marks.count(usage.dhcp.free),
    }
