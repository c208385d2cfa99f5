"""Who is asking? By the card, by the firmware's names, by the address that the question comes from."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from ipam.addresses import Address
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
    named, holder = querysets.servers_by_ledger(asker.mac, asker.source)
    named, card = named or _by_further_names(asker), None
    if asker.source and not holder:
        holder, card = _behind(asker.source)
    if named and (other := holder or card) and other not in (named, asker.mac):
        text = _("It says that it is %(named)s, but %(source)s is the address of %(holder)s.")
        return Found(None, False, text % {"named": named, "source": asker.source, "holder": other})
    return Found(named or holder, holder is not None)


def _by_further_names(asker: Asker) -> Server | None:
    by_card = querysets.server_with_further_card(asker.mac) if asker.mac else None
    return by_card or querysets.server_with_firmware(asker.uuid, asker.serial)


def _behind(source: Address) -> tuple[Server | None, str | None]:
    """The server that has this address by a further card or by a live lease, or else the card that holds the lease."""
    if holder := querysets.server_with_further_address(source):
        return holder, None
    card = querysets.leased_to(source)
    holder = querysets.server_with_card(card) if card else None
    return holder, None if holder else card
