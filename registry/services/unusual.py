"""What need not be wrong but should be looked at: noticed, remembered within bounds, never acted
upon by itself."""

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
_REMEMBERED = 10_000  # callers and origins that a process knows by heart
MINUTE = 60.0

Kind = Unusual.Kind


class Recent:
    """When each caller came during the last minute. In this process only: a registration must not
    wait for it."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, Address], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, environment: str, caller: Address, now: float) -> int:
        """This one included."""
        with self._lock:
            times = self._seen.setdefault((environment, caller), deque(maxlen=100_000))
            self._seen.move_to_end((environment, caller))
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            times.append(now)
            while times[0] < now - MINUTE:
                times.popleft()
            return len(times)


_recent = Recent()
_origins: OrderedDict[tuple[object, str], None] = OrderedDict()


def registration(config: RegistryConfig, caller: Address | None) -> None:
    """Notice when one address registers more than an environment thinks usual."""
    if (
        caller is None
        or _recent.count(config.environment, caller, time.monotonic()) <= config.burst
    ):
        return
    detail = gettext_noop("more than {} registrations within a minute").format(config.burst)
    _note(
        Kind.BURST, str(caller), environment=config.environment, caller=str(caller), detail=detail
    )


def heartbeat_from_elsewhere(service: Service, caller: Address) -> None:
    """A service that registered at one address seems to live at another one: moved, doubled, or
    impersonated."""
    detail = f"registered from {service.registered_from}, listens at {service.ip_address}"
    _note(
        Kind.ELSEWHERE,
        service.service_id,
        environment=service.environment_id,
        caller=str(caller),
        detail=detail,
    )


def foreign_token(token: Token, config: RegistryConfig, service_id: str, caller: str) -> None:
    """A token was used for a service that it is not bound to."""
    _note(
        Kind.REFUSED, str(token), environment=config.environment, caller=caller, detail=service_id
    )


def token_used(token: Token, caller: str) -> None:
    """Notice a token in a network where it has never been used; the first one is taken for its
    home."""
    network = around(caller)
    if not network or (token.pk, network) in _origins:
        return
    if Origin.objects.note(token.pk, network, MOST_ORIGINS):
        _note(Kind.NETWORK, str(token), caller=caller, detail=network)
    _origins[token.pk, network] = None
    while len(_origins) > _REMEMBERED:
        _origins.popitem(last=False)


def mass_silence(config: RegistryConfig, silent: int, alive: int) -> None:
    _note(
        Kind.MASS,
        config.environment,
        environment=config.environment,
        detail=f"{silent} of {alive} services",
    )


def around(caller: str) -> str:
    """The network that an address counts as: /24, for IPv6 /64; every loopback address is one
    place."""
    if not caller:
        return ""
    ip = ipaddress.ip_address(caller)
    if ip.is_loopback:
        return "loopback"
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 64), strict=False))


def _note(kind: Kind, subject: str, **facts: str) -> None:
    if Unusual.objects.note(kind, subject, **facts):
        logger.warning("unusual: %s: %s %s", kind.value, subject, facts)
