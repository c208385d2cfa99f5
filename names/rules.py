"""Which zones and records may exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _

from core.errors import Reason
from names import rdata

if TYPE_CHECKING:
    from names.ground import Ground
    from names.models import Record, Zone

_OF_OTHERS = ("localhost", "local", "arpa", "ipmanager.internal", "internal")

_MAILBOX = re.compile(r"[A-Za-z0-9!#%&'*+./=?^_`{|}~-]{1,63}@(?P<domain>[^@]+)")


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


def check_zone(zone: Zone) -> None:
    """Raises ValidationError: a secondary tries again sooner than it asks, and gives up last."""
    if zone.primary_server and not rdata.is_name(zone.primary_server):
        text = _("“%s” is not a host's name.")
        raise ValidationError({"primary_server": Reason(text % zone.primary_server[:60])})
    mailbox = _MAILBOX.fullmatch(zone.contact)
    if zone.contact and not (mailbox and rdata.is_name(rdata.lower(mailbox["domain"]))):
        raise ValidationError({"contact": Reason(EmailValidator.message)})
    if zone.retry > zone.refresh:
        raise ValidationError({"retry": Reason(_("It must not be longer than refresh."))})
    if zone.expire <= zone.refresh + zone.retry:
        raise ValidationError({"expire": Reason(_("It must be longer than refresh and retry."))})


def check_record(record: Record, ground: Ground | None = None) -> None:
    """Raises ValidationError, which names the holder of the name."""
    if record.name != "@" and not rdata.is_owner(record.name):
        text = _("“%s” is not a name: write it without the zone, as in www, or @ for the zone.")
        raise ValidationError({"name": Reason(text % record.name[:60])})
    if len(record.fqdn) > rdata.LONGEST_NAME:
        raise ValidationError({"name": Reason(_("The whole name is longer than 253 characters."))})
    (ground or _ground()).check(record)


def _ground() -> Ground:
    from names.ground import Ground

    return Ground.load()
