"""`sync_dnsmasq --hand-edits`, `--adopt` and `--discard`."""

from __future__ import annotations

import re
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.forms import model_to_dict

from core.commands import manage_command
from dhcp import servers
from dhcp.edits.decide import Decision, adopt_all, discard_all
from dhcp.edits.find import find
from dhcp.files.candidate import read
from dhcp.files.targets import Target
from dhcp.models import HandEdit

NONE = "no hand edit is open"


def listed() -> list[HandEdit]:
    """The open ones of every server, and those that the next sync of a local server will find."""
    edits = list(HandEdit.objects.undecided().select_related("server"))
    for target in servers.local_targets():
        edits += _found(target)
    return edits


def _found(target: Target) -> list[HandEdit]:
    found = find(target, read(target))
    new = []
    for edit in found.edits:
        if edit.is_open and edit.pk is None:
            new.append(edit.row(target.server_id))
    return new


def decide(adopt: str | None, discard: str | None) -> list[Decision]:
    """Adopt or discard `all` hand edits, or the one of this number. Raises CommandError."""
    edits = _chosen(adopt or discard or "")
    if adopt:
        return adopt_all(edits)
    return discard_all(edits)


def _chosen(asked: str) -> QuerySet[HandEdit]:
    edits = HandEdit.objects.undecided()
    if asked == "all":
        return edits
    if not re.fullmatch("[0-9]{1,18}", asked):
        raise CommandError(f"{asked!r} is neither a number nor all")
    edits = edits.filter(pk=int(asked))
    if not edits:
        hint = f"see {manage_command('sync_dnsmasq --hand-edits')}"
        raise CommandError(f"no hand edit {asked} is open; {hint}")
    return edits


def line(edit: HandEdit) -> str:
    """`  7 change  02:…,10.0.0.9,web -> 02:…,10.0.0.10,web  [served]`."""
    text = " -> ".join(filter(None, (edit.was, edit.line)))
    text = (text or edit.raw.replace("\n", " | "))[:200]
    if edit.server:
        text = f"{edit.server}: {text}"
    return f"{edit.pk or 'new':>6} {edit.file:<5} {edit.action:<6} {text}  [{_state(edit)}]"


def _state(edit: HandEdit) -> str:
    if edit.reason:
        return edit.reason
    return "served" if edit.served else "not served yet"


def as_json(edit: HandEdit) -> dict[str, Any]:
    names = ("file", "action", "was", "line", "raw", "served", "reason", "state")
    answer = {"id": edit.pk, "server": edit.server and edit.server.name}
    return answer | model_to_dict(edit, names) | {"found_at": edit.found_at.isoformat()}


def outcome(decision: Decision) -> str:
    result = "done"
    if decision.error:
        result = f"still open: {decision.error}"
    return f"{decision.edit.pk:>6} {decision.edit}: {result}"
