"""Register the containers that run on a Docker engine."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import close_old_connections

from core import commands
from core.errors import IPManagerError
from ipam.addresses import Address, parse_address
from registry.docker import adopt, containers, engine
from registry.docker.adopt import Adopted


class Command(commands.Command):
    help = """Register the containers that run on a Docker engine, each published port (or, if a container publishes
none, its own address and ports) as a service with a fixed place. Every further run is a sign of life for those that
still run, so the others become inactive: call it from a timer, or with --every.

Example: manage.py import_docker --environment development --address 10.0.0.5 --every 10"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--host", default=engine.SOCKET, help=f"the engine (default: {engine.SOCKET})"
        )
        parser.add_argument(
            "--certificates", type=Path, metavar="DIR", help="ca.pem, cert.pem, key.pem for TLS"
        )
        parser.add_argument(
            "--environment", default="", metavar="NAME", help="default: IPMANAGER_ENVIRONMENT"
        )
        parser.add_argument("--address", metavar="IP", help="where the engine's machine is reached")
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on until stopped")
        parser.add_argument("--dry-run", action="store_true", help="write nothing")
        parser.add_argument("--json", action="store_true", help="print a JSON list")

    def handle(self, *args: Any, every: float | None, **options: Any) -> None:
        if every is None:
            refused = self._once(**options)
            if refused:
                raise CommandError(f"{refused} refused")
            return
        while True:
            try:
                self._once(**options)
            except CommandError as error:
                self.stderr.write(str(error))
            close_old_connections()
            time.sleep(max(every, 0.1))

    def _once(self, **options: Any) -> int:
        """One look; how many were refused."""
        try:
            found = look(
                options["host"], options["certificates"], options["environment"], options["address"]
            )
            done = adopt.adopt(found, options["environment"], write=not options["dry_run"])
        except (IPManagerError, ValueError) as error:
            raise CommandError(str(error)) from error
        self._tell(done, as_json=options["json"])
        return sum(one.outcome == adopt.REFUSED for one in done)

    def _tell(self, done: list[Adopted], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([row(one) for one in done]))
            return
        for one in done:
            said = f"{one.outcome:8}{one.wish.service_id} {one.place} {one.reason}"
            self.stdout.write(said.rstrip().encode("ascii", "replace").decode())
        counts = Counter(one.outcome for one in done)
        self.stdout.write(
            ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
            or "no container is reachable"
        )


def look(
    host: str, certificates: Path | None, environment: str, address: str | None
) -> list[containers.Wish]:
    """What runs there, as services. Raises ValueError for an address that is none, and what
    docker_api raises."""
    ours: Address | None = parse_address(address) if address else None
    return containers.wishes(engine.running_containers(host, certificates), environment, ours)


def row(one: Adopted) -> dict[str, Any]:
    found = {"service_id": one.wish.service_id, "place": one.place, "outcome": one.outcome}
    return found | ({"reason": one.reason} if one.reason else {})
