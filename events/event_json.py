"""An event as its receivers see it: by the API, the stream, webhooks and files."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import NoReverseMatch, reverse

from events.models import Event

LINKLESS = "ipmanager.token"  # its rows have a digest of the secret for their key: no link names it


def as_json(event: Event) -> dict[str, Any]:
    """The event as plain values. `id` is the same whenever it is delivered."""
    return {
        "id": event.pk,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "subject": {
            "model": event.subject_model,
            "id": event.subject_id,
            "name": event.subject,
            "url": subject_url(event),
        },
        "vrf": event.vrf_id,
        "subnet": event.subnet_id,
        "ip_address": _text(event.ip_address),
        "network": _text(event.network),
        "site": event.site,
        "by": event.actor,
        "change": event.change,
        "data": event.data,
    }


def as_text(event: Event) -> str:
    """As one line of JSON."""
    return json.dumps(as_json(event), cls=DjangoJSONEncoder, separators=(",", ":"))


def subject_url(event: Event) -> str:
    """The page of what it is about; empty if there is none."""
    path = subject_path(event)
    return settings.PUBLIC_URL + path if path else ""


def subject_path(event: Event) -> str:
    """The same on this site."""
    if event.subject_model == LINKLESS:
        return ""
    page = f"admin:{event.subject_model.replace('.', '_')}_change"
    try:
        return reverse(page, args=[event.subject_id])
    except NoReverseMatch:
        return ""


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
