"""Make a backup."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from api.security.record import Kind, record
from core import commands
from core.errors import IPManagerError
from core.progress import Progress
from ops.backup import make


class Command(commands.Command):
    help = """Write one archive with the database, the boot files, the secret key and the settings.
Only its owner can read it. IPManager can run meanwhile: the archive is a consistent snapshot. It
is a plain tar with checksums; manage.py restore checks and restores it.

Example: manage.py backup --keep 14"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "directory",
            nargs="?",
            type=Path,
            default=settings.BACKUP_DIR,
            help="where to write it (default: IPMANAGER_BACKUP_DIR)",
        )
        parser.add_argument(
            "--keep", type=number, default=0, metavar="N", help="then keep only the newest N"
        )
        parser.add_argument(
            "--no-boot-files", action="store_true", help="leave out boot files and loaders"
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
            made = make.make(
                options["directory"].absolute(),
                keep=options["keep"],
                boot_files=not options["no_boot_files"],
                progress=progress,
            )
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        record(Kind.BACKUP, made.path.name, bytes=made.size)
        self.stdout.write(json.dumps(as_json(made)) if options["json"] else sentence(made))


def number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of backups")
    return int(text)


def sentence(made: make.Backup) -> str:
    rows = sum(made.manifest.rows.values())
    text = f"{made.path}: {rows} rows, {made.size} bytes, {made.seconds:.1f} s"
    if made.removed:
        text += f", {len(made.removed)} older removed"
    return text


def as_json(made: make.Backup) -> dict[str, Any]:
    return {
        "path": str(made.path),
        "bytes": made.size,
        "seconds": round(made.seconds, 2),
        "made_at": made.manifest.made_at,
        "engine": made.manifest.engine,
        "rows": made.manifest.rows,
        "files": len(made.manifest.files),
        "removed": list(map(str, made.removed)),
    }
