"""What the steps of an import share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid
from importers.outcome import Verdict
from importers.records import Record
from ipam.addresses import shorten
from ipam.models import VRF

Progress = Callable[[str, int, int], None]
Reasons = list[str]


class Job:
    """An import on its way."""

    def __init__(self, vrf: str, progress: Progress) -> None:
        self.progress = progress
        self.vrfs: dict[str, int | None] = {row.name: row.pk for row in VRF.objects.all()}
        self.vrfs[""] = self.vrf_id(vrf) if vrf else None
        self.remarks: list[Verdict] = []  # of what a record says beside itself

    def vrf_id(self, name: str) -> int | None:
        """The key of an address space. Raises Invalid when it could not be made."""
        if name not in self.vrfs:
            raise Invalid(_("Its VRF %s is not in the ledger.") % name)
        return self.vrfs[name]

    def remark(self, at: str, kind: str, key: object, reason: object) -> None:
        """Note that a part of a record has no place."""
        self.remarks.append(Verdict(at, kind, str(key), "left out", (str(reason),)))


def refused(record: Record, kind: str, key: object, error: Exception) -> Verdict:
    return Verdict(record.at, kind, str(key), "refused", tuple(reasons_of(error)))


def reasons_of(error: Exception) -> Reasons:
    """The sentences of an error."""
    if isinstance(error, ValidationError):
        return list(map(str, error.messages))
    return [str(error)]


REFUSALS = (ValidationError, Conflict, Invalid)


def saved(row: models.Model, optional: Iterable[str] = ()) -> Reasons:
    """Save a new row. Where the ledger refuses an `optional` field, the row is saved without it,
    and the reasons are returned. Raises one of REFUSALS."""
    left = set(optional)
    reasons: Reasons = []
    while True:
        try:
            with transaction.atomic():
                row.save()
            return reasons
        except ValidationError as error:
            causes = left & {*error.message_dict, *map(_CAUSES.get, error.message_dict)}
            if not causes:
                raise
            left -= causes
            reasons += [_without(row, name, error) for name in sorted(causes)]


# A field that is refused because of another one.
_CAUSES = {"wire_address": "wire", "interface": "wire"}


def _without(row: models.Model, name: str, error: ValidationError) -> str:
    """Take the value from the row, and say why."""
    value = getattr(row, name)
    field: Any = row._meta.get_field(name)
    setattr(row, name, field.get_default())
    return not_kept(name, value, " ".join(error.messages))


def not_kept(name: str, value: object, reason: object) -> str:
    facts = {"name": name, "value": shown(value), "reason": reason}
    return _("%(name)s %(value)s is not kept: %(reason)s") % facts


def shown(value: object) -> str:
    """A value in a sentence."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return f"“{shorten(value)}”"


def said(record: Any, *names: str) -> dict[str, Any]:
    """What the record says of these fields; a tuple as a list, which models hold."""
    found = {}
    for name in names:
        value = getattr(record, name)
        if isinstance(value, tuple):
            value = list(value)
        if value not in (None, "", []):
            found[name] = value
    return found


def fitted(model: type[models.Model], values: Mapping[str, Any]) -> tuple[dict[str, Any], Reasons]:
    """The values with texts that their columns can hold, and what was cut."""
    found: dict[str, Any] = {}
    reasons: Reasons = []
    for name, value in values.items():
        found[name] = value
        if not isinstance(value, str):
            continue
        most = getattr(model._meta.get_field(name), "max_length", None)
        found[name] = value.replace("\0", "").strip()
        if most and len(found[name]) > most:
            found[name] = f"{found[name][: most - 1]}…"
            reasons.append(
                _("%(name)s is cut to %(most)d characters: %(value)s")
                % {"name": name, "most": most, "value": value[:2000]}
            )
    return found, reasons


def differences(row: object, values: Mapping[str, Any]) -> Reasons:
    """Where the ledger says something else than the source."""
    found = []
    for name, value in values.items():
        present = getattr(row, name)
        if present != value:
            facts = {"name": name, "here": shown(present), "there": shown(value)}
            found.append(_("%(name)s: %(here)s here, %(there)s in the source") % facts)
    return found


def compared(
    record: Record, kind: str, key: object, row: object, values: Mapping[str, Any]
) -> Verdict:
    """The verdict on a record whose row is there."""
    reasons = differences(row, values)
    state: Any = "differs" if reasons else "same"
    return Verdict(record.at, kind, str(key), state, tuple(reasons))
