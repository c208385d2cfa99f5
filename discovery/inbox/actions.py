"""What an administrator does about an unknown device. Each action goes through the ledger's own
verbs and rules, and can be taken back while nothing else has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Conflict, NotFound, Reason
from discovery import assign
from discovery.inbox.models import UnknownDevice
from ipam import allocate as verbs
from ipam.models import IPAddress, Server
from ipam.querysets import lock_ledger

State, Done = UnknownDevice.State, UnknownDevice.Done
CHANGE = "discovery.change_unknowndevice"


@dataclass(frozen=True, slots=True)
class Action:
    """A verb for a device, and the permissions that it takes."""

    name: str
    label: Any
    run: Callable[[UnknownDevice, str], None]
    permissions: tuple[str, ...]
    needs_address: bool = False
    short: Any = ""  # for a button in a list

    def fits(self, device: UnknownDevice) -> bool:
        """Whether it can be done now, as far as the device's own row says."""
        if self.name == "undo":
            return device.state == State.IGNORED or bool(device.done)
        if device.state == State.DONE or (self.needs_address and not device.ip_address):
            return False
        return self.name != "ignore" or device.state == State.NEW


def act(device_id: int, name: str, note: str = "") -> UnknownDevice:
    """Do it, under the device's lock. Raises NotFound, Conflict, or what the ledger's verbs
    raise."""
    action = ACTIONS[name]
    with transaction.atomic():
        lock_ledger()
        device = UnknownDevice.objects.select_for_update().filter(pk=device_id).first()
        if device is None:
            raise NotFound(_("This device is no longer in the inbox."))
        if not action.fits(device):
            raise _refusal(device, action)
        try:
            action.run(device, note)
        except ValidationError as error:
            raise Conflict(Reason.joined(error.messages)) from error
        device.save()
        return device


def _refusal(device: UnknownDevice, action: Action) -> Conflict:
    if action.needs_address and not device.ip_address:
        return Conflict(_("%s was seen at no address.") % device)
    text = _("%(mac)s: this is not possible while its state is “%(state)s”.")
    return Conflict(text % {"mac": device, "state": device.get_state_display()})


def ignore(device: UnknownDevice, note: str = "") -> None:
    """Leave it out of the inbox while it stays unknown."""
    device.state, device.note = State.IGNORED, note


def reserve(device: UnknownDevice, note: str = "") -> None:
    """Let DHCP give its address to it, and to nobody else. `note` is its host name."""
    assert device.ip_address is not None
    made = assign.reserve(
        device.ip_address, device.mac_address, device.vrf_id, note, device.hostname
    )
    done = Done.ADOPTED if isinstance(made, Server) else Done.RESERVED
    _settle(device, done, made.pk)


def adopt(device: UnknownDevice, note: str = "") -> None:
    """Make it a server with its address. `note` is its host name; empty: the one that it claims, or
    one made from its MAC address."""
    server = assign.adopt(
        device.ip_address, device.mac_address, device.vrf_id, note, device.hostname
    )
    _settle(device, Done.ADOPTED, server.pk)


def quarantine(device: UnknownDevice, note: str = "") -> None:
    """Let nobody have its address."""
    assert device.ip_address is not None
    text = note or _("used by the unknown device %s") % device.mac_address
    row = assign.quarantine(device.ip_address, device.vrf_id, text)
    _settle(device, Done.QUARANTINED, row.pk)


def undo(device: UnknownDevice, note: str = "") -> None:
    """Take the last action back. Raises Conflict when its row was changed since."""
    if device.done:
        _TAKE_BACK[device.done](device)
    device.state, device.done, device.done_id, device.note = State.NEW, Done.NOTHING, None, ""


def _settle(device: UnknownDevice, done: str, row_id: int) -> None:
    device.state, device.done, device.done_id = State.DONE, done, row_id


def _take_back_address(device: UnknownDevice) -> None:
    status = {Done.RESERVED: "allocated", Done.QUARANTINED: "quarantine"}[Done(device.done)]
    row = IPAddress.objects.filter(pk=device.done_id or 0, status=status, server=None).first()
    if row is None or row.mac_address not in (None, device.mac_address):
        raise _changed_since(device)
    verbs.release(row)


def _take_back_server(device: UnknownDevice) -> None:
    server = Server.objects.filter(pk=device.done_id or 0, mac_address=device.mac_address).first()
    if server is None:
        raise _changed_since(device)
    server.delete()


def _changed_since(device: UnknownDevice) -> Conflict:
    text = _("What was done about %s was changed since.") % device
    return Conflict(text, _("Change the address or the server itself."))


_TAKE_BACK: dict[str, Callable[[UnknownDevice], None]] = {
    Done.RESERVED: _take_back_address,
    Done.QUARANTINED: _take_back_address,
    Done.ADOPTED: _take_back_server,
}


ADDRESSES = "ipam.change_ipaddress"
ACTIONS = {
    action.name: action
    for action in (
        Action("ignore", gettext_lazy("Ignore"), ignore, (CHANGE,), short=gettext_lazy("Ignore")),
        Action(
            "reserve",
            gettext_lazy("Reserve its address"),
            reserve,
            (CHANGE, ADDRESSES, "ipam.add_server"),
            needs_address=True,
            short=gettext_lazy("Reserve"),
        ),
        Action(
            "adopt",
            gettext_lazy("Adopt as server"),
            adopt,
            (CHANGE, "ipam.add_server"),
            short=gettext_lazy("Adopt"),
        ),
        Action(
            "quarantine",
            gettext_lazy("Quarantine its address"),
            quarantine,
            (CHANGE, ADDRESSES),
            needs_address=True,
            short=gettext_lazy("Quarantine"),
        ),
        Action(
            "undo",
            gettext_lazy("Undo"),
            undo,
            (CHANGE, ADDRESSES, "ipam.delete_server"),
            short=gettext_lazy("Undo"),
        ),
    )
}
