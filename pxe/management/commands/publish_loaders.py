"""Publish iPXE's boot loaders for TFTP and HTTP."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from core import commands
from core.errors import IPManagerError
from pxe import loaders


class Command(commands.Command):
    help = """Copy iPXE's boot loaders for BIOS and UEFI from Debian's package ipxe to
IPMANAGER_TFTP_ROOT. Run it once, and again after each update of the package; unchanged files stay.

Example: manage.py publish_loaders"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from",
            dest="source",
            type=Path,
            default=loaders.DEBIAN,
            help="directory of the loaders",
        )

    def handle(self, **options: Any) -> None:
        try:
            written = loaders.publish(options["source"])
        except (IPManagerError, OSError) as error:
            raise CommandError(str(error)) from error
        for path in written:
            self.stdout.write(f"{path} ({path.stat().st_size} bytes)")
        if not written:
            self.stdout.write(f"{settings.TFTP_ROOT} is up to date")
