"""The brake on guessing the password or the code of one account from many addresses.

An attempt is counted as wrong before it is looked at, under a row lock, so that a thousand attempts
at once count as a thousand. A right one takes the count back. Nobody is locked out by a stranger
for good: the delay is bounded, and an address from which the user has logged in before has a count
of its own."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import KnownSource, LoginBrake

logger = logging.getLogger("ipmanager.accounts")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that was counted; `wait` is the number of seconds for which it is refused."""

    kind: str
    name: str
    source: str
    wait: float = 0.0

    def succeeded(self) -> None:
        """The password or code was right: forget the failures before it."""
        self._rows().delete()

    def not_looked_at(self) -> None:
        """Something else refused the attempt before the password or code was compared."""
        rows = self._rows().filter(failures__gt=0)
        rows.update(failures=F("failures") - 1, blocked_until=timezone.now())

    def failed(self, address: str) -> None:
        """The password or code was wrong: log it once attempts are delayed."""
        row = self._rows().first()
        if row is not None and row.delay:
            logger.warning(
                "guessing the %s of the account %r: %d wrong in a row from %s, the last from %s; "
                "the next attempt is possible in %d s",
                *(self.kind, self.name, row.failures, self.source or "unknown addresses"),
                *(address or "a local socket", row.delay.total_seconds()),
            )

    def _rows(self):  # type: ignore[no-untyped-def]
        return LoginBrake.objects.filter(kind=self.kind, name=self.name, source=self.source)


def attempt(kind: str, name: str, network: str) -> Attempt:
    """Count an attempt for this account from this network (`core.proxies.client_network`). The
    caller refuses it if it has to wait, and otherwise reports how it went."""
    source = network if is_known(name, network) else ""
    now = timezone.now()
    with transaction.atomic():
        fresh = LoginBrake(kind=kind, name=name, source=source, blocked_until=now)
        LoginBrake.objects.bulk_create([fresh], ignore_conflicts=True)
        rows = LoginBrake.objects.select_for_update()
        row = rows.get(kind=kind, name=name, source=source)
        wait = (row.blocked_until - now).total_seconds()
        if wait > 0:
            return Attempt(kind, name, source, wait)
        if row.last_failed_at < now - LoginBrake.FORGOTTEN:
            row.failures = 0
        row.failures += 1
        row.last_failed_at, row.blocked_until = now, now + row.delay
        row.save()
    return Attempt(kind, name, source)


def is_known(name: str, network: str) -> bool:
    """Whether this account has logged in from this network before."""
    known = KnownSource.objects.filter(user__username=name, network=network)
    return network != "" and known.exists()
