"""Put servers, their interfaces, subnets or address records into a CSV file."""

import os
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands
from ipam.addresses import parse_network
from ipam.management.base import delimiter, vrf_id
from ipam.models import IPAddress
from ipam.transfer import exports


class Command(commands.Command):
    help = """Write servers, their interfaces, subnets or address records as CSV: UTF-8, CRLF.
import_csv reads subnets, servers and interfaces back unchanged. A cell that a spreadsheet would run
as a formula begins with an apostrophe, which import_csv removes.

Example: manage.py export_csv servers servers.csv --subnet 10.112.57.0/24"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=sorted(exports.LAYOUTS), help="what to write")
        parser.add_argument(
            "file", nargs="?", default="-", help="the file; - for standard output (default)"
        )
        parser.add_argument("--subnet", metavar="CIDR", help="only what lies in this network")
        parser.add_argument(
            "--status", choices=IPAddress.Status.values, help="only such ip-addresses"
        )
        parser.add_argument(
            "--vrf", metavar="NAME", help="the address space (default: the global one)"
        )
        parser.add_argument(
            "--delimiter",
            type=delimiter,
            default=",",
            metavar="CHARACTER",
            help="as in ';' or tab (default: ,)",
        )
        parser.add_argument(
            "--german", action="store_true", help="German headers, which import_csv knows, too"
        )
        parser.add_argument(
            "--bom", action="store_true", help="begin with a byte order mark, for Excel"
        )

    def handle(self, **options: Any) -> None:
        rows = self._rows(**options)
        text = exports.text(
            rows, exports.LAYOUTS[options["kind"]], options["delimiter"], german=options["german"]
        )
        if options["bom"]:
            text = chain(["\ufeff"], text)
        if options["file"] == "-":
            self._print(text)
        else:
            write(Path(options["file"]), text)

    def _rows(
        self, *, kind: str, subnet: str | None, status: str | None, vrf: str | None, **options: Any
    ) -> Any:
        within = None
        if subnet:
            try:
                within = parse_network(subnet)
            except ValueError as error:
                raise CommandError(str(error)) from error
        if status and kind != "ip-addresses":
            raise CommandError(f"--status is for ip-addresses; {kind} have none")
        if kind == "ip-addresses":
            return exports.export_addresses(vrf_id(vrf), within, status or "")
        choose = {
            "servers": exports.export_servers,
            "interfaces": exports.export_interfaces,
            "subnets": exports.export_subnets,
        }[kind]
        return choose(vrf_id(vrf), within)

    def _print(self, text: Iterable[str]) -> None:
        try:
            for line in text:
                self.stdout.write(line, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # The reader has seen enough (head); Python would complain once more when it closes
            # stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(path: Path, text: Iterable[str]) -> None:
    """Write the file in one step, so that half an export never looks like a whole one."""
    target = path.resolve()
    special = target.exists() and not target.is_file()  # a device or pipe is not replaced
    beside = target
    if not special:
        beside = target.with_name(f".{target.name}.new-{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.writelines(text)
        if not special:
            beside.replace(target)
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from error
    finally:
        if not special:
            beside.unlink(missing_ok=True)
