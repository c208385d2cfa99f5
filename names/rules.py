"""Which zones and records may exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import Reason
from names import rdata

if TYPE_CHECKING:
    from names.models import Record

_OF_OTHERS = ("localhost", "local", "arpa", "ipmanager.internal", "internal")


def validate_zone(value: str) -> None:
    """In any spelling. Raises ValidationError."""
    value = rdata.lower(value.strip().rstrip("."))
    if not rdata.is_name(value):
        raise ValidationError(
            Reason(_("“%s” is not a domain: write it as in corp.example.") % value[:60])
        )
    if value in _OF_OTHERS or value.endswith(".arpa"):
        raise ValidationError(
            Reason(_("“%s” cannot be a zone. Reverse names follow from the subnets.") % value[:60])
        )


def check_record(record: Record) -> None:
    """Raises ValidationError, which names the holder of the name."""
    if record.name != "@" and not rdata.is_owner(record.name):
        text = _("“%s” is not a name: write it without the zone, as in www, or @ for the zone.")
        raise ValidationError({"name": Reason(text % record.name[:60])})
    if len(record.fqdn) > rdata.LONGEST_NAME:
        raise ValidationError({"name": Reason(_("The whole name is longer than 253 characters."))})
    _refuse_held(record)


def _refuse_held(record: Record) -> None:
    """A CNAME stands alone; a machine of the ledger shares its name with no address of others."""
    beside = _beside(record)
    if beside:
        text = _("%(name)s has another record: %(other)s. A CNAME stands alone.")
        parts = {"name": record.fqdn, "other": beside}
        raise ValidationError({"name": Reason(text % parts)})
    holder = _holder(record) if record.type in ("A", "AAAA", "CNAME") else None
    if holder:
        text = _("%(name)s belongs to %(holder)s.")
        raise ValidationError({"name": Reason(text % {"name": record.fqdn, "holder": holder})})


def _beside(record: Record) -> str:
    from names.models import Record

    others = Record.objects.filter(zone=record.zone, name=record.name).exclude(pk=record.pk)
    if record.type != "CNAME":
        others = others.filter(type="CNAME")
    other = others.first()
    return f"{other.type} {other.value}" if other else ""


def _holder(record: Record) -> str:
    """The machine of the ledger that has this name, with its address; empty when none has."""
    from ipam.models import Subnet
    from names import ledger

    subnets = list(Subnet.objects.in_vrf(None))
    for line in ledger.by_name(ledger.take(subnets)).get(record.fqdn, ()):
        if not line.sources[0].startswith("record "):
            return f"{line.label} ({line.ip})"
    return ""
