"""Import interfaces: a row speaks of the interface that its server has under that name."""

from __future__ import annotations

from functools import partial

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ipam.models import Interface, Server
from ipam.transfer.sheet import Sheet
from ipam.transfer.singly import Plan, Progress, import_singly
from ipam.transfer.verdicts import Mode, Outcome, changed_values, read

_REQUIRED = ("server", "name")


def import_interfaces(
    sheet: Sheet,
    mode: Mode,
    vrf_id: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Outcome:
    """Judge every row by saving it, and keep them if the mode allows it."""
    plans = Plan.of(read(sheet.rows, sheet.columns, key=_REQUIRED))
    _blame_incomplete(plans)
    _blame_twins(plans)
    return import_singly(plans, mode, partial(_save, vrf_id=vrf_id), progress)


def _blame_incomplete(plans: list[Plan]) -> None:
    for plan in plans:
        for name in _REQUIRED:
            if not plan.values.get(name) and not plan.faults:
                plan.blame(
                    name, _("An interface needs its server's host name and a name of its own.")
                )


def _blame_twins(plans: list[Plan]) -> None:
    first: dict[tuple[str, str], int] = {}
    for plan in plans:
        key = (plan.values.get("server", "").lower(), plan.values.get("name", ""))
        if first.setdefault(key, plan.line) != plan.line:
            plan.blame("name", _("Line %d speaks of this interface already.") % first[key])


def _save(plan: Plan, vrf_id: int | None) -> None:
    facts = dict(plan.values)
    for name in _REQUIRED:
        facts.pop(name)
    server = Server.objects.filter(vrf=vrf_id, hostname__iexact=plan.values["server"]).first()
    if server is None:
        reason = _("There is no server “%s”; import the servers first.")
        raise ValidationError({"server": reason % plan.values["server"]})
    nic = server.interfaces.filter(name=plan.values["name"]).first()
    changes = changed_values(nic, facts)
    plan.compare(nic, changes)
    if changes or nic is None:
        nic = nic or Interface(server=server, name=plan.values["name"])
        for name, value in changes.items():
            setattr(nic, name, value)
        nic.save()
