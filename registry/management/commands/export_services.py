"""Export the services of an environment to a file for another program."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands, files
from core.errors import IPManagerError
from registry.discovery import api
from registry.environments import lookup
from registry.export import FORMATS, Export
from registry.export.format import printable, sentence


class Command(commands.Command):
    help = """Export the services of an environment to a file for another program. The same services
always give the same bytes; an existing file is replaced in one step, and only if it changes.
Services that are left out are listed on stderr.

Example: manage.py export_services hosts --environment production \\
    --output /etc/dnsmasq.d/services.hosts"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("format", choices=list(FORMATS), help="the program that reads the file")
        parser.add_argument(
            "--environment", default="", metavar="NAME", help="default: IPMANAGER_ENVIRONMENT"
        )
        parser.add_argument(
            "--domain", default="", help="domain of the names (default: ENVIRONMENT.internal)"
        )
        parser.add_argument(
            "--output", default="-", metavar="FILE", help="- for standard output (default)"
        )

    def handle(
        self, *, format: str, environment: str, domain: str, output: str, **options: Any
    ) -> None:
        try:
            name = lookup.environment(environment).environment
            export = api.export_of(FORMATS[format], name, domain)
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        for problem in export.left_out:
            self.stderr.write(printable(sentence(problem)))
        if output == "-":
            self.stdout.write(export.data.decode("ascii"), ending="")
        else:
            self.stdout.write(f"{output}: {write(Path(output), export)}")


def write(path: Path, export: Export) -> str:
    """Write the file unless it has these bytes already: `written` or `unchanged`."""
    try:
        if path.is_file() and path.read_bytes() == export.data:
            return "unchanged"
        if path.exists() and not path.is_file():  # a device or a pipe cannot be replaced
            path.write_bytes(export.data)
        else:
            files.replace(path, export.data)
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from error
    return "written"
