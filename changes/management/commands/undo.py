"""Undo a change of the ledger, or show what that would do."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from changes.undo.plan import Plan
from changes.undo.verb import NotPossible, prepare, undo
from changes.undo.words import as_json, sentence
from core import commands
from core.errors import IPManagerError
from core.history import origin
from core.progress import Progress


class Command(commands.Command):
    help = """Undo a change of the log, all or nothing, or one line of it (ipam.server:123). It is a
change itself, and can be undone. The status is 1 when it is not possible; the reasons are printed.

Example: manage.py undo 5f0c2a… --dry-run"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("change", metavar="CHANGE", help="the id of a change, or a line's name")
        parser.add_argument("--dry-run", action="store_true", help="show the plan only")
        parser.add_argument(
            "--with-later",
            action="store_true",
            help="undo the later changes that stand in the way, too",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        change, with_later = options["change"], options["with_later"]
        try:
            if options["dry_run"]:
                plan = prepare(change, with_later=with_later)
            else:
                progress = Progress(self.stderr, wanted=False)
                plan = undo(change, with_later=with_later, progress=progress)
        except NotPossible as error:
            plan = error.plan
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        self._print(plan, options)
        if not plan.is_possible:
            raise CommandError(_reasons(plan))

    def _print(self, plan: Plan, options: dict[str, Any]) -> None:
        is_done = plan.is_possible and not options["dry_run"]
        if options["json"]:
            body = as_json(plan)
            if is_done:
                body["undone_by"] = origin.current().change
            self.stdout.write(json.dumps(body, indent=2, default=str))
            return
        for later in plan.with_later:
            self.stdout.write(f"with {later.token}: {later.text} ({later.who})")
        for item in plan.items:
            self.stdout.write(sentence(item))
        for text in plan.left:
            self.stdout.write(text)
        if is_done:
            self.stdout.write(f"undone by {origin.current().change}")


def _reasons(plan: Plan) -> str:
    lines = []
    for refusal in plan.refusals:
        lines.append(refusal.text)
        for later in refusal.later:
            lines.append(f"  {later.token}: {later.text} ({later.who}, {later.at:%Y-%m-%d %H:%M})")
    if plan.later:
        lines.append("--with-later undoes these, too.")
    return "\n".join(lines)
