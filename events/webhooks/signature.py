"""The secret of a webhook, and what it signs.

The database holds no secret. It holds a random salt, from which the secret follows by the site's
SECRET_KEY, as sessions do: a copy of the database, a line of history or an export gives nothing
away. The fingerprint shows when the key is not the one that the secret was made with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from django.utils.crypto import salted_hmac

PREFIX = "whsec_"  # lets secret scanners recognise one that leaked into a file
EVENT_ID, SIGNATURE = "IPManager-Event-Id", "IPManager-Signature"


def new_salt() -> str:
    return secrets.token_urlsafe(24)


def secret_of(salt: str) -> str:
    """The secret, as its receiver knows it."""
    digest = salted_hmac("events.webhooks.secret", salt, algorithm="sha256").digest()
    return PREFIX + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def fingerprint_of(secret: str) -> str:
    """Eight digits that tell two secrets apart and say nothing of them."""
    return hashlib.sha256(b"fingerprint " + secret.encode()).hexdigest()[:8]


def signature(body: bytes, at: int, secrets_: Iterable[str]) -> str:
    """The value of the header: `t=UNIX,v1=HEX`, with one v1 for each secret."""
    message = f"{at}.".encode() + body
    parts = [f"t={at}"]
    for secret in secrets_:
        parts.append(f"v1={hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}")
    return ",".join(parts)
