"""Look after the services of this host."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.management.base import CommandError, CommandParser

from client import Client
from core import commands
from core.errors import IPManagerError
from core.stopping import call_on_signals
from registry import agent

ACTIONS = "/etc/ipmanager-agent/actions.toml"


class Command(commands.Command):
    help = f"""Send heartbeats for the services of this host that listen, and run restarts that are wanted, until TERM.

Only commands of this host's own list are run ({ACTIONS}, written by root alone):

    [actions.restart-billing]
    argv = ["systemctl", "restart", "billing"]
    timeout = 60      # seconds
    limit = 3         # times within ...
    period = 600      # ... so many seconds

The registry is where IPMANAGER_URL says, the token in IPMANAGER_TOKEN or IPMANAGER_TOKEN_FILE: one with the scope
registry that is bound to these services. Nothing else of IPManager's settings or database is used.

Example: IPMANAGER_URL=https://ipam.example.org manage.py registry_agent --service billing --service shop"""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--service", action="append", required=True, metavar="ID", help="a service of this host"
        )
        parser.add_argument("--environment", default="", help="default: the registry's own")
        parser.add_argument(
            "--url", default="", help="where the registry is (default: IPMANAGER_URL)"
        )
        parser.add_argument(
            "--actions", type=Path, default=Path(ACTIONS), help=f"default: {ACTIONS}"
        )
        parser.add_argument(
            "--name", default="", help="how it calls itself (default: the host's name)"
        )

    def handle(self, **options: object) -> None:
        file = options["actions"]
        assert isinstance(file, Path)
        try:
            actions = agent.read_actions(file) if file.exists() or str(file) != ACTIONS else {}
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        looking_after = agent.Agent(
            client(str(options["url"]), str(options["environment"])),
            options["service"],  # type: ignore[arg-type]
            actions,
            str(options["name"]),
        )
        call_on_signals(looking_after.stop)
        looking_after.run()


def client(url: str, environment: str) -> Client:
    chosen = {"url": url, "environment": environment or os.environ.get("IPMANAGER_ENVIRONMENT", "")}
    return Client(**{name: value for name, value in chosen.items() if value})  # type: ignore[arg-type]
