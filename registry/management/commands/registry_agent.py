"""Send heartbeats for the services of this host, and run requested restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from client import Client
from core import commands
from core.errors import IPManagerError
from core.stopping import call_on_signals
from registry import agent

ACTIONS = "/etc/ipmanager-agent/actions.toml"


class Command(commands.Command):
    help = f"""Send heartbeats for the services of this host that listen, and run requested
restarts, until TERM.

Only commands of this host's own list are run ({ACTIONS}, writable by root only):

    [actions.restart-billing]
    argv = ["systemctl", "restart", "billing"]
    timeout = 60      # seconds
    limit = 3         # times within ...
    period = 600      # ... so many seconds

IPMANAGER_URL is the URL of the registry, IPMANAGER_TOKEN or IPMANAGER_TOKEN_FILE the token, with
the scope registry and bound to these services. No other setting and no database is used.

Example: IPMANAGER_URL=https://ipam.example.org \\
    manage.py registry_agent --service billing --service shop"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--service", action="append", required=True, metavar="ID", help="a service of this host"
        )
        parser.add_argument("--environment", default="", help="default: the registry's own")
        parser.add_argument(
            "--url", default="", help="URL of the registry (default: IPMANAGER_URL)"
        )
        parser.add_argument(
            "--actions", type=Path, default=Path(ACTIONS), help=f"default: {ACTIONS}"
        )
        parser.add_argument(
            "--name", default="", help="name of this agent (default: the host name)"
        )

    def handle(self, **options: object) -> None:
        file = options["actions"]
        assert isinstance(file, Path)
        try:
            actions = agent.read_actions(file) if file.exists() or str(file) != ACTIONS else {}
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        running = agent.Agent(
            client(str(options["url"]), str(options["environment"])),
            options["service"],  # type: ignore[arg-type]
            actions,
            str(options["name"]),
        )
        call_on_signals(running.stop)
        running.run()


def client(url: str, environment: str) -> Client:
    """The client; an empty option takes its value from the environment variables."""
    options: dict[str, Any] = {}
    if url:
        options["url"] = url
    if environment:
        options["environment"] = environment
    return Client(**options)
