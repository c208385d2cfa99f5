"""Restore a backup."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from core import commands
from core.commands import manage_command
from core.errors import IPManagerError
from core.progress import Progress
from ops.backup import make, restore, tables


class Command(commands.Command):
    help = """Restore an archive of manage.py backup: the database in one transaction, boot files,
secret key. Stop IPManager before. The whole archive is checked first. Afterwards no address is
handed out until manage.py thaw has compared the ledger with the leases.

Example: manage.py restore --dry-run latest"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "archive", help="the file; `latest` for the newest in IPMANAGER_BACKUP_DIR"
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="replace a database that is not empty"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check the archive and change nothing"
        )
        parser.add_argument(
            "--progress",
            action="store_true",
            help="print progress also when standard error is not a terminal",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        progress = Progress(self.stderr, wanted=options["progress"])
        try:
            plan = restore.plan(chosen(options["archive"]), progress)
            if options["dry_run"]:
                self._say(as_json(plan), forecast(plan), options["json"])
                return
            if not options["overwrite"]:
                restore.refuse_to_replace(plan)
            done = restore.restore(plan, progress)
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        facts = as_json(plan) | {
            "seconds": round(done.seconds, 2),
            "restored_files": len(done.files),
        }
        self._say(facts, sentence(done), options["json"])

    def _say(self, facts: dict[str, Any], text: str, as_json: bool) -> None:
        self.stdout.write(json.dumps(facts) if as_json else text)


def chosen(name: str) -> Path:
    if name != "latest":
        return Path(name).absolute()
    newest = make.newest(settings.BACKUP_DIR)
    if newest is None:
        command = manage_command("backup")
        raise CommandError(f"there is no backup in {settings.BACKUP_DIR} (make one: {command})")
    return newest


def forecast(plan: restore.Plan) -> str:
    """What a restore would do."""
    manifest = plan.manifest
    rows, members = sum(manifest.rows.values()), len(manifest.files)
    replaced = tables.in_words(plan.replaces) or plan.unreadable or "nothing"
    return (
        f"{plan.path} is intact: {rows} rows and {members} files of {manifest.made_at}, "
        f"version {manifest.version}, {manifest.engine}\n"
        f"it would replace: {replaced}\nnothing was changed"
    )


def sentence(done: restore.Restored) -> str:
    """What a restore has done."""
    manifest = done.plan.manifest
    return (
        f"restored {sum(manifest.rows.values())} rows and {len(done.files)} boot files "
        f"of {manifest.made_at} in {done.seconds:.1f} s\n"
        "No address is handed out until the leases have been compared: " + manage_command("thaw")
    )


def as_json(plan: restore.Plan) -> dict[str, Any]:
    manifest = plan.manifest
    return {
        "path": str(plan.path),
        "made_at": manifest.made_at,
        "version": manifest.version,
        "engine": manifest.engine,
        "rows": manifest.rows,
        "files": len(manifest.files),
        "replaces": plan.replaces,
        "unreadable": plan.unreadable,
    }
