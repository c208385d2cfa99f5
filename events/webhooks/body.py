"""An event as JSON, as webhooks send it. The same event gives the same bytes."""

from __future__ import annotations

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from events.models import Event


def event_json(event: Event) -> dict[str, Any]:
    """What a receiver is told."""
    return {
        "id": event.pk,
        "kind": event.kind,
        "at": event.at,
        "subject": {
            "model": event.subject_model,
            "id": event.subject_id,
            "name": event.subject,
        },
        "where": {
            "vrf": event.vrf_id,
            "subnet": event.subnet_id,
            "ip_address": _text(event.ip_address),
            "network": _text(event.network),
            "site": event.site,
        },
        "data": event.data,
        "change": event.change,
        "by": event.actor,
    }


def body_of(event: Event) -> bytes:
    """The body of the request, in UTF-8."""
    return json.dumps(
        event_json(event), cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":")
    ).encode("utf-8", "replace")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
