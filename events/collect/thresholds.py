"""Subnets and pools that are fuller than IPMANAGER_POOL_THRESHOLD percent.

Looked at are the subnets that new events have touched, and every ten minutes those that the day's
usage (`ipam.usage.history`) shows to be nearly full: leases fill a pool without an event here. One
that was told as full is told as having room when it is HYSTERESIS percent below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils.timezone import localdate

from events.collect import states
from events.collect.states import Lasting
from events.models import OpenState
from ipam.models import Pool, Subnet, UsageDay
from ipam.usage.measure import Share, pool_usage, usage

SOURCE = "threshold"
HYSTERESIS = 5.0  # percent
AT_ONCE = 200  # subnets


def look_at(keys: Iterable[int]) -> int:
    """Measure these subnets and their pools; return how many events that made. A fixed number of
    queries for every AT_ONCE of them."""
    if not settings.POOL_THRESHOLD:
        return 0
    wanted, told = sorted(set(keys)), 0
    for start in range(0, len(wanted), AT_ONCE):
        told += _look_at(wanted[start : start + AT_ONCE])
    return told


def nearly_full() -> set[int]:
    """The subnets that today's usage shows as full, or that were told so."""
    if not settings.POOL_THRESHOLD:
        return set()
    part = settings.POOL_THRESHOLD / 100
    is_full = Q()
    for used, total in (("static_used", "static_total"), ("dhcp_used", "dhcp_total")):
        condition = {f"{total}__gt": 0, f"{used}__gte": F(total) * part}
        is_full |= Q(**condition)
    today = UsageDay.objects.filter(is_full, day=localdate())
    found = set(today.values_list("subnet_id", flat=True).order_by())
    for event in OpenState.objects.filter(source=SOURCE).values_list("event", flat=True):
        found.add(event["place"]["subnet_id"])
    return found


def _look_at(keys: list[int]) -> int:
    subnets = list(Subnet.objects.filter(pk__in=keys))
    pools = list(Pool.objects.filter(subnet__in=keys).select_related("subnet"))
    keys_of_states = [f"subnet:{key}:{share}" for key in keys for share in ("static", "dhcp")]
    touched = Q(key__in=keys_of_states) | Q(key__in=[f"pool:{pool.pk}" for pool in pools])
    rows = OpenState.objects.filter(touched, source=SOURCE)
    known = set(rows.values_list("key", flat=True))
    full = [*_full_subnets(subnets, known), *_full_pools(pools, known)]
    within = known | {one.key for one in full}
    return states.compare(SOURCE, full, within)


def _full_subnets(subnets: list[Subnet], known: set[str]) -> Iterator[Lasting]:
    measured = usage(subnets)
    for subnet in subnets:
        found = measured[subnet.pk]
        for name, share in (("static", found.static), ("dhcp", found.dhcp)):
            key = f"subnet:{subnet.pk}:{name}"
            if _is_full(share, key in known):
                facts = _facts(share, name)
                yield _lasting(key, "subnet", subnet.pk, str(subnet), facts, subnet)


def _full_pools(pools: list[Pool], known: set[str]) -> Iterator[Lasting]:
    measured = pool_usage(pools)
    for pool in pools:
        share, key = measured.get(pool.pk, Share()), f"pool:{pool.pk}"
        if _is_full(share, key in known):
            facts = _facts(share, pool.kind)
            yield _lasting(key, "pool", pool.pk, str(pool), facts, pool.subnet)


def _is_full(share: Share, was_full: bool) -> bool:
    limit = settings.POOL_THRESHOLD - HYSTERESIS * was_full
    return share.total > 0 and share.percent >= limit


def _facts(share: Share, name: str) -> dict[str, Any]:
    return {
        "percent": round(share.percent, 1),
        "used": share.used,
        "total": share.total,
        "share": name,
        "threshold": settings.POOL_THRESHOLD,
    }


def _lasting(
    key: str, noun: str, number: int, name: str, facts: dict[str, Any], subnet: Subnet
) -> Lasting:
    place = {
        "vrf_id": subnet.vrf_id,
        "subnet_id": subnet.pk,
        "network": subnet.network,
        "site": subnet.site,
    }
    return Lasting(
        key=key,
        begun=f"{noun}.above_threshold",
        ended=f"{noun}.below_threshold",
        subject_model=f"ipam.{noun}",
        subject_id=str(number),
        subject=name,
        data=facts,
        place=place,
    )
