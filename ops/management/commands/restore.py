"""Restore a backup."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection

from api.security.models import SecurityEvent
from api.security.record import Kind, record
from core import commands
from core.commands import manage_command
from core.errors import IPManagerError
from core.progress import Progress
from ops.backup import encryption, make, restore, tables


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
        parser.add_argument(
            "--identity",
            type=Path,
            default=settings.BACKUP_IDENTITY,
            metavar="FILE",
            help="the file with the secret key of an encrypted archive "
            "(default: IPMANAGER_BACKUP_IDENTITY)",
        )
        parser.add_argument(
            "--unauthenticated",
            action="store_true",
            help="accept an archive that was not made with IPMANAGER_BACKUP_KEY",
        )
        parser.add_argument(
            "--restore-access",
            action="store_true",
            help="bring back tokens that were revoked and users that were disabled since",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        progress = Progress(self.stderr, wanted=options["progress"])
        try:
            path = chosen(options["archive"])
            with encryption.decrypted(path, options["identity"]) as plain:
                self._restore(path, plain, progress, options)
        except IPManagerError as error:
            raise CommandError(str(error)) from error

    def _restore(self, path: Path, plain: Path, progress: Progress, options: dict) -> None:
        plan = restore.plan(plain, progress, unauthenticated=options["unauthenticated"])
        bring_back = options["restore_access"]
        if options["dry_run"]:
            text = "\n".join([forecast(plan), *access_lines(plan, bring_back)])
            self._say(as_json(plan, path), text, options["json"])
            return
        if not options["overwrite"]:
            restore.refuse_to_replace(plan)
        done = restore.restore(plan, progress, bring_back=bring_back)
        note_restore(path, plan)
        facts = as_json(plan, path) | {
            "seconds": round(done.seconds, 2),
            "restored_files": len(done.files),
        }
        text = "\n".join([*access_lines(plan, bring_back), sentence(done)])
        self._say(facts, text, options["json"])

    def _say(self, facts: dict[str, Any], text: str, as_json: bool) -> None:
        self.stdout.write(json.dumps(facts) if as_json else text)


def note_restore(path: Path, plan: restore.Plan) -> None:
    """A security event, unless the backup is of a version that knows none."""
    if SecurityEvent._meta.db_table in connection.introspection.table_names():
        record(Kind.RESTORED, path.name, made_at=plan.manifest.made_at)


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


def access_lines(plan: restore.Plan, bring_back: bool) -> list[str]:
    """Which revoked tokens and disabled users the backup has with access, and what becomes of
    them."""
    found = plan.returning
    kinds = [("revoked tokens", found.token_names), ("disabled or deleted users", found.users)]
    listed = [f"{kind} in the backup: {', '.join(names)}" for kind, names in kinds if names]
    if not listed:
        return []
    fate = "they stay without access (--restore-access brings it back)"
    if bring_back:
        fate = "they have access again"
    return [*listed, fate]


def as_json(plan: restore.Plan, path: Path) -> dict[str, Any]:
    manifest = plan.manifest
    return {
        "path": str(path),
        "made_at": manifest.made_at,
        "version": manifest.version,
        "engine": manifest.engine,
        "rows": manifest.rows,
        "files": len(manifest.files),
        "replaces": plan.replaces,
        "unreadable": plan.unreadable,
        "revoked_tokens": list(plan.returning.token_names),
        "disabled_users": list(plan.returning.users),
    }
