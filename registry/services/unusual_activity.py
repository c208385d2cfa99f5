"""Log unusual activity: events that may be harmless, but that an administrator should see.

Each cause is one row, the number of rows is bounded, and nothing acts on them."""

from __future__ import annotations

import ipaddress
import logging
import threading
import time
from collections import OrderedDict, deque

from django.utils.translation import gettext_noop

from api.models import Token
from ipam.addresses import Address
from registry.models import Origin, RegistryConfig, Service, Unusual

logger = logging.getLogger("registry.unusual")

KEPT = 10_000  # rows; the sweep deletes older ones
MOST_ORIGINS = 200  # networks of one token
_REMEMBERED = 10_000  # callers and origins in a process's memory
MINUTE = 60.0

Kind = Unusual.Kind


class RecentCalls:
    """The calls of each caller during the last minute, in this process only: a registration must
    not wait for a shared count."""

    def __init__(self) -> None:
        self._times: OrderedDict[tuple[str, Address], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, environment: str, caller: Address, now: float) -> int:
        """Add a call at `now` (seconds); the number of calls in the last minute."""
        with self._lock:
            times = self._times.setdefault((environment, caller), deque(maxlen=100_000))
            self._times.move_to_end((environment, caller))
            while len(self._times) > _REMEMBERED:
                self._times.popitem(last=False)
            times.append(now)
            while times[0] < now - MINUTE:
                times.popleft()
            return len(times)


_recent = RecentCalls()
_origins: OrderedDict[tuple[object, str], None] = OrderedDict()


def log_registration(config: RegistryConfig, caller: Address | None) -> None:
    """Count a registration, and log an address that exceeds the environment's usual number."""
    if caller is None:
        return
    if _recent.count(config.environment, caller, time.monotonic()) <= config.burst:
        return
    detail = gettext_noop("more than {} registrations within a minute").format(config.burst)
    facts = {"environment": config.environment, "caller": str(caller), "detail": detail}
    _log(Kind.BURST, str(caller), **facts)


def log_heartbeat_from_elsewhere(service: Service, caller: Address) -> None:
    """Log a heartbeat from an unexpected address: the service has moved, runs twice, or is
    impersonated."""
    _log(
        Kind.ELSEWHERE,
        service.service_id,
        environment=service.environment_id,
        caller=str(caller),
        detail=f"registered from {service.registered_from}, listens at {service.ip_address}",
    )


def log_foreign_token(token: Token, config: RegistryConfig, service_id: str, caller: str) -> None:
    """Log the use of a token for a service that it is not bound to."""
    facts = {"environment": config.environment, "caller": caller, "detail": service_id}
    _log(Kind.REFUSED, str(token), **facts)


def log_foreign_identity(
    subject: str, config: RegistryConfig, service_id: str, caller: str, reason: str
) -> None:
    """Log a registration under a name or a host that the caller may not use."""
    facts = {"environment": config.environment, "caller": caller}
    _log(Kind.REFUSED, subject[:255], detail=f"{service_id}: {reason}"[:500], **facts)


def log_token_network(token: Token, caller: str) -> None:
    """Log the use of a token from a new network. Its first network counts as usual."""
    network = network_of(caller)
    if not network or (token.pk, network) in _origins:
        return
    if Origin.objects.log(token.pk, network, MOST_ORIGINS):
        _log(Kind.NETWORK, str(token), caller=caller, detail=network)
    _origins[token.pk, network] = None
    while len(_origins) > _REMEMBERED:
        _origins.popitem(last=False)


def log_mass_silence(config: RegistryConfig, silent: int, alive: int) -> None:
    """Log that most services of an environment fell silent at once."""
    detail = f"{silent} of {alive} services"
    _log(Kind.MASS, config.environment, environment=config.environment, detail=detail)


def network_of(caller: str) -> str:
    """The network of an address: its /24 or, for IPv6, /64. All loopback addresses are one
    network."""
    if not caller:
        return ""
    ip = ipaddress.ip_address(caller)
    if ip.is_loopback:
        return "loopback"
    length = {4: 24, 6: 64}[ip.version]
    return str(ipaddress.ip_network((ip, length), strict=False))


def _log(kind: Kind, subject: str, **facts: str) -> None:
    if Unusual.objects.log(kind, subject, **facts):
        logger.warning("unusual: %s: %s %s", kind.value, subject, facts)
