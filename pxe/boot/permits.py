"""One-time permits: a confirmed server may fetch its answer file once, and call back.

The database stores digests only. A permit is issued when an image is offered to a source address
that the ledger or a live lease confirms as the server's. It is valid from that address alone, and
expires a few minutes after its first use: installers fetch several files, and retry lost answers.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.utils.crypto import salted_hmac

from ipam.addresses import Address
from pxe.models import BootAssignment, BootPermit

UNUSED = timedelta(minutes=30)  # between the offer and the first fetch
REPEATS = timedelta(minutes=5)  # after the first fetch
KEPT = timedelta(days=7)  # how late a call-back may come


def issue(assignment: BootAssignment, source: Address, now: datetime) -> str:
    """Issue a permit and return its secret. Permits of earlier attempts can no longer fetch."""
    secret = secrets.token_urlsafe(24)
    earlier = BootPermit.objects.filter(assignment=assignment)
    earlier.filter(issued_at__lt=now - KEPT).delete()
    earlier.update(fetch_until=now)
    BootPermit.objects.create(
        assignment=assignment,
        ip_address=source,
        issued_at=now,
        fetch_until=now + UNUSED,
        digest=_digest(secret),
        callback_digest=_digest(callback_secret(secret)),
    )
    return secret


def find_for_fetch(secret: str) -> BootPermit | None:
    """The permit, even an expired one, locked until the transaction ends."""
    rows = BootPermit.objects.select_for_update(of=("self",)).filter(digest=_digest(secret))
    return rows.select_related("assignment__server", "assignment__image__answers").first()


def problem(permit: BootPermit, source: Address | None, now: datetime) -> str:
    """Why the permit is not valid now; empty when it is."""
    if now >= permit.fetch_until:
        return "its permit is spent or too old"
    if source != permit.ip_address:
        return f"its permit belongs to {permit.ip_address}"
    if not permit.assignment.server.enabled:
        return "the server is disabled"
    return ""


def use(permit: BootPermit, now: datetime) -> None:
    """Use the permit: from the first use on it is valid for a few minutes only."""
    permit.fetch_until = min(permit.fetch_until, now + REPEATS)
    permit.save(update_fields=["fetch_until"])


def find_for_callback(secret: str, now: datetime) -> BootPermit | None:
    """The permit of this call-back secret, unless it is too old."""
    rows = BootPermit.objects.filter(callback_digest=_digest(secret), issued_at__gt=now - KEPT)
    return rows.select_related("assignment__server", "assignment__image").first()


def callback_secret(secret: str) -> str:
    """The call-back secret of a permit. It appears in the answer file, never in a command line."""
    return salted_hmac("pxe.callback", secret, algorithm="sha256").hexdigest()[:40]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
