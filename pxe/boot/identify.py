"""Who is asking? By the card, by the firmware's names, by the address that the question comes
from."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from ipam.models import Server
from pxe import querysets
from pxe.boot.records import Asker
from pxe.querysets import Way


@dataclass(frozen=True, slots=True)
class Found:
    """The server, or None. It is `confirmed` when the ledger or a live lease says that it has the
    source address: only then is it trusted with anything. `complaint` says why somebody who claims
    a name is nobody. Whether there are open assignments, and whether there has been an
    installation, is known with the server."""

    server: Server | None
    confirmed: bool = False
    complaint: str = ""
    is_assigned: bool = False
    was_installed: bool = False


def identify(asker: Asker) -> Found:
    """Everything that a machine says of itself may be made up. An address that is somebody else's
    outweighs it."""
    claims = querysets.claims(asker.mac, asker.uuid, asker.serial, asker.source)
    named = next((claim for claim in claims if claim.way < Way.OWN_ADDRESS), None)
    holder = next((claim for claim in claims if Way.OWN_ADDRESS <= claim.way < Way.CARD), None)
    card = next((claim.card for claim in claims if claim.way == Way.CARD), None)
    if (
        named
        and (other := holder.server if holder else card)
        and other not in (named.server, asker.mac)
    ):
        text = _("It says that it is %(named)s, but %(source)s is the address of %(holder)s.")
        return Found(
            None, False, text % {"named": named.server, "source": asker.source, "holder": other}
        )
    if known := named or holder:
        return Found(known.server, holder is not None, "", known.is_assigned, known.was_installed)
    return Found(None)


def has_card(mac: str) -> Server | None:
    """The server that has this card."""
    return next((claim.server for claim in querysets.claims(mac)), None)
