"""The questions that discovery asks the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from ipam.addresses import Network
from ipam.querysets import either, network_inside

if TYPE_CHECKING:
    from discovery.models import DiscoveryRound, SubnetDiscovery  # noqa: F401

HELD = timedelta(seconds=60)  # a prober that says nothing for so long has ended
AT_ONCE = 64  # subnets that are worked at in one step


class SubnetDiscoveryQuerySet(models.QuerySet["SubnetDiscovery"]):
    def of_agent(self, agent: str) -> SubnetDiscoveryQuerySet:
        """Those that this agent probes, or the worker (an empty name)."""
        return self.filter(enabled=True, agent=agent)

    def confined(self, networks: Iterable[Network]) -> SubnetDiscoveryQuerySet:
        """Those of subnets of the global address space inside one of the networks."""
        within = either(network_inside(network, "subnet__") for network in networks)
        return self.filter(within, subnet__vrf=None)

    def claim_due(self, agent: str, holder: str, now: datetime) -> Sequence[SubnetDiscovery]:
        """Subnets whose round is due or goes on, which no other prober works at; this one does from
        now on. By four statements, however many there are."""
        from discovery.models import DiscoveryRound

        mine = self.of_agent(agent)
        new = mine.filter(round=None).values_list("pk", flat=True)[: 10 * AT_ONCE]
        DiscoveryRound.objects.bulk_create(
            [DiscoveryRound(discovery_id=pk, due_at=now, held_until=now) for pk in new],
            ignore_conflicts=True,
        )
        free = Q(held_until__lte=now) | Q(held_by=holder)
        due = DiscoveryRound.objects.filter(free, discovery__in=mine, due_at__lte=now)
        keys = list(due.order_by("due_at").values_list("pk", flat=True)[:AT_ONCE])
        if not keys:
            return []
        rounds = DiscoveryRound.objects.filter(free, pk__in=keys)
        rounds.update(held_by=holder, held_until=now + HELD)
        held = self.filter(round__in=keys, round__held_by=holder)
        return list(held.select_related("subnet", "round").order_by("pk"))

    def networks(self, agent: str) -> list[tuple[int | None, Any]]:
        """VRF and network of the subnets whose neighbours this agent looks at."""
        rows = self.of_agent(agent).filter(arp=True)
        return list(rows.values_list("subnet__vrf_id", "subnet__network"))


class DiscoveryRoundQuerySet(models.QuerySet["DiscoveryRound"]):
    def late(self, before: datetime) -> DiscoveryRoundQuerySet:
        """Rounds of enabled subnets that were due before this moment, and at which nobody has
        worked since."""
        return self.filter(discovery__enabled=True, due_at__lt=before, held_until__lt=before)
