"""What machines tell of their boot by the script of /boot.ipxe, and what they ask for in vain.

Anybody can tell anything, so it counts for the server that was last offered something at the source
address; it changes nothing but the timeline."""

from __future__ import annotations

from typing import Any

from ipam.models import Server
from pxe.boot import script
from pxe.boot.identify import identify
from pxe.boot.records import BootClient
from pxe.events.journal import Kind, last_answer_to, log_event
from pxe.models import BootImage

_KINDS = {script.CHOSEN: Kind.CHOSEN, script.DISK: Kind.DISK, script.BROKEN: Kind.FAILED}
_NAMES = {script.SHELL: "iPXE shell", script.LOCAL: ""}


def reported(client: BootClient, event: str, subject: str) -> bool:
    """Log what a script tells; return whether it is something that our scripts tell."""
    kind = _KINDS.get(event)
    if kind is None:
        return False
    image = _image(subject)
    if image is None and subject not in _NAMES:
        return False
    server, facts = _offered(client)
    if image is not None:
        facts["image"] = image
    name = _NAMES.get(subject) if image is None else image.name
    log_event(kind, server, client, name or "", **facts)
    return True


def file_missing(client: BootClient, name: str) -> None:
    """Log that the machine asked for a boot file that we do not have."""
    server, facts = _offered(client)
    log_event(Kind.MISSING, server, client, name, **facts)


def _offered(client: BootClient) -> tuple[Server | None, dict[str, Any]]:
    """The server that was last offered something at this address, and what."""
    offer = last_answer_to(client)
    if offer is None:
        return identify(client).server, {}
    if offer.server is None:
        return None, {}
    return offer.server, {"image": offer.image, "assignment": offer.assignment}


def _image(subject: str) -> BootImage | None:
    if not (subject.isascii() and subject.isdigit() and len(subject) < 19):
        return None
    return BootImage.objects.filter(pk=int(subject)).first()
