"""The first use of a token, and its first use from an address, are security events."""

from __future__ import annotations

from collections import OrderedDict

from django.db.models import Model

from api.security.models import SecurityEvent
from api.security.record import Kind, record

MOST = 10_000  # tokens and addresses that a process remembers
_known: OrderedDict[tuple[str, str], None] = OrderedDict()


def note_token(token: Model, network: str, address: str) -> None:
    """Record that this token came from here, if it is the first time. A process asks the database
    once for each token and network."""
    subject, key = str(token), (str(token.pk), network)
    if key in _known:
        return
    _known[key] = None
    while len(_known) > MOST:
        _known.popitem(last=False)
    events = SecurityEvent.objects.filter(kind=Kind.TOKEN_USED, subject=subject)
    if not events.filter(detail__network=network).exists():
        record(Kind.TOKEN_USED, subject, network=network, client=address)
