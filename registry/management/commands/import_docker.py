"""Register the running containers of a Docker engine."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import close_old_connections

from core import commands
from core.errors import IPManagerError
from ipam.addresses import parse_address
from registry.docker import adopt, containers, engine
from registry.docker.adopt import Adopted
from registry.services.registration import Registration


class Command(commands.Command):
    help = """Register the running containers of a Docker engine: each published port (or, if a
container publishes none, its own address and ports) as a service with a fixed port. Each run is a
heartbeat of the containers that still run, so the others become inactive: run it from a timer, or
with --every.

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
        parser.add_argument("--address", metavar="IP", help="address of the engine's machine")
        parser.add_argument("--every", type=float, metavar="SECONDS", help="repeat until stopped")
        parser.add_argument("--dry-run", action="store_true", help="write nothing")
        parser.add_argument("--json", action="store_true", help="print a JSON list")

    def handle(self, *args: Any, every: float | None, **options: Any) -> None:
        if every is None:
            refused = self._run(**options)
            if refused:
                raise CommandError(f"{refused} refused")
            return
        while True:
            try:
                self._run(**options)
            except CommandError as error:
                self.stderr.write(str(error))
            close_old_connections()
            time.sleep(max(every, 0.1))

    def _run(self, **options: Any) -> int:
        """Register the containers once; the number of refused ones."""
        try:
            found = running_services(
                options["host"], options["certificates"], options["environment"], options["address"]
            )
            done = adopt.adopt(found, options["environment"], write=not options["dry_run"])
        except (IPManagerError, ValueError) as error:
            raise CommandError(str(error)) from error
        counts = Counter(one.outcome for one in done)
        self._report(done, counts, as_json=options["json"])
        return counts[adopt.REFUSED]

    def _report(self, done: Sequence[Adopted], counts: Counter[str], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(list(map(as_dict, done))))
            return
        for one in done:
            line = f"{one.outcome:8}{one.registration.service_id} {one.place} {one.reason}"
            self.stdout.write(line.rstrip().encode("ascii", "replace").decode())
        summary = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        self.stdout.write(summary or "no container is reachable")


def running_services(
    host: str, certificates: Path | None, environment: str, address: str | None
) -> list[Registration]:
    """The running containers as registrations. Raises ValueError for an address that is not valid,
    Invalid and DockerUnavailable."""
    machine = parse_address(address) if address else None
    running = engine.running_containers(host, certificates)
    return containers.registrations(running, environment, machine)


def as_dict(one: Adopted) -> dict[str, Any]:
    found = {
        "service_id": one.registration.service_id,
        "place": one.place,
        "outcome": one.outcome,
    }
    if one.reason:
        found["reason"] = one.reason
    return found
