"""The questions that the scribe asks of its own tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Case, Count, Exists, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from ipam.addresses import Address
from ipam.models import Interface, IPAddress, Server, Sighting

if TYPE_CHECKING:
    from dhcp.models import (  # noqa: F401  (in the base classes' parameters)
        DhcpChange,
        DhcpScope,
        DhcpServer,
        Eviction,
        Generation,
        HandEdit,
        KeptFiles,
        Lease,
    )

_AT_ONCE = 500  # parameters in one statement


class DhcpChangeQuerySet(models.QuerySet["DhcpChange"]):
    """Changes that a dnsmasq has not heard of yet, oldest first."""

    def for_server(self, server_id: int | None) -> DhcpChangeQuerySet:
        """Those of one server; None is the default one."""
        return self.filter(server=server_id)

    def forget(self, ids: Sequence[int]) -> None:
        """Delete exactly these: whoever committed after the snapshot keeps his row, and with it his
        sync."""
        for start in range(0, len(ids), _AT_ONCE):
            self.filter(pk__in=ids[start : start + _AT_ONCE]).delete()


class DhcpServerQuerySet(models.QuerySet["DhcpServer"]):
    """The servers beside the default one."""

    def here(self) -> DhcpServerQuerySet:
        """Those that this installation itself keeps in step."""
        return self.filter(enabled=True, run_by="local").order_by("pk")

    def of_agents(self) -> DhcpServerQuerySet:
        """Those that an agent keeps in step on a host of its own."""
        return self.filter(enabled=True, run_by="agent").order_by("pk")

    def with_state(self) -> DhcpServerQuerySet:
        """Each with its newest generation's `result`, `reason`, `hosts` and `tried_at`, and how
        many changes are `pending`: one query."""
        from dhcp.models import DhcpChange, Generation

        newest = Generation.objects.filter(server=OuterRef("pk")).order_by("-pk")
        mine = DhcpChange.objects.filter(server=OuterRef("pk")).order_by().values("server")
        return self.annotate(
            result=Subquery(newest.values("result")[:1]),
            reason=Subquery(newest.values("reason")[:1]),
            hosts=Subquery(newest.values("hosts")[:1]),
            tried_at=Subquery(newest.values("updated_at")[:1]),
            pending=Coalesce(Subquery(mine.annotate(number=Count("pk")).values("number")), 0),
        )


class GenerationQuerySet(models.QuerySet["Generation"]):
    """Attempts to bring a dnsmasq in step with the ledger."""

    def newest(self, server_id: int | None = None) -> Generation | None:
        """A server's newest; None is the default one."""
        return self.filter(server=server_id).order_by("-pk").first()

    def unprobed(self, server_id: int | None, since: datetime) -> Generation | None:
        """A server's newest, if it was applied since then and nobody has asked for its machines'
        addresses yet."""
        newest = self.newest_summary(server_id)
        fresh = (
            newest
            and newest.result == "applied"
            and newest.probes is None
            and newest.created_at > since
        )
        return newest if fresh else None

    def newest_summary(self, server_id: int | None = None) -> Generation | None:
        """The newest without its long texts."""
        return self.filter(server=server_id).defer("diff", "changes").order_by("-pk").first()

    def newest_of_each(self) -> dict[int | None, Generation]:
        """The newest of every server without their long texts, by the server's key: one query."""
        from dhcp.models import DhcpServer

        newest = self.filter(server=OuterRef("pk")).order_by("-pk").values("pk")[:1]
        theirs = (
            DhcpServer.objects.annotate(newest=Subquery(newest))
            .filter(newest__isnull=False)
            .values("newest")
        )
        ours = self.filter(server=None).order_by("-pk").values("pk")[:1]
        rows = self.filter(Q(pk__in=theirs) | Q(pk__in=ours)).defer("diff", "changes")
        return {row.server_id: row for row in rows}


class HandEditQuerySet(models.QuerySet["HandEdit"]):
    """What was done to the files by hand."""

    def undecided(self) -> HandEditQuerySet:
        return self.filter(state="open")

    def lock_undecided(self) -> set[int]:
        """Those that nobody decides before the transaction ends."""
        rows = self.undecided().select_for_update().order_by("pk")
        return set(rows.values_list("pk", flat=True))

    def decide(self, pk: int, state: str, who: str) -> bool:
        """Whether this caller decides it: of two at once, one does."""
        decided = {"state": state, "served": False, "decided_by": who, "decided_at": timezone.now()}
        return self.undecided().filter(pk=pk).update(**decided) == 1


class KeptFilesQuerySet(models.QuerySet["KeptFiles"]):
    """What applied generations said."""

    def last_written(self, digest: str, server_id: int | None = None) -> KeptFiles | None:
        """A server's generation with this digest, else its newest: what stood in the files before
        somebody edited them."""
        rows = (
            self.filter(generation__server=server_id)
            .select_related("generation")
            .order_by("-generation")
        )
        return rows.filter(generation__digest=digest).first() or rows.first()


class DhcpScopeQuerySet(models.QuerySet["DhcpScope"]):
    """How subnets are served."""

    def served(self) -> DhcpScopeQuerySet:
        """The enabled ones of the global address space with all that their text needs, in a fixed
        number of queries."""
        rows = self.filter(enabled=True, subnet__vrf=None).select_related("subnet", "wire")
        return rows.prefetch_related("options", "subnet__pools").order_by("pk")


class EvictionQuerySet(models.QuerySet["Eviction"]):
    """Leases that were taken from their holders."""

    def possibly_in_use(self) -> EvictionQuerySet:
        """Whose holders may still use the address: their time is not over, and they have no other
        lease since."""
        now = timezone.now()
        other = Sighting.objects.filter(
            vrf=None, source="lease", mac_address=OuterRef("mac_address"), leased_until__gt=now
        )
        return self.filter(until__gt=now).exclude(Exists(other)).order_by("-until")


_LAST_V4 = IPv4Address("255.255.255.255")  # IPv6 addresses sort behind it


class LeaseQuerySet(models.QuerySet["Lease"]):
    """Leases of the global address space, over or not."""

    def leases(self) -> LeaseQuerySet:
        return self.filter(vrf=None, source="lease")

    def live(self) -> LeaseQuerySet:
        """Those that are not over."""
        return self.leases().filter(leased_until__gt=timezone.now())

    def conflicting(self) -> LeaseQuerySet:
        """Live ones of addresses that the ledger gives to another machine."""
        return self.live().judged().filter(verdict="conflict")  # type: ignore[misc]

    def judged(self) -> LeaseQuerySet:
        """Each with its `verdict` (Lease.Verdict): one query, whatever their number."""
        mac, ip = OuterRef("mac_address"), OuterRef("ip_address")
        v4 = Q(ip_address__lte=_LAST_V4)
        return self.annotate(
            verdict=Case(
                When(_any_card(mac_address=mac, ip_address=ip), then=Value("right")),
                When(~v4 & _of_holder(ip, mac, OuterRef("duid")), then=Value("right")),
                When(_any_card(ip_address=ip), then=Value("conflict")),
                When(
                    v4 & _any_card(v4, mac_address=mac, ip_address__isnull=False),
                    then=Value("elsewhere"),
                ),
                When(
                    ~v4 & _any_card(~v4, mac_address=mac, ip_address__isnull=False),
                    then=Value("elsewhere"),
                ),
                When(_any_card(mac_address=mac), then=Value("known")),
                default=Value("unknown"),
                output_field=models.CharField(),
            )
        )


def _of_holder(ip: OuterRef, mac: OuterRef, duid: OuterRef) -> Q:
    """Whether an IPv6 lease is of the machine that has the address: by its DUID, by another of its
    cards, of whose MAC the DUID was made, or by a DUID that tells nothing, where nobody has written
    down another."""
    nics = Interface.objects.filter(server__vrf=None)
    servers = Server.objects.filter(vrf=None)
    nameless = Q(mac_address=None) & ~Q(duid="")
    return (
        (~Q(duid="") & Q(Exists(nics.filter(ip_address=ip, duid__iexact=duid))))
        | Q(
            Exists(
                nics.filter(
                    Q(server__mac_address=mac) | Q(server__interfaces__mac_address=mac),
                    ip_address=ip,
                )
            )
        )
        | Q(Exists(servers.filter(ip_address=ip, interfaces__mac_address=mac)))
        | (nameless & Q(Exists(servers.filter(ip_address=ip, mac_address__isnull=False))))
        | (nameless & Q(Exists(nics.filter(ip_address=ip, duid="", mac_address__isnull=False))))
    )


def _any_card(*conditions: Q, **facts: object) -> Q:
    """Whether a server or an interface of the global address space is like this."""
    servers = Server.objects.filter(*conditions, vrf=None, **facts)
    return Q(Exists(servers)) | Q(
        Exists(Interface.objects.filter(*conditions, server__vrf=None, **facts))
    )


def holders_of(addresses: Collection[Address]) -> dict[Address, IPAddress]:
    """Who has each of these addresses by the ledger, in the global space; nobody's are left out."""
    nobodys = (IPAddress.Status.AVAILABLE, IPAddress.Status.RESERVED)
    live = IPAddress.objects.filter(vrf=None).exclude(status__in=nobodys).select_related("server")
    asked = sorted(addresses, key=int)
    parts = (asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE))
    return {row.ip_address: row for part in parts for row in live.filter(ip_address__in=part)}


def name_of(holder: IPAddress) -> str:
    return str(holder.server or holder.vm_id or holder.get_status_display())
