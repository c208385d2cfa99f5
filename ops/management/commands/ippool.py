"""Serve just the address pool for virtual machines: what the program `ippool` did, but durable."""

import argparse
import ipaddress
import os
import sys

from django.conf import settings
from django.core.management import CommandError, CommandParser, call_command
from django.db import connections

from core import commands, env
from core.errors import IPManagerError
from ippool import pool
from ops import prepare as installation


class Command(commands.Command):
    help = """Serve /api/v1/ip/… and nothing else, without tokens: whoever reaches the port may take addresses.

It listens on 127.0.0.1; --bind 0.0.0.0 lets other machines in. Allocations are kept in DATABASE_URL, or in the data
directory.

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
            help="the pool: a prefix as in 172.16.0, which means its /24, or any CIDR (default: 172.16.0)",
        )
        parser.add_argument(
            "-g",
            "--gateway",
            type=gateway,
            help="never handed out (default: the network's first address)",
        )
        parser.add_argument("-d", "--debug", action="store_true", help="log every request")
        parser.add_argument(
            "--bind",
            default="127.0.0.1",
            metavar="ADDRESS",
            help="address to listen on (default: 127.0.0.1)",
        )

    def handle(self, **options: object) -> None:
        chosen = environment(**options)  # type: ignore[arg-type]
        prepare(options["network"], ipaddress.ip_address(chosen["IPMANAGER_POOL_GATEWAY"]))  # type: ignore[arg-type]
        self.stdout.write(
            f"Pool {options['network']} at http://{chosen['IPMANAGER_BIND']}/api/v1/ip/",
            ending="\n",
        )
        self.stdout.flush()
        connections.close_all()
        logged = ["--access-logfile", "-", "--log-level", "debug"] if options["debug"] else []
        gunicorn = [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            "python:ipmanager.gunicorn_config",
            *logged,
        ]
        os.chdir(settings.BASE_DIR)
        os.execve(sys.executable, gunicorn, os.environ | chosen)


def environment(
    network: env.Network, gateway: env.Address | None, port: int, bind: str, **others: object
) -> dict[str, str]:
    """What the web server's processes are told. Raises CommandError when the gateway is not in the
    network."""
    gateway = gateway or env.first_host(network)
    if gateway not in network:
        raise CommandError(f"--gateway: {gateway} does not lie in {network}")
    return {
        "DJANGO_SETTINGS_MODULE": "ipmanager.ippool_settings",
        "IPMANAGER_BIND": f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}",
        "IPMANAGER_POOL_NETWORK": str(network),
        "IPMANAGER_POOL_GATEWAY": str(gateway),
        "IPMANAGER_POOL_API": "open",
    }


def prepare(network: env.Network, gateway: env.Address) -> None:
    """Tables and the pool, so that what is wrong is told before anybody is served."""
    try:
        installation.create_private_database()
        call_command("migrate", interactive=False, verbosity=0)
        pool.ensure(network, gateway)
    except IPManagerError as error:
        raise CommandError(str(error)) from error


def network(text: str) -> env.Network:
    """A network, or the first three numbers of a /24."""
    try:
        return ipaddress.ip_network(
            f"{text}.0/24" if text.count(".") == 2 and "/" not in text else text
        )
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
