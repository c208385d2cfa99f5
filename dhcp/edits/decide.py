"""Decide about a hand edit: adopt it into the ledger, by the same verbs as everything else, or
discard it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from core.errors import Conflict, IPManagerError
from dhcp import outbox
from dhcp.edits.differences import ADD, CHANGE, HOSTS, KEPT, REMOVE
from dhcp.files import check
from dhcp.files.check import Row
from dhcp.leases.adopt import adopt as reserve
from dhcp.models import DhcpChange, HandEdit
from ipam.addresses import Address
from ipam.models import Interface, Server, Sighting
from ipam.querysets import lock_ledger

Card = Server | Interface


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one edit: `error` says why it is still open."""

    edit: HandEdit
    error: IPManagerError | None = None


def adopt(edit: HandEdit, who: str = "") -> None:
    """Make the ledger say what the line says. Raises Conflict with the holder when something is in
    the way."""
    if edit.file != HOSTS or edit.action == KEPT:
        raise Conflict(
            _("This cannot be taken into the ledger by itself."),
            _("Change the ledger as you mean it, then discard the edit."),
        )
    try:
        with transaction.atomic():
            lock_ledger()
            _claim(edit, HandEdit.State.ADOPTED, who)
            _VERBS[edit.action](edit)
    except ValidationError as error:
        raise Conflict(
            " ".join(error.messages), _("Change the ledger, or discard the edit.")
        ) from error


def discard(edit: HandEdit, who: str = "") -> None:
    """Let the ledger's line return with the next sync. Raises Conflict when it is decided
    already."""
    with transaction.atomic():
        _claim(edit, HandEdit.State.DISCARDED, who)
        outbox.record_change(edit, DhcpChange.Action.DELETE)


def adopt_all(edits: Iterable[HandEdit], who: str = "") -> list[Decision]:
    """Adopt as many as can be. Their order does not matter: an edit that needs another's address is
    tried again, and those that need each other's move together."""
    waiting = list(edits)
    done: list[Decision] = []
    failed: list[Decision] = []
    before = -1
    while len(waiting) not in (0, before):
        before = len(waiting)
        failed = []
        for edit in waiting:
            decision = _decide(adopt, edit, who)
            (failed if decision.error else done).append(decision)
        waiting = list(map(attrgetter("edit"), failed))
    if len(waiting) > 1 and _exchange(waiting, who):
        failed = list(map(Decision, waiting))
    return done + failed


def discard_all(edits: Iterable[HandEdit], who: str = "") -> list[Decision]:
    """Discard as many as can be; those that cannot come last."""
    decisions = [_decide(discard, edit, who) for edit in edits]
    return sorted(decisions, key=lambda decision: decision.error is not None)


def _decide(verb: Callable[[HandEdit, str], None], edit: HandEdit, who: str) -> Decision:
    try:
        verb(edit, who)
    except IPManagerError as error:
        return Decision(edit, error)
    return Decision(edit)


def _claim(edit: HandEdit, state: str, who: str) -> None:
    if not HandEdit.objects.decide(edit.pk, state, who):
        raise Conflict(_("Somebody has decided this already: %s.") % edit)


# --- what each kind of edit is in the ledger ------------------------------------------------------


def _add(edit: HandEdit) -> None:
    """A new server, or a known one without an address; further cards of the line become its
    interfaces."""
    row = _row(edit.line)
    if not row.macs:
        raise Conflict(
            _("%s is a DUID, and a server begins with a MAC address.") % row.duid,
            _("Make it by hand."),
        )
    server = reserve(Sighting(ip_address=row.ip, mac_address=row.macs[0], hostname=row.name))
    for number, mac in enumerate(row.macs[1:], start=2):
        Interface(server=server, name=f"nic{number}", mac_address=mac, ip_address=row.ip).save()
    if row.duid:
        Interface(server=server, name="dhcpv6", duid=row.duid, ip_address=row.ip).save()


def _change(edit: HandEdit) -> None:
    was, now = _row(edit.was), _row(edit.line)
    cards = _cards(was)
    for card in cards:
        card.ip_address = now.ip
    _exchange_mac(cards, was, now)
    if now.name and now.name != was.name:
        _rename(cards[0], now.name)
    for card in cards:
        card.save()


def _remove(edit: HandEdit) -> None:
    """A server that has no other card to be served is disabled; else the card gives back its
    address."""
    for card in _cards(_row(edit.was)):
        if isinstance(card, Interface):
            card.ip_address = None
        elif _served_otherwise(card):
            text = _("%s has other cards, which would not be served any more either.")
            raise Conflict(
                text % card, _("Take the address away from it, or remove their lines, too.")
            )
        else:
            card.enabled = False
        card.save()


_VERBS: dict[str, Callable[[HandEdit], None]] = {ADD: _add, CHANGE: _change, REMOVE: _remove}


def _row(line: str) -> Row:
    row = check.host_row(line.encode())
    if isinstance(row, str):
        raise Conflict(_("This line cannot be read: %s.") % row)
    return row


def _cards(row: Row) -> list[Card]:
    """The rows behind a line, the server first."""
    if row.is_end:
        raise Conflict(
            _("%s is only the end of an address.") % row.ip, _("Change it at the server.")
        )
    servers = Server.objects.filter(vrf=None, mac_address__in=row.macs, ip_address=row.ip)
    known = Q(mac_address__in=row.macs)
    if row.duid:
        known |= Q(duid=row.duid)
    nics = Interface.objects.filter(known, server__vrf=None, ip_address=row.ip)
    cards: list[Card] = [*servers, *nics.select_related("server").order_by("pk")]
    if not cards:
        text = _("The ledger has changed since: no machine has %(mac)s and %(ip)s any more.")
        raise Conflict(
            text % {"mac": ", ".join(row.identities), "ip": row.ip}, _("Discard the edit.")
        )
    return cards


def _exchange_mac(cards: Sequence[Card], was: Row, now: Row) -> None:
    gone, came = set(was.macs) - set(now.macs), set(now.macs) - set(was.macs)
    if set(was.identities) == set(now.identities):
        return
    if was.duid != now.duid or len(gone) != 1 or len(came) != 1:
        raise Conflict(
            _("It is not clear which card each MAC address belongs to."),
            _("Change them at the server."),
        )
    for card in cards:
        if card.mac_address in gone:
            card.mac_address = came.pop()
            return


def _rename(card: Card, label: str) -> None:
    if isinstance(card, Server):
        _first, dot, domain = card.hostname.partition(".")
        card.hostname = label + dot + domain
        return
    before, dash, name = label.partition(f"{card.server.hostname.partition('.')[0].lower()}-")
    if before or not dash or not name:
        text = _("%(card)s is a card of %(server)s and cannot be called %(name)s.")
        raise Conflict(
            text % {"card": card.name, "server": card.server, "name": label},
            _("Rename it at the server."),
        )
    card.name = name


def _served_otherwise(server: Server) -> bool:
    """Whether a card of it is served that no open edit removes."""
    removed = {server.mac_address}
    for edit in HandEdit.objects.undecided().filter(action=REMOVE, file=HOSTS):
        removed.update(_row(edit.was).macs)
    nics = server.interfaces.filter(ip_address__isnull=False, mac_address__isnull=False)
    return bool(set(nics.values_list("mac_address", flat=True)) - removed)


def _exchange(edits: Sequence[HandEdit], who: str) -> bool:
    """Machines that have changed places: all of them let go first. All or none."""
    if set(map(attrgetter("action", "file"), edits)) != {(CHANGE, HOSTS)}:
        return False
    try:
        with transaction.atomic():
            lock_ledger()
            _move_together(edits, who)
    except (ValidationError, IPManagerError):
        return False
    return True


def _move_together(edits: Sequence[HandEdit], who: str) -> None:
    cards_of = {edit.pk: _cards(_row(edit.was)) for edit in edits}
    for cards in cards_of.values():
        _place(cards, None)
    for edit in edits:
        _claim(edit, HandEdit.State.ADOPTED, who)
        _place(cards_of[edit.pk], _row(edit.line).ip)


def _place(cards: Iterable[Card], ip: Address | None) -> None:
    for card in cards:
        card.ip_address = ip
        card.save()
