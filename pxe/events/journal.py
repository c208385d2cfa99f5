"""Log what machines do: of a server its newest events, of unknown machines the last event of each
kind and source address."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ipam.models import Server
from pxe.boot.records import BootClient
from pxe.models import BootAssignment, BootEvent

Kind = BootEvent.Kind


def log_event(
    kind: Kind, server: Server | None, client: BootClient, detail: str = "", **more: Any
) -> None:
    """Log an event; `more` are further columns: image, assignment, and `at` if it was not now."""
    facts = {
        "mac_address": client.mac,
        "firmware": client.firmware,
        "detail": detail.replace("\0", "")[:300],
        **more,
    }
    if server is None:
        _log_unknown(kind, client, facts)
        return
    BootEvent.objects.create(server=server, kind=kind, ip_address=client.source, **facts)
    BootEvent.objects.forget_old(server.pk)


def log_end(assignment: BootAssignment, server: Server, client: BootClient, detail: str) -> None:
    """Log the end of an assignment."""
    log_event(Kind.ENDED, server, client, detail, image=assignment.image, assignment=assignment)


def last_answer_to(client: BootClient) -> BootEvent | None:
    """The last image or menu offered to this source address: later fetches belong to it."""
    if client.source is None:
        return None
    offers = BootEvent.objects.filter(ip_address=client.source, kind__in=(Kind.OFFER, Kind.MENU))
    return offers.select_related("server", "assignment__image").order_by("-pk").first()


def _log_unknown(kind: Kind, client: BootClient, facts: dict[str, Any]) -> None:
    """Anyone can request anything, so a flood of requests leaves one row for each source address,
    and of these rows only the newest.

    Without a source address (a Unix socket without a trusted proxy) nothing is logged."""
    if client.source is None:
        return
    facts.setdefault("at", timezone.now())
    known: dict[str, Any] = {"server": None, "kind": kind, "ip_address": client.source}
    if BootEvent.objects.filter(**known).update(**facts):
        return
    # Another process may have created the row meanwhile.
    BootEvent.objects.update_or_create(defaults=facts, **known)
    BootEvent.objects.forget_unknown()
