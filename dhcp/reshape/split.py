"""Split a subnet: each part is served as the subnet was."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.forms.models import model_to_dict
from django.utils.translation import gettext as _

from core.errors import Conflict, Reason
from dhcp.models import DhcpOption, DhcpScope
from ipam.models import Subnet
from ipam.querysets import lock_ledger
from ipam.reshape import split as ledger
from ipam.reshape.split import Choices
from names.models import NamesOff


def split(subnet: Subnet, length: int, choices: Choices) -> list[Subnet]:
    """`ipam.reshape.split`, with the scope. Raises what that raises."""
    with transaction.atomic():
        lock_ledger()
        subnet.refresh_from_db()  # as it is under the lock
        refuse_shared_wire(subnet)
        scope = DhcpScope.objects.filter(subnet=subnet).first()
        options = list(scope.options.all()) if scope else []
        if scope:
            scope.delete()
        made = ledger.split(subnet, length, choices)
        _keep_names_off(subnet, made)
        if scope:
            for part in made:
                serve(part, scope, options)
        return made


def _keep_names_off(subnet: Subnet, parts: Sequence[Subnet]) -> None:
    """The parts of a subnet without names have none."""
    if NamesOff.objects.filter(subnet=subnet).exists():
        for part in parts:
            NamesOff(subnet=part).save()


def refuse_shared_wire(subnet: Subnet) -> None:
    sharing = DhcpScope.objects.filter(wire=subnet).select_related("subnet").first()
    if sharing:
        text = _("%(other)s shares the wire of %(subnet)s.")
        names = {"other": sharing.subnet, "subnet": subnet}
        hint = _("Specify another wire in its scope first.")
        raise Conflict(Reason(text % names, sharing.subnet, subnet), hint)


def serve(part: Subnet, scope: DhcpScope, options: Sequence[DhcpOption]) -> None:
    """A scope like that of the subnet. A router outside the part is not its router."""
    copy = DhcpScope(subnet=part, server=scope.server, wire=scope.wire)
    for name, value in model_to_dict(scope, exclude=["id", "subnet", "server", "wire"]).items():
        setattr(copy, name, value)
    if copy.router is not None and copy.router not in part.network:
        copy.router = None
    copy.save()
    for option in options:
        DhcpOption(scope=copy, number=option.number, type=option.type, value=option.value).save()
