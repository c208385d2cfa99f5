"""Questions to the tables of dhcp."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import (
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from ipam.addresses import Address, Network
from ipam.models import Interface, IPAddress, Server, Sighting, Subnet
from ipam.querysets import InterfaceQuerySet, IPAddressQuerySet, ServerQuerySet, inside

if TYPE_CHECKING:
    from dhcp.models import (  # noqa: F401  (in the base classes' parameters)
        DhcpChange,
        DhcpNode,
        DhcpProblem,
        DhcpScope,
        DhcpServer,
        DhcpTransaction,
        DnsmasqHeartbeat,
        Eviction,
        Generation,
        HandEdit,
        HostReport,
        Lease,
        SyncLease,
    )

_AT_ONCE = 500  # parameters in one statement
# One look into the index (server, -id) for each server.
_NEWEST_OF_EACH = """
SELECT (SELECT g.id FROM dhcp_generations g
        WHERE g.server_id = s.id AND %s IN ('', g.result) ORDER BY g.id DESC LIMIT 1)
FROM dhcp_servers s
UNION ALL SELECT * FROM (
    SELECT g.id FROM dhcp_generations g
    WHERE g.server_id IS NULL AND %s IN ('', g.result) ORDER BY g.id DESC LIMIT 1
) ours
"""
LONG_TEXTS = ("diff", "changes", "sources")  # of a generation; its lists go without them


class DhcpChangeQuerySet(models.QuerySet["DhcpChange"]):
    """Changes that are not applied yet."""

    def for_server(self, server_id: int | None) -> DhcpChangeQuerySet:
        """Those of one server; None is the default one."""
        return self.filter(server=server_id)

    def forget(self, ids: Sequence[int]) -> None:
        """Delete exactly these rows. A change committed after the snapshot keeps its row, and is
        applied by the next sync."""
        for start in range(0, len(ids), _AT_ONCE):
            self.filter(pk__in=ids[start : start + _AT_ONCE]).delete()


class DhcpServerQuerySet(models.QuerySet["DhcpServer"]):
    """All DHCP servers but the default one."""

    def here(self) -> DhcpServerQuerySet:
        """Enabled ones whose files this installation writes itself."""
        return self.filter(enabled=True, run_by="local").order_by("pk")

    def of_agents(self) -> DhcpServerQuerySet:
        """Enabled ones whose files an agent writes on another host."""
        return self.filter(enabled=True, run_by="agent").order_by("pk")

    def with_state(self) -> DhcpServerQuerySet:
        """Annotate the newest generation's `result`, `reason`, `hosts` and `tried_at`, and the
        number of `pending` changes. One query."""
        from dhcp.models import DhcpChange, Generation

        newest = Generation.objects.filter(server=OuterRef("pk")).order_by("-pk")
        changes = DhcpChange.objects.filter(server=OuterRef("pk")).order_by().values("server")
        pending = changes.annotate(number=Count("pk")).values("number")
        return self.annotate(
            result=Subquery(newest.values("result")[:1]),
            reason=Subquery(newest.values("reason")[:1]),
            hosts=Subquery(newest.values("hosts")[:1]),
            tried_at=Subquery(newest.values("updated_at")[:1]),
            pending=Coalesce(Subquery(pending), 0),
        )

    def with_heartbeats(self) -> DhcpServerQuerySet:
        """How each dnsmasq was last seen, for dhcp.daemon.heartbeat.state_of(): one more query."""
        from dhcp.models import DnsmasqHeartbeat

        looks = DnsmasqHeartbeat.objects.with_now()
        return self.prefetch_related(Prefetch("heartbeats", queryset=looks))


class GenerationQuerySet(models.QuerySet["Generation"]):
    """Attempts to apply the ledger to a dnsmasq."""

    def newest(self, server_id: int | None = None) -> Generation | None:
        """A server's newest; None is the default one."""
        return self.filter(server=server_id).order_by("-pk").first()

    def unprobed(self, server_id: int | None, since: datetime) -> Generation | None:
        """A server's newest, if it was applied after `since` and is not probed yet."""
        newest = self.newest_summary(server_id)
        if newest is None or newest.created_at <= since:
            return None
        if newest.result != "applied" or newest.probes is not None:
            return None
        return newest

    def newest_summary(self, server_id: int | None = None) -> Generation | None:
        """The newest without its long texts."""
        return self.filter(server=server_id).defer(*LONG_TEXTS).order_by("-pk").first()

    def newest_of_each(self, result: str = "") -> dict[int | None, Generation]:
        """The newest of every server, or the newest with a result, without their long texts, by the
        server's key: one query."""
        return self.newest_of_each_result(result)[result]

    def newest_of_each_result(self, *results: str) -> dict[str, dict[int | None, Generation]]:
        """The same for several results, "" being any; one query for all of them."""
        asked = Q()
        for result in results:
            asked |= Q(pk__in=RawSQL(_NEWEST_OF_EACH, [result, result]))
        rows = list(self.filter(asked).order_by("pk").defer(*LONG_TEXTS))
        found: dict[str, dict[int | None, Generation]] = {}
        for result in results:
            # In the order of their keys, the last one of a server is its newest.
            fitting = (row for row in rows if result in ("", row.result))
            found[result] = {row.server_id: row for row in fitting}
        return found

    def outdated(self, before: datetime) -> GenerationQuerySet:
        """Those that were last tried before then and that nothing needs: neither a server's newest,
        nor one of its last hundred kept ones, nor one on which a later kept one builds."""
        from dhcp.models import KeptFiles

        newest = self.model._base_manager.order_by().values("server").annotate(newest=Max("pk"))
        unneeded = KeptFiles.objects.unneeded(before)
        return self.filter(Q(files=None) | Q(files__in=unneeded), updated_at__lt=before).exclude(
            pk__in=newest.values("newest")
        )


class SyncLeaseQuerySet(models.QuerySet["SyncLease"]):
    """Which node writes the files of each DHCP server."""

    def of(self, server_id: int | None) -> SyncLeaseQuerySet:
        """The row of one server; None is the default one."""
        return self.filter(server=server_id)

    def with_state(self) -> SyncLeaseQuerySet:
        """Annotate the database's `now`, and whether it `has_expired`."""
        has_expired = ExpressionWrapper(Q(expires_at__lte=Now()), models.BooleanField())
        return self.annotate(now=Now(), has_expired=has_expired)


class DhcpNodeQuerySet(models.QuerySet["DhcpNode"]):
    """The nodes of each DHCP server."""

    def with_state(self) -> DhcpNodeQuerySet:
        """Annotate the database's `now`."""
        return self.annotate(now=Now()).order_by(F("server").asc(nulls_first=True), "host", "pk")


class DnsmasqHeartbeatQuerySet(models.QuerySet["DnsmasqHeartbeat"]):
    """How each node last saw its dnsmasq."""

    def with_now(self) -> DnsmasqHeartbeatQuerySet:
        """Annotate the database's `now`; by server, the newest look first."""
        rows = self.annotate(now=Now())
        return rows.order_by(F("server").asc(nulls_first=True), "-checked_at", "pk")


class HostReportQuerySet(models.QuerySet["HostReport"]):
    """What was last found at the host of each dnsmasq."""

    def with_age(self) -> HostReportQuerySet:
        """Annotate the `age`, by the database's clock; the default server's first."""
        age = ExpressionWrapper(Now() - F("looked_at"), output_field=models.DurationField())
        return self.annotate(age=age).order_by(F("server").asc(nulls_first=True), "host", "pk")


class HandEditQuerySet(models.QuerySet["HandEdit"]):
    """Changes that were made in dnsmasq's files with an editor."""

    def undecided(self) -> HandEditQuerySet:
        return self.filter(state="open")

    def lock_undecided(self) -> set[int]:
        """Their keys; nobody else can decide them before the transaction ends."""
        rows = self.undecided().select_for_update().order_by("pk")
        return set(rows.values_list("pk", flat=True))

    def decide(self, pk: int, state: str, who: str) -> bool:
        """Record a decision. False when another request has decided it first."""
        decided = {"state": state, "served": False, "decided_by": who, "decided_at": timezone.now()}
        return self.undecided().filter(pk=pk).update(**decided) == 1


class DhcpScopeQuerySet(models.QuerySet["DhcpScope"]):
    """How subnets are served."""

    def confined(self, networks: Iterable[Network]) -> DhcpScopeQuerySet:
        """Those of subnets inside one of the networks."""
        return self.filter(subnet__in=Subnet.objects.confined(networks))

    def on_wires(self) -> DhcpScopeQuerySet:
        """The enabled ones of the global address space with the wires that they share."""
        rows = self.filter(enabled=True, subnet__vrf=None).order_by("pk")
        return rows.select_related("subnet", "wire__dhcp_scope")

    def served(self) -> DhcpScopeQuerySet:
        """The enabled ones of the global address space with everything that their text needs, in a
        fixed number of queries."""
        rows = self.on_wires()
        return rows.prefetch_related("options", "subnet__pools").order_by("pk")


class EvictionQuerySet(models.QuerySet["Eviction"]):
    """Leases that were ended before their time."""

    def confined(self, networks: Iterable[Network]) -> EvictionQuerySet:
        """Those of addresses inside one of the networks."""
        return self.filter(inside("ip_address", networks))

    def possibly_in_use(self) -> EvictionQuerySet:
        """Those whose former holders may still use the address: the lease would not be over, and
        they have no other one since."""
        now = timezone.now()
        other = Sighting.objects.filter(
            vrf=None, source="lease", mac_address=OuterRef("mac_address"), leased_until__gt=now
        )
        return self.filter(until__gt=now).exclude(Exists(other)).order_by("-until")


class DhcpTransactionQuerySet(models.QuerySet["DhcpTransaction"]):
    """What dnsmasq has logged of machines."""

    def confined(self, networks: Iterable[Network]) -> DhcpTransactionQuerySet:
        """Those that name an address inside one of the networks."""
        return self.filter(inside("ip_address", networks))

    def about(self, macs: Collection[str], ips: Collection[Address]) -> DhcpTransactionQuerySet:
        """Those of these machines and of these addresses."""
        return self.filter(Q(mac_address__in=macs) | Q(ip_address__in=ips))

    def newest_first(self) -> DhcpTransactionQuerySet:
        return self.order_by("-at", "-pk")


class DhcpProblemQuerySet(models.QuerySet["DhcpProblem"]):
    """What the log tells that somebody has to act on."""

    def current(self) -> DhcpProblemQuerySet:
        """Those that were told of lately."""
        return self.filter(expires_at__gt=timezone.now())


_LAST_V4 = IPv4Address("255.255.255.255")  # IPv6 addresses sort behind it


class LeaseQuerySet(models.QuerySet["Lease"]):
    """Leases of the global address space; both live ones and those that have ended."""

    def confined(self, networks: Sequence[Network]) -> LeaseQuerySet:
        """Those of addresses inside one of the networks, judged by the machines inside them."""
        return self.filter(inside("ip_address", networks)).judged(networks)

    def leases(self) -> LeaseQuerySet:
        return self.filter(vrf=None, source="lease")

    def live(self) -> LeaseQuerySet:
        """Those that have not ended."""
        return self.leases().filter(leased_until__gt=timezone.now())

    def lost(self) -> Iterable[tuple[str, int, datetime]]:
        """For each lease file that lacks live leases: whose it is (Sighting.origin), how many they
        are, and since when. One query."""
        rows = self.live().filter(missing_since__isnull=False).order_by("origin")
        return rows.values_list("origin").annotate(Count("pk"), Min("missing_since"))

    def conflicting(self) -> LeaseQuerySet:
        """Live ones of addresses that belong to another machine in the ledger."""
        return self.live().judged().filter(verdict="conflict")  # type: ignore[misc]

    def judged(self, networks: Sequence[Network] = ()) -> LeaseQuerySet:
        """Annotate the `verdict` (Lease.Verdict) by the machines of the global address space, or by
        those inside the networks. One query."""
        cards = Cards.of(networks)
        mac, ip = OuterRef("mac_address"), OuterRef("ip_address")
        v4 = Q(ip_address__lte=_LAST_V4)
        return self.annotate(
            verdict=Case(
                When(cards.any(mac_address=mac, ip_address=ip), then=Value("right")),
                When(~v4 & cards.hold(ip, mac, OuterRef("duid")), then=Value("right")),
                When(cards.any(ip_address=ip), then=Value("conflict")),
                When(
                    v4 & cards.any(v4, mac_address=mac, ip_address__isnull=False),
                    then=Value("elsewhere"),
                ),
                When(
                    ~v4 & cards.any(~v4, mac_address=mac, ip_address__isnull=False),
                    then=Value("elsewhere"),
                ),
                When(cards.any(mac_address=mac), then=Value("known")),
                default=Value("unknown"),
                output_field=models.CharField(),
            )
        )


@dataclass(frozen=True)
class Cards:
    """The servers, interfaces and allocations that leases are compared with."""

    servers: ServerQuerySet
    nics: InterfaceQuerySet
    allocations: IPAddressQuerySet

    @classmethod
    def of(cls, networks: Sequence[Network]) -> Cards:
        """Those of the global address space, or only those inside the networks."""
        rows = IPAddress.objects.allocations()
        if networks:
            servers, nics = Server.objects.confined(networks), Interface.objects.confined(networks)
            return cls(servers, nics, rows.confined(networks))
        servers, nics = Server.objects.filter(vrf=None), Interface.objects.filter(server__vrf=None)
        return cls(servers, nics, rows.filter(vrf=None))

    def any(self, *conditions: Q, **facts: object) -> Q:
        """Whether one of them meets the conditions."""
        servers = self.servers.filter(*conditions, **facts)
        nics = self.nics.filter(*conditions, **facts)
        rows = self.allocations.filter(*conditions, **facts)
        return Q(Exists(servers)) | Q(Exists(nics)) | Q(Exists(rows))

    def hold(self, ip: OuterRef, mac: OuterRef, duid: OuterRef) -> Q:
        """Whether an IPv6 lease belongs to the machine that has the address: by its DUID; by
        another card of the machine, whose MAC the DUID contains; or by a DUID without a MAC, where
        the ledger knows no other DUID."""
        nameless = Q(mac_address=None) & ~Q(duid="")
        same_machine = Q(server__mac_address=mac) | Q(server__interfaces__mac_address=mac)
        servers, nics = self.servers.filter(ip_address=ip), self.nics.filter(ip_address=ip)
        with_mac = Q(mac_address__isnull=False)
        return (
            (~Q(duid="") & Q(Exists(nics.filter(duid__iexact=duid))))
            | Q(Exists(nics.filter(same_machine)))
            | Q(Exists(servers.filter(interfaces__mac_address=mac)))
            | (nameless & Q(Exists(servers.filter(with_mac))))
            | (nameless & Q(Exists(nics.filter(with_mac, duid=""))))
        )


def holders_of(addresses: Collection[Address]) -> dict[Address, IPAddress]:
    """The rows of those addresses that somebody has, in the global address space."""
    unowned = (IPAddress.Status.AVAILABLE, IPAddress.Status.RESERVED)
    rows = IPAddress.objects.filter(vrf=None).exclude(status__in=unowned).select_related("server")
    ips = sorted(addresses, key=int)
    holders = {}
    for start in range(0, len(ips), _AT_ONCE):
        for row in rows.filter(ip_address__in=ips[start : start + _AT_ONCE]):
            holders[row.ip_address] = row
    return holders


def name_of(holder: IPAddress) -> str:
    """What to call the owner of an address in a message."""
    return str(holder.server or holder.vm_id or holder.get_status_display())
