"""What lasts now: conflicts, foreign DHCP servers, dnsmasqs that are down, failed syncs, silent
services, tokens that expire soon. A query or two for each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Max
from django.utils import timezone

from api.models import Token
from dhcp.daemon import heartbeat
from dhcp.models import DhcpServer, DnsmasqHeartbeat, Generation
from discovery.models import Conflict, RogueServer
from events.collect.rows import service_data, service_name
from events.collect.states import Lasting, Source
from registry.models import Service

_State = DnsmasqHeartbeat.State
_BEGUN = {_State.DEAD: "dnsmasq.down", _State.HUNG: "dnsmasq.hung"}
SOON = timedelta(days=14)  # before a token expires
DEFAULT_SERVER = "dnsmasq"


def conflicts() -> Iterator[Lasting]:
    for row in Conflict.objects.filter(state__in=["open", "muted"]):
        data = {
            "kind": row.kind,
            "ip_address": _text(row.ip_address),
            "mac_address": row.mac_address,
            "since": row.since.isoformat(),
        }
        yield Lasting(
            key=str(row.pk),
            begun="conflict.opened",
            ended="conflict.ended",
            subject_model="discovery.conflict",
            subject_id=str(row.pk),
            subject=str(row),
            data=data,
            place={"vrf_id": row.vrf_id, "ip_address": row.ip_address},
        )


def rogue_servers() -> Iterator[Lasting]:
    for row in RogueServer.objects.rogue():
        data = {
            "place": row.place,
            "ip_address": _text(row.ip_address),
            "mac_address": row.mac_address,
            "offered": _text(row.offered),
        }
        yield Lasting(
            key=str(row.pk),
            begun="rogue_dhcp.seen",
            ended="rogue_dhcp.gone",
            subject_model="discovery.rogueserver",
            subject_id=str(row.pk),
            subject=str(row),
            data=data,
            place={"ip_address": row.ip_address},
        )


def dnsmasqs() -> Iterator[Lasting]:
    """Those that are dead or hung; what nobody can see is neither."""
    for key, seen in heartbeat.states().items():
        begun = _BEGUN.get(_State(seen.state))
        if begun is None:
            continue
        data = {
            "server": "" if key is None else seen.server,
            "host": seen.nodes[0].host if seen.nodes else "",
            "detail": seen.detail,
            "since": seen.since.isoformat() if seen.since else None,
        }
        yield Lasting(
            key=str(key or 0),
            begun=begun,
            ended="dnsmasq.up",
            subject_model="dhcp.dhcpserver",
            subject_id=str(key or 0),
            subject=seen.server or DEFAULT_SERVER,
            data=data,
            state=str(seen.state),
        )


def failed_syncs() -> Iterator[Lasting]:
    """DHCP servers whose newest generation has failed."""
    newest = Generation.objects.order_by().values("server").annotate(newest=Max("pk"))
    keys = newest.values_list("newest", flat=True)
    rows = Generation.objects.filter(pk__in=list(keys), result=Generation.Result.FAILED)
    names = dict(DhcpServer.objects.values_list("pk", "name"))
    for row in rows.only("pk", "server_id", "reason"):
        name = names.get(row.server_id or 0, "")
        yield Lasting(
            key=str(row.server_id or 0),
            begun="sync.failed",
            ended="sync.healed",
            subject_model="dhcp.dhcpserver",
            subject_id=str(row.server_id or 0),
            subject=name or DEFAULT_SERVER,
            data={"server": name, "generation": row.pk, "reason": row.reason[:500]},
        )


def silent_services() -> Iterator[Lasting]:
    for row in Service.objects.filter(status=Service.Status.INACTIVE):
        data = service_data(row)
        if row.inactive_since:
            data["since"] = row.inactive_since.isoformat()
        yield Lasting(
            key=str(row.pk),
            begun="service.silent",
            ended="service.back",
            subject_model="registry.service",
            subject_id=str(row.pk),
            subject=service_name(row),
            data=data,
            place={"ip_address": row.ip_address},
        )


def expiring_tokens() -> Iterator[Lasting]:
    """Those without a successor. That one is renewed or deleted is no event."""
    now = timezone.now()
    rows = Token.objects.filter(
        replaced_at=None, user__is_active=True, expiry__gt=now, expiry__lt=now + SOON
    )
    for row in rows.select_related("user"):
        expiry = row.expiry.isoformat() if row.expiry else ""
        yield Lasting(
            key=row.owner[:100],
            begun="token.expires_soon",
            ended="",
            subject_model="ipmanager.token",
            subject_id=row.token_key,  # the key of the row is a digest of the secret
            subject=row.name,
            data={"name": row.name, "owner": row.user.get_username(), "expires": expiry},
            state=expiry,
        )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _services(keys: list[str]) -> set[str]:
    return set(map(str, Service.objects.filter(pk__in=keys).values_list("pk", flat=True)))


SOURCES: dict[str, Source] = {
    "conflict": Source(5, conflicts),
    "rogue_dhcp": Source(5, rogue_servers),
    "dnsmasq": Source(5, dnsmasqs),
    "sync": Source(5, failed_syncs),
    "service": Source(5, silent_services, _services),
    "token": Source(300, expiring_tokens),
}
