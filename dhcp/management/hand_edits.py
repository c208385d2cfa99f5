"""`sync_dnsmasq --hand-edits`, `--adopt`, `--discard`: what was done with an editor, and what to do
about it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from dhcp import servers
from dhcp.edits.decide import Decision, adopt_all, discard_all
from dhcp.edits.find import find
from dhcp.files.candidate import read
from dhcp.files.targets import Target
from dhcp.models import HandEdit

NONE = "no hand edit is open"


def listed() -> list[HandEdit]:
    """The open ones of every server, and those that the next sync of a server of ours will find."""
    found = [edit for target in servers.local_targets() for edit in _found(target)]
    return [*HandEdit.objects.undecided().select_related("server"), *found]


def _found(target: Target) -> list[HandEdit]:
    found = find(target, read(target))
    new = [edit for edit in found.edits if edit.is_open and edit.pk is None]
    return [edit.row(target.server_id) for edit in new]


def decide(adopt: str | None, discard: str | None) -> list[Decision]:
    """`all`, or the number of one. Raises CommandError for anything else."""
    asked = adopt or discard or ""
    open_edits = HandEdit.objects.undecided()
    if asked != "all":
        if not (asked.isascii() and asked.isdigit() and int(asked) < 2**63):
            raise CommandError(f"{asked!r} is neither a number nor all")
        open_edits = open_edits.filter(pk=int(asked))
        if not open_edits:
            raise CommandError(
                f"no hand edit {asked} is open; see manage.py sync_dnsmasq --hand-edits"
            )
    return (adopt_all if adopt else discard_all)(open_edits)


def line(edit: HandEdit) -> str:
    """`  7 change  02:…,10.0.0.9,web -> 02:…,10.0.0.10,web  [served]`."""
    said = " -> ".join(filter(None, (edit.was, edit.line))) or edit.raw.replace("\n", " | ")
    fate = edit.reason or ("served" if edit.served else "not served yet")
    number = str(edit.pk) if edit.pk else "new"
    where = f"{edit.server}: " if edit.server else ""
    return f"{number:>6} {edit.file:<5} {edit.action:<6} {where}{said[:200]}  [{fate}]"


def as_json(edit: HandEdit) -> dict[str, Any]:
    names = ("file", "action", "was", "line", "raw", "served", "reason", "state")
    return {
        "id": edit.pk,
        "server": edit.server and edit.server.name,
        **{name: getattr(edit, name) for name in names},
        "found_at": edit.found_at.isoformat(),
    }


def outcome(decision: Decision) -> str:
    done = f"still open: {decision.error}" if decision.error else "done"
    return f"{decision.edit.pk:>6} {decision.edit}: {done}"
