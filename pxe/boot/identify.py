"""Identify the server behind a boot request: by MAC, by firmware identity, by source address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ipam.models import Server
from pxe import querysets
from pxe.boot.records import BootClient
from pxe.querysets import Match, MatchedBy


@dataclass(frozen=True, slots=True)
class Identification:
    """The server behind a boot request; `server` is None for an unknown machine.

    `confirmed`: the ledger or a live lease says that the server has the source address. Only then
    may the machine receive an answer file. `problem`: why a claimed identity was rejected.
    `is_assigned`: the server has open assignments. `was_installed`: it has been through an
    installation."""

    server: Server | None
    confirmed: bool = False
    problem: str = ""
    is_assigned: bool = False
    was_installed: bool = False


def identify(client: BootClient) -> Identification:
    """Identify the server. One query.

    A machine can forge everything that it says about itself, so a claimed identity is rejected when
    the source address belongs to somebody else."""
    matches = querysets.matches(client.mac, client.uuid, client.serial, client.source)
    claimed = _first(matches, MatchedBy.OWN_CARD, MatchedBy.SERIAL)
    holder = _first(matches, MatchedBy.OWN_ADDRESS, MatchedBy.LEASE_OF_FURTHER_CARD)
    if claimed:
        other = _other_holder(
            client, claimed, holder, _first(matches, MatchedBy.CARD, MatchedBy.CARD)
        )
        if other:
            return Identification(None, problem=_forged(client, claimed.server, other))
    known = claimed or holder
    if known is None:
        return Identification(None)
    return Identification(
        known.server,
        confirmed=holder is not None,
        is_assigned=known.is_assigned,
        was_installed=known.was_installed,
    )


def server_with_card(mac: str) -> Server | None:
    """The server that has this MAC address."""
    matches = querysets.matches(mac)
    return matches[0].server if matches else None


def _first(matches: Iterable[Match], strongest: MatchedBy, weakest: MatchedBy) -> Match | None:
    """The first match with evidence between these two."""
    for match in matches:
        if strongest <= match.matched_by <= weakest:
            return match
    return None


def _other_holder(
    client: BootClient, claimed: Match, holder: Match | None, lease: Match | None
) -> Server | str | None:
    """The server or the MAC that has the source address, if it is not the claimed one."""
    if holder:
        return holder.server if holder.server != claimed.server else None
    if lease and lease.card != client.mac:
        return lease.card
    return None


def _forged(client: BootClient, claimed: Server, holder: Server | str) -> str:
    text = _("The machine claims to be %(named)s, but %(source)s is the address of %(holder)s.")
    return text % {"named": claimed, "source": client.source, "holder": holder}
