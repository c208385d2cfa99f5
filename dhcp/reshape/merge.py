"""Merge subnets into the one around them, which is served as the first of them was."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Conflict, Reason
from dhcp.models import DhcpScope
from dhcp.reshape.split import refuse_shared_wire, serve
from ipam.models import Subnet
from ipam.querysets import lock_ledger
from ipam.reshape import merge as ledger
from names.models import NamesOff


def merge(subnet: Subnet) -> list[Subnet]:
    """`ipam.reshape.merge`, with the scopes: a subnet without one takes the first of theirs. Raises
    what that raises."""
    with transaction.atomic():
        lock_ledger()
        subnet.refresh_from_db()  # as it is under the lock
        _refuse_other_names(subnet)
        inside = DhcpScope.objects.filter(subnet__in=subnet.children)
        for scope in inside.select_related("subnet"):
            refuse_shared_wire(scope.subnet)
        first = inside.order_by("-enabled", "subnet__network").first()
        options = list(first.options.all()) if first else []
        for scope in inside:
            scope.delete()
        merged = ledger.merge(subnet)
        if first and not DhcpScope.objects.filter(subnet=subnet).exists():
            serve(subnet, first, options)
        return merged


def _refuse_other_names(subnet: Subnet) -> None:
    """Names that are served elsewhere would begin to be served here, or the other way round."""
    all_of_them = [subnet, *subnet.children]
    silent = set(NamesOff.objects.filter(subnet__in=all_of_them).values_list("subnet", flat=True))
    for one in all_of_them[1:]:
        if (one.pk in silent) != (subnet.pk in silent):
            text = _("Only one of %(subnet)s and %(child)s is without names.")
            hint = _("Let both have names, or neither.")
            raise Conflict(Reason(text % {"subnet": subnet, "child": one}, subnet, one), hint)
