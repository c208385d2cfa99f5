"""Write the services down for another program."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands, files
from core.errors import IPManagerError
from registry import environments
from registry.discovery import api
from registry.export import FORMATS, Export
from registry.export.text import printable, sentence


class Command(commands.Command):
    help = """Write the services of an environment as a file for another program. The same services are the same
bytes; a file that is there already is replaced in one step, and only if it changes. Who is left out is told.

Example: manage.py export_services hosts --environment production --output /etc/dnsmasq.d/services.hosts"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("format", choices=list(FORMATS), help="who is to read it")
        parser.add_argument(
            "--environment", default="", metavar="NAME", help="default: IPMANAGER_ENVIRONMENT"
        )
        parser.add_argument(
            "--domain", default="", help="of the names (default: ENVIRONMENT.internal)"
        )
        parser.add_argument(
            "--output", default="-", metavar="FILE", help="- for standard output (default)"
        )

    def handle(
        self, *, format: str, environment: str, domain: str, output: str, **options: Any
    ) -> None:
        try:
            name = environments.named(environment).environment
            made = api.made_of(FORMATS[format], name, domain)
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        for problem in made.left_out:
            self.stderr.write(printable(sentence(problem)))
        if output == "-":
            self.stdout.write(made.data.decode("ascii"), ending="")
        else:
            self.stdout.write(f"{output}: {write(Path(output), made)}")


def write(path: Path, made: Export) -> str:
    """Put the file in place unless its bytes are there already; the answer says which."""
    try:
        if path.is_file() and path.read_bytes() == made.data:
            return "unchanged"
        if path.exists() and not path.is_file():  # a device or a pipe is written to, not replaced
            path.write_bytes(made.data)
        else:
            files.replace(path, made.data)
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from error
    return "written"
