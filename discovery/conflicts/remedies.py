"""What an administrator can do about a conflict: mute it, or one of the remedies that fit its kind.

Each remedy goes through the ledger's own verbs and rules; then the conflict is judged again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Conflict as Refused
from core.errors import Invalid, NotFound, Reason
from core.history import origin
from discovery import assign
from discovery.conflicts import derive
from discovery.conflicts.ledger import SERVER
from discovery.conflicts.models import Conflict
from discovery.rogue.models import RogueServer
from ipam.models import Interface, IPAddress, Server
from ipam.querysets import lock_ledger

Kind = Conflict.Kind
CHANGE = "discovery.change_conflict"
ADDRESSES = "ipam.change_ipaddress"


@dataclass(frozen=True, slots=True)
class Remedy:
    """A verb for some kinds of conflicts, what it does in a sentence, and its permissions."""

    name: str
    label: Any
    effect: Any
    kinds: tuple[str, ...]
    run: Callable[[Conflict, str], None]
    permissions: tuple[str, ...]
    fits: Callable[[Conflict], bool] = lambda conflict: True
    note: Any = ""  # what the note is that it takes


def fitting(conflict: Conflict) -> list[Remedy]:
    """The remedies for a conflict, the best first."""
    if not conflict.is_live:
        return []
    return [one for one in REMEDIES if conflict.kind in one.kinds and one.fits(conflict)]


def resolve(conflict_id: int, name: str, note: str = "") -> Conflict:
    """Do it and judge again. Raises NotFound, Invalid, or what the ledger's verbs raise."""
    with transaction.atomic():
        lock_ledger()
        conflict = _locked(conflict_id)
        remedy = find(conflict, name)
        try:
            remedy.run(conflict, note)
        except ValidationError as error:
            raise Refused(Reason.joined(error.messages)) from error
    derive.judge(derive.Changed(), timezone.now())
    return Conflict.objects.get(pk=conflict_id)


def find(conflict: Conflict, name: str) -> Remedy:
    """The remedy of this name. Raises Invalid when it does not fit."""
    fit = {one.name: one for one in fitting(conflict)}
    if name not in fit:
        text = _("There is no remedy %(name)s for this conflict; there are: %(all)s.")
        raise Invalid(text % {"name": name[:30], "all": ", ".join(fit) or "–"})
    return fit[name]


def mute(conflict_id: int, reason: str) -> Conflict:
    """Take it out of findings and alerts, for a reason, until somebody unmutes it."""
    return _give_reason(conflict_id, reason, origin.name())


def unmute(conflict_id: int) -> Conflict:
    """Show it again."""
    return _give_reason(conflict_id, "", "")


def _give_reason(conflict_id: int, reason: str, muted_by: str) -> Conflict:
    with transaction.atomic():
        conflict = _locked(conflict_id)
        conflict.reason, conflict.muted_by = reason, muted_by
        if conflict.is_live:
            conflict.state = conflict.live_state
        conflict.save()
        return conflict


def _locked(conflict_id: int) -> Conflict:
    found = Conflict.objects.shown().select_for_update(of=("self",)).filter(pk=conflict_id).first()
    if found is None:
        raise NotFound(_("This conflict does not exist any more."))
    return found


# --- the remedies ---------------------------------------------------------------------------------


def _correct_mac(conflict: Conflict, note: str) -> None:
    """The ledger's machine has another card now."""
    holder: Any = _holder_row(conflict)
    holder.mac_address = conflict.mac_address
    holder.save()


def _holder_row(conflict: Conflict) -> Server | Interface | IPAddress:
    """The server, interface or allocation that has the address. Raises Refused."""
    facts = {"vrf": conflict.vrf_id, "ip_address": conflict.ip_address}
    if server := Server.objects.filter(**facts).first():
        return server
    nics = Interface.objects.filter(
        server__vrf=conflict.vrf_id, ip_address=conflict.ip_address
    ).order_by("pk")
    if nic := nics.first():
        return nic
    row = IPAddress.objects.filter(**facts).exclude(status=IPAddress.Status.AVAILABLE).first()
    if row is None:
        raise Refused(_("Nobody has %s any more.") % conflict.ip_address)
    return row


def _quarantine(conflict: Conflict, note: str) -> None:
    assert conflict.ip_address is not None
    text = note or _("in use, and given to nobody")
    assign.quarantine(conflict.ip_address, conflict.vrf_id, text)


def _reserve(conflict: Conflict, note: str) -> None:
    ip, mac = conflict.ip_address, conflict.mac_address or ""
    assert ip is not None
    assign.reserve(ip, mac, conflict.vrf_id, note, _claimed_name(conflict))


def _adopt(conflict: Conflict, note: str) -> None:
    mac = conflict.mac_address or ""
    assign.adopt(conflict.ip_address, mac, conflict.vrf_id, note, _claimed_name(conflict))


def _claimed_name(conflict: Conflict) -> str:
    """What the machine calls itself."""
    for one in conflict.seen:
        if one["mac"] == conflict.mac_address and one["hostname"]:
            return one["hostname"]
    return ""


def _add_interface(conflict: Conflict, note: str) -> None:
    server = Server.objects.filter(pk=_known(conflict)["known_id"]).first()
    if server is None:
        raise Refused(_("Its server does not exist any more."))
    name = note or f"alias-{str(conflict.ip_address).rpartition('.')[2]}"
    Interface(
        server=server,
        name=name,
        mac_address=conflict.mac_address,
        ip_address=conflict.ip_address,
    ).save()


def _allow(conflict: Conflict, note: str) -> None:
    rows = RogueServer.objects.filter(pk=conflict.seen[0]["id"]).exclude(ip_address=None)
    row = rows.first()
    if row is None:
        raise Refused(_("The log does not say which server it is: allow it once it answers."))
    row.allowed = note or _("allowed by %s") % origin.name()
    row.save()


def _known(conflict: Conflict) -> dict[str, Any]:
    """The sighting of the machine that the ledger knows; empty when it knows none."""
    for one in conflict.seen:
        if one["mac"] == conflict.mac_address and one["known_kind"] == SERVER:
            return one
    return {}


def _is_stranger(conflict: Conflict) -> bool:
    """Whether a MAC address was seen that no card of the ledger has."""
    if not conflict.mac_address:
        return False
    return not any(one["known"] for one in conflict.seen if one["mac"] == conflict.mac_address)


def _is_known(conflict: Conflict) -> bool:
    return bool(_known(conflict))


def _is_identified(conflict: Conflict) -> bool:
    return conflict.ip_address is not None


REMEDIES = (
    Remedy(
        "correct-mac",
        gettext_lazy("Store the MAC address that was seen"),
        gettext_lazy("The machine has a new network card: the ledger gets its MAC address."),
        (Kind.USED, Kind.LEASED),
        _correct_mac,
        (CHANGE, "ipam.change_server", ADDRESSES),
        _is_stranger,
    ),
    Remedy(
        "adopt",
        gettext_lazy("Adopt as server"),
        gettext_lazy("The machine becomes a server with this address."),
        (Kind.SQUATTER,),
        _adopt,
        (CHANGE, "ipam.add_server"),
        _is_stranger,
        gettext_lazy("Host name"),
    ),
    Remedy(
        "reserve",
        gettext_lazy("Reserve the address for it"),
        gettext_lazy("DHCP gives the address to this machine and to no other."),
        (Kind.SQUATTER,),
        _reserve,
        (CHANGE, ADDRESSES, "ipam.add_server"),
        _is_stranger,
        gettext_lazy("Host name"),
    ),
    Remedy(
        "add-interface",
        gettext_lazy("Add the address to the server"),
        gettext_lazy("The server gets an interface with this address."),
        (Kind.SQUATTER, Kind.TWO_ADDRESSES),
        _add_interface,
        (CHANGE, "ipam.add_interface"),
        _is_known,
        gettext_lazy("Name of the interface"),
    ),
    Remedy(
        "quarantine",
        gettext_lazy("Quarantine the address"),
        gettext_lazy("Nobody gets the address until it is released."),
        (Kind.SQUATTER, Kind.DUPLICATE),
        _quarantine,
        (CHANGE, ADDRESSES),
        note=gettext_lazy("Note"),
    ),
    Remedy(
        "allow",
        gettext_lazy("Allow this DHCP server"),
        gettext_lazy("It may answer: it is ours, or somebody knows why it is there."),
        (Kind.ROGUE_DHCP,),
        _allow,
        (CHANGE, "discovery.change_rogueserver"),
        _is_identified,
        gettext_lazy("Why it may answer"),
    ),
)
