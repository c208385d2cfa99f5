"""Find what a request names by its id or in words: a subnet by its network or name, a pool by its
range, a boot image by its name."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from core.errors import Reason
from ipam import addresses
from ipam.models import Pool, Subnet
from pxe.models import BootImage

M = TypeVar("M", bound=Model)
Reference = int | str
KEY = re.compile(r"[0-9]{1,18}")
MOST_NAMED = 5


def find_subnet(reference: Reference, among: QuerySet[Subnet], field: str = "subnet") -> Subnet:
    """The subnet of this id, network or name; words mean the global address space first. Raises
    ValidationError."""
    if _is_key(reference):
        return _only(among.filter(pk=int(reference)), field, reference)
    try:
        found = among.filter(network=addresses.parse_network(str(reference)))
    except ValueError:
        found = among.filter(name__iexact=str(reference))
    in_global = found.filter(vrf=None)
    return _only(in_global if in_global.exists() else found, field, reference)


def find_pool(reference: Reference, subnet: Subnet | None, among: QuerySet[Pool]) -> Pool:
    """The pool of this id, or of this range in the subnet. Raises ValidationError."""
    if subnet:
        among = among.filter(subnet=subnet)
    if _is_key(reference):
        return _only(among.filter(pk=int(reference)), "pool", reference)
    try:
        first, last = addresses.parse_range(str(reference))
    except ValueError as error:
        raise ValidationError({"pool": Reason(error)}) from error
    if not subnet:
        among = among.filter(subnet__vrf=None)
    return _only(among.filter(first=first, last=last), "pool", reference)


def find_image(reference: Reference) -> BootImage:
    """The boot image of this id or name. Raises ValidationError."""
    wanted = Q(name=str(reference))
    if isinstance(reference, int):
        wanted = Q(pk=reference)
    return _only(BootImage.objects.filter(wanted), "image", reference)


def _is_key(reference: Reference) -> bool:
    return KEY.fullmatch(str(reference)) is not None


def _only(found: QuerySet[M], field: str, reference: Any) -> M:
    """The only row; several are named, for the caller to choose."""
    rows = list(found[: MOST_NAMED + 1])
    if len(rows) == 1:
        return rows[0]
    shown = addresses.shorten(str(reference))
    if not rows:
        text = _("There is no “%s”, or it is not available to you.") % shown
        raise ValidationError({field: Reason(text)})
    ids = ", ".join(f"{row.pk} ({row})" for row in rows[:MOST_NAMED])
    text = _("“%(name)s” is not unique; give an id: %(ids)s.") % {"name": shown, "ids": ids}
    raise ValidationError({field: Reason(text, *rows)})
