"""Who is asking? By the card, by the firmware's names, by the address that the question comes from."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from ipam.models import Server
from pxe import querysets
from pxe.records import Asker


@dataclass(frozen=True, slots=True)
class Found:
    """The server, or None. It is `confirmed` when the ledger or a live lease says that it has the source address:
    only then is it trusted with anything. `complaint` says why somebody who claims a name is nobody."""

    server: Server | None
    confirmed: bool = False
    complaint: str = ""


def identify(asker: Asker) -> Found:
    """Everything that a machine says of itself may be made up. An address that is somebody else's outweighs it."""
    named = querysets.server_with_card(asker.mac) if asker.mac else None
    named = named or querysets.server_with_firmware(asker.uuid, asker.serial)
    holder = querysets.server_at(asker.source) if asker.source else None
    if named and holder and named != holder:
        text = _("It says that it is %(named)s, but %(source)s is the address of %(holder)s.")
        return Found(None, False, text % {"named": named, "source": asker.source, "holder": holder})
    return Found(named or holder, holder is not None)
