"""After a restore: compare the ledger with the network, then let it hand out addresses again."""

import json
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands
from core.errors import IPManagerError
from dhcp.leases import thaw
from ipam import freeze


class Command(commands.Command):
    help = """After a restore no address is handed out, and dnsmasq's files stay as they are, until
this command has read the leases and shown how they differ from the ledger. An address that is in
use, and free in the ledger, goes into quarantine. Then everything goes on.

Example: manage.py thaw --dry-run"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="show the differences, and stay frozen"
        )
        parser.add_argument(
            "--without",
            action="append",
            default=[],
            metavar="NAME",
            help="go on without the leases of this DHCP server; `default`: that of the settings",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        if freeze.state() is None:
            self._report({"frozen": False}, "The ledger is not frozen.", options["json"])
            return
        try:
            found = thaw.compare()
            if not options["json"]:
                self._show(found)
            moved = None
            if not options["dry_run"]:
                moved = thaw.release(found, options["without"])
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        answer = as_json(found) | {"frozen": moved is None, "quarantined": moved or 0}
        self._report(answer, outcome(moved), options["json"])

    def _report(self, answer: dict[str, Any], sentence: str, as_json: bool) -> None:
        self.stdout.write(json.dumps(answer) if as_json else sentence)
        sys.stdout.flush()

    def _show(self, found: thaw.Differences) -> None:
        self.stdout.write(f"Frozen since {found.state.since:%F %T %Z}: {found.state.reason}")
        self._list("in use, but free in the ledger (into quarantine)", found.free)
        self._list("leased to another machine than the ledger says", found.conflicts)
        for name, text in found.files.items():
            self._list(f"dnsmasq's files ({name}) would change", text.splitlines())
        self._list("leases not read", found.unread)

    def _list(self, title: str, lines: list[Any]) -> None:
        self.stdout.write(f"{title}: {len(lines) or 'none'}")
        for line in lines:
            self.stdout.write(f"    {line}")


def outcome(moved: int | None) -> str:
    if moved is None:
        return f"Still frozen. Release it with: {commands.manage_command('thaw')}"
    return f"Released; {moved} addresses are in quarantine now."


def as_json(found: thaw.Differences) -> dict[str, Any]:
    since = found.state.since
    return {
        "since": since and since.isoformat(),
        "reason": found.state.reason,
        "in_use_but_free": list(map(in_use_as_json, found.free)),
        "conflicts": list(map(in_use_as_json, found.conflicts)),
        "files": found.files,
        "unread": found.unread,
    }


def in_use_as_json(one: thaw.AddressInUse) -> dict[str, str]:
    return {"ip": str(one.ip), "mac": one.mac, "how": one.how, "hostname": one.hostname}
