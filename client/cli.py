"""The command line of `ipmanager`: COMMANDS lists the commands and their arguments."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import change_log, commands, event_stream, machine_commands
from .http import DEFAULT_URL, ApiError
from .ledger import Ledger
from .output import printable

DONE, REFUSED, USAGE, AWAY = 0, 1, 2, 3
ABOUT = f"""Ask and change the ledger of an IPManager.

IPMANAGER_URL is its URL (default: {DEFAULT_URL}). The token is in IPMANAGER_TOKEN,
or in the file that IPMANAGER_TOKEN_FILE names. `manage.py create_token` creates a token."""
STATUS = """exit status:
  0  done
  1  IPManager refused it, or nothing was found; the reason is on stderr
  2  the command line is wrong
  3  IPManager does not answer, or cannot at the moment; the same command may succeed later"""


@dataclass(frozen=True)
class Argument:
    """An argument as argparse's `add_argument` takes it."""

    names: tuple[str, ...]
    options: dict[str, Any]


def arg(*names: str, **options: Any) -> Argument:
    return Argument(names, options)


def name_and_value(text: str) -> tuple[str, str]:
    """Parse NAME=VALUE."""
    found = re.fullmatch(r"([a-z_]+)=(.*)", text, re.DOTALL)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return found[1], found[2]


@dataclass(frozen=True)
class Command:
    """A command. `one_of`: exactly one of these arguments is required."""

    name: str
    run: Callable[[Ledger, argparse.Namespace], int]
    about: str
    example: str
    arguments: tuple[Argument, ...] = ()
    one_of: tuple[Argument, ...] = ()


SUBNET = arg("subnet", metavar="SUBNET", help="a subnet's network, name or id")
POOL = arg("--pool", type=int, metavar="ID", help="only from this pool of the subnet")
NOT_BEFORE = arg("--not-before", metavar="ADDRESS", help="only this address and higher ones")
WITHIN = arg("--within", metavar="CIDR", help="only what is inside this network")
MAC = arg("--mac", dest="mac_address", metavar="MAC")
JSON = arg("--json", action="store_true", help="print the JSON of the API")

COMMANDS = (
    Command(
        "subnets",
        commands.subnets,
        "list subnets",
        "subnets --contains 10.112.57.20",
        (
            arg("text", nargs="?", help="part of the name, or an address in it"),
            WITHIN,
            arg("--contains", metavar="ADDRESS", help="only those around this address or network"),
            JSON,
        ),
    ),
    Command(
        "addresses",
        commands.addresses,
        "list address records",
        "addresses 10.0.0.0/24 --status reserved",
        (
            Argument(SUBNET.names, SUBNET.options | {"nargs": "?"}),
            WITHIN,
            arg("--status", choices=("available", "allocated", "reserved", "quarantine")),
            arg("--text", metavar="TEXT", help="part of a name, a MAC, a VM"),
            JSON,
        ),
    ),
    Command(
        "servers",
        commands.servers,
        "list servers",
        "servers web --within 10.0.0.0/8",
        (
            arg("text", nargs="?", help="part of the name, an address, a MAC"),
            WITHIN,
            JSON,
        ),
    ),
    Command(
        "add-server",
        commands.add_servers,
        "create a server, or many from a file",
        "add-server web --ip 10.0.0.5 --mac 02:00:00:00:00:0a --set location=Berlin",
        (
            arg("--ip", dest="ip_address", metavar="ADDRESS"),
            MAC,
            arg(
                "--set",
                type=name_and_value,
                action="append",
                default=[],
                metavar="NAME=VALUE",
                help="any further field",
            ),
            JSON,
        ),
        one_of=(
            arg("hostname", nargs="?", metavar="HOSTNAME"),
            arg("--file", help="a JSON list of servers, or one object on each line; - for stdin"),
        ),
    ),
    Command(
        "up",
        machine_commands.up,
        "make a machine in one call: server, address, boot image, service ports",
        "up ci-17 --mac 02:00:00:00:00:17 --subnet 10.0.0.0/24 --image debian-12 --port http "
        "--ttl 2h --wait",
        (
            arg("hostname", metavar="NAME"),
            MAC,
            arg("--subnet", metavar="SUBNET", help="a subnet's network, name or id"),
            arg("--pool", metavar="POOL", help="a pool's id or range: an address of this pool"),
            arg("--ip", dest="ip_address", metavar="ADDRESS", help="this address"),
            arg("--else-next", action="store_true", help="with --ip: the next one if it is held"),
            arg(
                "--interface",
                dest="interfaces",
                type=machine_commands.interface,
                action="append",
                default=[],
                metavar="NAME,MAC[,WHERE]",
                help="a further card, with an address or the next one of a subnet",
            ),
            arg("--image", metavar="IMAGE", help="a boot image's name"),
            arg("--once", dest="boot", action="store_const", const="once", help="(default)"),
            arg("--always", dest="boot", action="store_const", const="always"),
            arg(
                "--port",
                dest="services",
                type=machine_commands.port,
                action="append",
                default=[],
                metavar="NAME[:PORT][/udp]",
                help="a service; without PORT it gets a free one",
            ),
            arg(
                "--ttl",
                type=machine_commands.lifetime,
                metavar="TIME",
                help="take it back after 90s, 15m, 2h or 7d",
            ),
            arg(
                "--wait",
                nargs="?",
                const="live",
                choices=("told", "live"),
                help="until dnsmasq has confirmed it (told) or a probe or lease shows it (live)",
            ),
            arg("--timeout", type=float, default=8.0, metavar="SECONDS", help="of --wait"),
            arg(
                "--set",
                type=name_and_value,
                action="append",
                default=[],
                metavar="NAME=VALUE",
                help="any further field",
            ),
            JSON,
        ),
    ),
    Command(
        "down",
        machine_commands.down,
        "take machines back with everything that came with them",
        "down ci-17",
        (arg("hostname", nargs="+", metavar="NAME"), JSON),
    ),
    Command(
        "undo",
        commands.undo,
        "undo a change of the log, or show what that would do",
        "undo 5f0c2a1b --dry-run",
        (
            arg("change", metavar="CHANGE", help="the id of a change, or a line's name"),
            arg("--dry-run", action="store_true", help="show the plan only"),
            arg("--with-later", action="store_true", help="later changes that need it, too"),
            JSON,
        ),
    ),
    Command(
        "next",
        commands.next_free,
        "show the next free address, without allocating it",
        "next 10.0.0.0/24",
        (SUBNET, POOL, NOT_BEFORE, JSON),
    ),
    Command(
        "allocate",
        commands.allocate,
        "allocate the next free address, or a wanted one",
        "allocate 10.0.0.0/24 --vm-id srv-1 --wanted 10.0.0.30 --else-next",
        (
            SUBNET,
            arg(
                "--vm-id", metavar="ID", help="the holder; the same id gets the same address again"
            ),
            arg("--hostname", metavar="NAME"),
            MAC,
            arg("--wanted", metavar="ADDRESS", help="this address and no other"),
            arg(
                "--else-next",
                action="store_true",
                help="with --wanted: the next free address if the wanted one is taken",
            ),
            POOL,
            NOT_BEFORE,
            JSON,
        ),
    ),
    Command(
        "release",
        commands.release,
        "release addresses, all of them or none",
        "release 10.0.0.30 10.0.0.31",
        (
            arg("address", nargs="*", metavar="ADDRESS"),
            arg("--vm-id", metavar="ID", help="the address of this VM instead"),
            JSON,
        ),
    ),
    Command(
        "reserve",
        commands.reserve,
        "reserve a free address",
        'reserve 10.0.0.30 "for the new printer"',
        (
            arg("address", metavar="ADDRESS"),
            arg("description", nargs="?", default="", metavar="WHY"),
            JSON,
        ),
    ),
    Command(
        "find",
        commands.find,
        "search subnets, servers and addresses",
        "find 10.0.0.30",
        (
            arg("text", metavar="TEXT", help="an address, a network, a MAC, or part of a name"),
            JSON,
        ),
    ),
    Command(
        "log",
        change_log.log,
        "show who changed what, newest first",
        "log 10.0.0.30 --since 2026-11-01",
        (
            arg("about", nargs="?", help="an address, a network, a MAC or a host name"),
            arg("--text", dest="q", metavar="TEXT", help="a part of a text of the line"),
            arg("--who", metavar="NAME", help="a user, or a part of a token's or command's name"),
            arg("--source", choices=("web", "api", "command", "import", "worker", "agent", "sql")),
            arg("--since", metavar="TIME", help="from this date or time on"),
            arg("--until", metavar="TIME", help="before this date or time"),
            arg("--table", metavar="TABLE", help="as in ipam.ipaddress"),
            arg("--object", metavar="ID", help="with --table: the row with this id"),
            arg("--subnet", metavar="SUBNET", help="a subnet's network, name or id"),
            arg("--kind", choices=("created", "changed", "deleted")),
            arg("--change", metavar="ID", help="all lines of this change"),
            arg("--number", type=int, default=50, metavar="N", help="at most this many (50)"),
            JSON,
        ),
    ),
    Command(
        "events",
        event_stream.events,
        "show what has happened, and go on showing it",
        "events --follow --kind address --kind server.created",
        (
            arg(
                "--kind",
                action="append",
                default=[],
                metavar="KIND",
                help="as in address.released, or all of address; may be repeated",
            ),
            arg("--subnet", metavar="SUBNET", help="a subnet's network, name or id"),
            arg("--site", metavar="SITE"),
            arg("--limit", type=int, default=20, metavar="N", help="how many at first"),
            arg("--follow", action="store_true", help="and those that come, until Ctrl-C"),
            JSON,
        ),
    ),
    Command(
        "why",
        commands.why,
        "say whether DHCP serves a machine, or what an address is, and why",
        "why 02:00:00:00:00:0a",
        (arg("asked", metavar="ADDRESS|MAC|NAME"), JSON),
    ),
    Command(
        "who-had",
        commands.who_had,
        "say who had an address at a time, or all who had it",
        "who-had 10.1.2.3 --at 2026-11-29T14:00Z",
        (
            arg("ip", metavar="ADDRESS"),
            arg("--at", metavar="TIME", help="as in 2026-11-29T14:00Z, 2026-11-29 or 2h (ago)"),
            arg("--vrf", metavar="VRF", help="its key or its name (default: the global one)"),
            JSON,
        ),
    ),
    Command(
        "export",
        commands.export,
        "write a table",
        "export servers --output servers.xlsx",
        (
            arg("kind", choices=("subnets", "servers", "interfaces", "ip-addresses")),
            WITHIN,
            arg(
                "--output",
                default="-",
                metavar="FILE",
                help="a new file, .csv or .xlsx (default: CSV on stdout)",
            ),
        ),
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(Ledger(), options)
        sys.stdout.flush()
        return status
    except ApiError as error:
        print_error(error)
        return exit_status(error)
    except BrokenPipeError:  # as in `ipmanager servers | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (OSError, ValueError) as error:
        print(f"ipmanager: {error}", file=sys.stderr)
        return USAGE


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        "ipmanager",
        description=ABOUT,
        epilog=STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = top.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        added = subparsers.add_parser(
            command.name,
            help=command.about,
            description=command.about[0].upper() + command.about[1:] + ".",
            epilog=f"Example: ipmanager {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(run=command.run)
        if command.one_of:
            add_arguments(added.add_mutually_exclusive_group(required=True), command.one_of)
        add_arguments(added, command.arguments)
    return top


def add_arguments(parser: Any, arguments: Sequence[Argument]) -> None:
    for argument in arguments:
        parser.add_argument(*argument.names, **argument.options)


def print_error(error: ApiError) -> None:
    """Print what is wrong, the reasons by field, and what to do."""
    lines = [f"ipmanager: {error.message}"]
    for name, reasons in error.errors.items():
        for reason in reasons:
            lines.append(f"  {name}: {reason}")
    if error.hint:
        lines.append(f"  {error.hint}")
    if error.status == 401:
        lines.append("  set IPMANAGER_TOKEN or IPMANAGER_TOKEN_FILE")
    for line in lines:
        print(printable(line), file=sys.stderr)


def exit_status(error: ApiError) -> int:
    """AWAY when the same command may succeed later, else REFUSED."""
    may_succeed_later = (0, 429, *range(500, 600))
    return AWAY if error.status in may_succeed_later else REFUSED
