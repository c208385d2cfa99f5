"""One-time permits: a machine that is certainly the server may fetch its answer file, once, and
call back.

The database holds digests only. A permit is made when an image is offered to the address that the
ledger or a live lease names as the server's, works from that address alone, and is spent a few
minutes after its first use: installers ask for several files, and ask again when an answer is lost.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.utils.crypto import salted_hmac

from ipam.addresses import Address
from pxe.models import BootAssignment, BootPermit

UNUSED = timedelta(minutes=30)  # between the offer and the installer's first question
REPEATS = timedelta(minutes=5)  # after the first question
KEPT = timedelta(days=7)  # how late a call-back may come


def issue(assignment: BootAssignment, source: Address, now: datetime) -> str:
    """The secret of a new permit; those of earlier attempts fetch nothing any more."""
    secret = secrets.token_urlsafe(24)
    mine = BootPermit.objects.filter(assignment=assignment)
    mine.filter(issued_at__lt=now - KEPT).delete()
    mine.update(fetch_until=now)
    BootPermit.objects.create(
        assignment=assignment,
        ip_address=source,
        issued_at=now,
        fetch_until=now + UNUSED,
        digest=_digest(secret),
        callback_digest=_digest(callback_of(secret)),
    )
    return secret


def to_fetch(secret: str) -> BootPermit | None:
    """The permit, whatever its state; ours until the transaction ends."""
    rows = BootPermit.objects.select_for_update(of=("self",)).filter(digest=_digest(secret))
    return rows.select_related("assignment__server", "assignment__image__answers").first()


def complaint(permit: BootPermit, source: Address | None, now: datetime) -> str:
    """Why nothing is given for it now; empty when it is good."""
    if now >= permit.fetch_until:
        return "its permit is spent or too old"
    if source != permit.ip_address:
        return f"its permit belongs to {permit.ip_address}"
    return "" if permit.assignment.server.enabled else "the server is disabled"


def use(permit: BootPermit, now: datetime) -> None:
    """From the first use on, only a few minutes are left."""
    permit.fetch_until = min(permit.fetch_until, now + REPEATS)
    permit.save(update_fields=["fetch_until"])


def to_call_back(secret: str, now: datetime) -> BootPermit | None:
    rows = BootPermit.objects.filter(callback_digest=_digest(secret), issued_at__gt=now - KEPT)
    return rows.select_related("assignment__server", "assignment__image").first()


def callback_of(secret: str) -> str:
    """The other secret of the same permit: it stands in the answer file, in no command line."""
    return salted_hmac("pxe.callback", secret, algorithm="sha256").hexdigest()[:40]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
