"""Back up everything that cannot be made anew."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from core import commands
from core.errors import IPManagerError
from core.progress import Progress
from ops.backup import make


class Command(commands.Command):
    help = """Write one archive with the database, the boot files, the secret key and the settings; only its owner can
read it. IPManager may run meanwhile: everything in the archive is of one moment. It is a plain tar with checksums;
manage.py restore checks it and gets it back.

Example: manage.py backup --keep 14"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "directory",
            nargs="?",
            type=Path,
            default=settings.BACKUP_DIR,
            help="where to (IPMANAGER_BACKUP_DIR)",
        )
        parser.add_argument(
            "--keep", type=number, default=0, metavar="N", help="afterwards keep the newest N only"
        )
        parser.add_argument(
            "--no-boot-files", action="store_true", help="leave out boot files and loaders"
        )
        parser.add_argument(
            "--progress", action="store_true", help="tell how far it is, on a pipe, too"
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
        self.stdout.write(json.dumps(as_json(made)) if options["json"] else sentence(made))


def number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of backups")
    return int(text)


def sentence(made: make.Made) -> str:
    rows = sum(made.manifest.rows.values())
    removed = f", {len(made.removed)} older removed" if made.removed else ""
    return f"{made.path}: {rows} rows, {made.size} bytes, {made.seconds:.1f} s{removed}"


def as_json(made: make.Made) -> dict[str, Any]:
    return {
        "path": str(made.path),
        "bytes": made.size,
        "seconds": round(made.seconds, 2),
        "made_at": made.manifest.made_at,
        "engine": made.manifest.engine,
        "rows": made.manifest.rows,
        "files": len(made.manifest.files),
        "removed": [str(path) for path in made.removed],
    }
