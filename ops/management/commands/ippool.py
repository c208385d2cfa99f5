"""Serve only the address pool for virtual machines, as the program `ippool` did, but durable."""

import argparse
import ipaddress
import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import CommandError, CommandParser, call_command
from django.db import connections

from core import commands, env
from core.errors import IPManagerError
from ippool import pool
from ops import prepare as installation


class Command(commands.Command):
    help = """Serve /api/v1/ip/... and nothing else, without tokens: anyone who reaches the port can
take addresses.

Listens on 127.0.0.1; with --bind 0.0.0.0 other machines can connect. Allocations are kept in
DATABASE_URL, or in the data directory.

Example: manage.py ippool --network 192.168.1 --gateway 192.168.1.1 --port 9000"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-p", "--port", type=port, default=8080, help="port to listen on (default: 8080)"
        )
        parser.add_argument(
            "-n",
            "--network",
            type=network,
            default=network("172.16.0"),
            help="the pool: a CIDR, or a prefix such as 172.16.0 for its /24 (default: 172.16.0)",
        )
        parser.add_argument(
            "-g",
            "--gateway",
            type=gateway,
            help="never allocated (default: the network's first address)",
        )
        parser.add_argument(
            "-d", "--debug", action="store_true", help="log every request, as RUST_LOG=debug does"
        )
        parser.add_argument(
            "--bind",
            default="127.0.0.1",
            metavar="ADDRESS",
            help="address to listen on (default: 127.0.0.1)",
        )

    def handle(self, **options: Any) -> None:
        chosen = environment(**options)
        prepare(options["network"], ipaddress.ip_address(chosen["IPMANAGER_POOL_GATEWAY"]))
        url = f"http://{chosen['IPMANAGER_BIND']}/api/v1/ip/"
        self.stdout.write(f"Pool {options['network']} at {url}")
        self.stdout.flush()
        connections.close_all()
        gunicorn = [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            "python:ipmanager.gunicorn_config",
        ]
        os.chdir(settings.BASE_DIR)
        os.execve(sys.executable, gunicorn, os.environ | chosen)


def environment(
    network: env.Network,
    gateway: env.Address | None,
    port: int,
    bind: str,
    debug: bool,
    **others: Any,
) -> dict[str, str]:
    """The settings of the web server. Raises CommandError if the gateway is not in the network."""
    gateway = gateway or env.first_host(network)
    if gateway not in network:
        raise CommandError(f"--gateway: {gateway} is not in {network}")
    chosen = {
        "DJANGO_SETTINGS_MODULE": "ipmanager.ippool_site.settings",
        "IPMANAGER_BIND": f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}",
        "IPMANAGER_POOL_NETWORK": str(network),
        "IPMANAGER_POOL_GATEWAY": str(gateway),
        "IPMANAGER_POOL_API": "open",
    }
    if debug:
        chosen["RUST_LOG"] = "debug"
    return chosen


def prepare(network: env.Network, gateway: env.Address) -> None:
    """Create tables and pool, so that errors are reported before the first request."""
    try:
        installation.create_private_database()
        call_command("migrate", interactive=False, verbosity=0)
        pool.ensure(network, gateway)
    except IPManagerError as error:
        raise CommandError(str(error)) from error


def network(text: str) -> env.Network:
    """A network in CIDR form, or the first three numbers of a /24."""
    is_prefix = text.count(".") == 2 and "/" not in text
    try:
        return ipaddress.ip_network(f"{text}.0/24" if is_prefix else text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error} (write 172.16.0 or 172.16.0.0/24)") from error


def gateway(text: str) -> env.Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (1 to 65535)")
    return int(text)
