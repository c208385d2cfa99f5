"""Note what machines do. A server's newest events are kept; of a stranger, the last of each kind
and address."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ipam.models import Server
from pxe.boot.records import Asker
from pxe.models import BootAssignment, BootEvent

Kind = BootEvent.Kind


def note(kind: Kind, server: Server | None, asker: Asker, detail: str = "", **more: Any) -> None:
    """Write an event down."""
    facts = {
        "mac_address": asker.mac,
        "firmware": asker.firmware,
        "detail": detail[:300],
        **more,
    }
    if server is None:
        _note_stranger(kind, asker, facts)
        return
    BootEvent.objects.create(server=server, kind=kind, ip_address=asker.source, **facts)
    BootEvent.objects.forget_old(server.pk)


def note_end(assignment: BootAssignment, server: Server, asker: Asker, detail: str) -> None:
    note(Kind.ENDED, server, asker, detail, image=assignment.image, assignment=assignment)


def asker_behind(asker: Asker) -> BootEvent | None:
    """The last answer to /boot.ipxe that went to this address: what is fetched from there belongs
    to it."""
    if asker.source is None:
        return None
    told = BootEvent.objects.filter(ip_address=asker.source, kind__in=(Kind.OFFER, Kind.MENU))
    return told.select_related("server", "assignment__image").order_by("-pk").first()


def _note_stranger(kind: Kind, asker: Asker, facts: dict[str, Any]) -> None:
    """Anybody can ask for anything: a flood of questions leaves one row for each address that it
    comes from, and of these the newest. Behind a Unix socket without a trusted proxy nobody has an
    address, and nothing is noted."""
    if asker.source is None:
        return
    facts["at"] = timezone.now()
    known: dict[str, Any] = {"server": None, "kind": kind, "ip_address": asker.source}
    if BootEvent.objects.filter(**known).update(**facts):
        return
    BootEvent.objects.update_or_create(defaults=facts, **known)  # another may have been faster
    BootEvent.objects.forget_strangers()
