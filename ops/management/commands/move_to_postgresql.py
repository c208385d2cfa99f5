"""Move an installation from SQLite to PostgreSQL."""

import json
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from core import commands
from core.errors import IPManagerError
from core.progress import Progress
from ops.backup import move


class Command(commands.Command):
    help = """Copy everything from the SQLite file of this installation into an empty PostgreSQL
database, and compare it row by row. Stop IPManager before, and set DATABASE_URL afterwards. The
SQLite file keeps its contents. On an installed host, `install.sh --database postgresql` does all of
it.

Example:
  createdb ipmanager_db
  manage.py move_to_postgresql postgres://ipadmin@%2Frun%2Fpostgresql/ipmanager_db"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", nargs="?", help="the target, as in DATABASE_URL")
        parser.add_argument(
            "--url-file",
            type=Path,
            metavar="FILE",
            help="read the URL from a file, so that its password is in no process list",
        )
        parser.add_argument(
            "--progress",
            action="store_true",
            help="print progress also when standard error is not a terminal",
        )
        parser.add_argument(
            "--plan",
            action="store_true",
            help="change nothing; print `move`, or `switch` if there is nothing to move, "
            "or say why DATABASE_URL must not name the target",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        try:
            if options["plan"]:
                self.stdout.write(move.plan(url_of(**options)))
                return
            moved = move.move(url_of(**options), Progress(self.stderr, wanted=options["progress"]))
        except (IPManagerError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"rows": moved.rows, "seconds": round(moved.seconds, 2)}))
            return
        rows = sum(moved.rows.values())
        self.stdout.write(
            f"{rows} rows of {len(moved.rows)} tables moved and compared in {moved.seconds:.1f} s\n"
            "Now set DATABASE_URL to the new database, and start IPManager."
        )


def url_of(*, url: str | None, url_file: Path | None, **options: Any) -> str:
    if (url is None) == (url_file is None):
        raise CommandError("give the URL of the target, or --url-file")
    try:
        if url_file is None:
            return str(url)
        return url_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CommandError(f"cannot read {url_file}: {error.strerror}") from error
