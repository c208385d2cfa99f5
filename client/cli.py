"""`ipmanager …`: the ledger from a shell."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .http import DEFAULT_URL, ApiError
from .ledger import Address, Ledger, Row, Server, Subnet

DONE, REFUSED, USAGE, AWAY = 0, 1, 2, 3
ABOUT = f"""Ask and change the ledger of an IPManager.

IPMANAGER_URL says where it is (default: {DEFAULT_URL}); IPMANAGER_TOKEN, or the file that IPMANAGER_TOKEN_FILE
names, who asks. `manage.py create_token` makes a token."""
STATUS = """exit status:
  0  done
  1  IPManager refused it, or nothing was found; the reason stands on stderr
  2  the command line is wrong
  3  IPManager does not answer or is not able to; the same command may succeed later"""
COLUMNS: dict[type[Row], tuple[str, ...]] = {
    Subnet: ("network", "name", "gateway", "vlan_id", "site", "description"),
    Address: ("ip_address", "status", "ip_type", "hostname", "mac_address", "holder"),
    Server: ("hostname", "ip_address", "mac_address", "location", "device_type", "description"),
}
MARKS = {True: "+", False: "-", None: " "}
KINDS = ("subnets", "servers", "interfaces", "ip-addresses")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; its exit status."""
    options = parser().parse_args(arguments)
    try:
        found: int | None = options.run(Ledger(), options)
        sys.stdout.flush()
        return found or DONE
    except ApiError as error:
        complain(error)
        return AWAY if error.status == 0 or error.status >= 500 or error.status == 429 else REFUSED
    except BrokenPipeError:  # as in `ipmanager servers | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (OSError, ValueError) as error:
        print(f"ipmanager: {error}", file=sys.stderr)
        return USAGE


def complain(error: ApiError) -> None:
    """What is wrong, which fields are to blame, and what to do about it."""
    print(printable(f"ipmanager: {error.message}"), file=sys.stderr)
    for name, reasons in error.errors.items():
        for reason in reasons:
            print(printable(f"  {name}: {reason}"), file=sys.stderr)
    if error.hint:
        print(printable(f"  {error.hint}"), file=sys.stderr)
    if error.status == 401:
        print("  set IPMANAGER_TOKEN or IPMANAGER_TOKEN_FILE", file=sys.stderr)


# --- commands -------------------------------------------------------------------------------------


def subnets(ledger: Ledger, options: argparse.Namespace) -> int:
    return show(
        ledger.subnets(within=options.within, contains=options.contains, q=options.text),
        Subnet,
        options,
    )


def addresses(ledger: Ledger, options: argparse.Namespace) -> int:
    subnet = ledger.subnet(options.subnet).id if options.subnet else None
    found = ledger.addresses(
        subnet=subnet, within=options.within, status=options.status, q=options.text
    )
    return show(found, Address, options)


def servers(ledger: Ledger, options: argparse.Namespace) -> int:
    return show(ledger.servers(within=options.within, q=options.text), Server, options)


def add_servers(ledger: Ledger, options: argparse.Namespace) -> None:
    if options.file:
        ids = ledger.add_servers(rows_of(options.file))
        say(options, {"count": len(ids), "ids": ids}, f"{len(ids)} servers")
        return
    facts = dict(options.set) | {
        name: getattr(options, name)
        for name in ("ip_address", "mac_address")
        if getattr(options, name)
    }
    server = ledger.add_server(options.hostname, **facts)
    say(options, server.facts, f"{server.hostname} {server.ip_address or ''}".rstrip())


def next_free(ledger: Ledger, options: argparse.Namespace) -> int:
    found = ledger.next_free(options.subnet, pool=options.pool, not_before=options.not_before)
    if found is None:
        raise ApiError(
            404,
            f"{options.subnet} has no free address",
            "widen a static pool or release an address",
        )
    say(options, {"ip_address": found}, found)
    return DONE


def allocate(ledger: Ledger, options: argparse.Namespace) -> None:
    names = ("vm_id", "hostname", "mac_address", "wanted", "else_next", "not_before", "pool")
    asked = {name: value for name in names if (value := getattr(options, name))}
    address = ledger.allocate(options.subnet, **asked)
    say(options, address.facts, address.ip_address)


def release(ledger: Ledger, options: argparse.Namespace) -> None:
    if options.vm_id:
        found = list(ledger.addresses(vm_id=options.vm_id))
        if not found:
            raise ApiError(404, f"no address is held by the VM {options.vm_id}")
    else:
        found = [ledger.address(ip) for ip in options.address]
    if not found:
        raise ValueError("name an address or --vm-id")
    ledger.set_status(found, "available")
    say(
        options,
        {"released": [row.ip_address for row in found]},
        "\n".join(row.ip_address for row in found),
    )


def reserve(ledger: Ledger, options: argparse.Namespace) -> None:
    address = ledger.reserve(options.address, options.description)
    say(options, address.facts, address.ip_address)


def find(ledger: Ledger, options: argparse.Namespace) -> int:
    found = ledger.search(options.text)
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
    any_found = False
    kinds: tuple[tuple[str, type[Row]], ...] = (
        ("subnets", Subnet),
        ("servers", Server),
        ("ip_addresses", Address),
    )
    for name, kind in kinds:
        rows = [kind.of(facts) for facts in found.get(name, {}).get("results", [])]
        any_found = any_found or bool(rows)
        if rows and not options.json:
            print(name.replace("_", " ") + (" (there are more)" if found[name]["more"] else ""))
            table(rows, COLUMNS[kind], indent="  ")
    return nothing(f"nothing is like {options.text}") if not any_found else DONE


def why(ledger: Ledger, options: argparse.Namespace) -> None:
    found = ledger.why(options.mac)
    lines = [
        f"{MARKS[step['good']]} {step['question']} {step['answer']}" for step in found["steps"]
    ]
    say(options, found, "\n".join([*lines, f"= {found['verdict']}"]))


def export(ledger: Ledger, options: argparse.Namespace) -> None:
    form = "xlsx" if options.output.endswith(".xlsx") else "csv"
    with ledger.export(options.kind, form, within=options.within) as answer:
        if options.output == "-":
            shutil.copyfileobj(answer, sys.stdout.buffer)
            return
        with open(options.output, "xb") as file:
            shutil.copyfileobj(answer, file)


# --- showing --------------------------------------------------------------------------------------


def show(rows: Iterable[Row], kind: type[Row], options: argparse.Namespace) -> int:
    """A table, or one JSON list."""
    if options.json:
        print(json.dumps([row.facts for row in rows], ensure_ascii=False))
        return DONE
    return DONE if table(rows, COLUMNS[kind]) else nothing("nothing was found")


def say(options: argparse.Namespace, facts: Any, text: str) -> None:
    print(
        json.dumps(facts, ensure_ascii=False)
        if options.json
        else "\n".join(map(printable, text.split("\n")))
    )


def nothing(reason: str) -> int:
    print(f"ipmanager: {reason}", file=sys.stderr)
    return REFUSED


def table(rows: Iterable[Row], columns: Sequence[str], indent: str = "") -> int:
    """Aligned for people; for a pipe, cells parted by tabs, row by row as they come. How many there
    were."""
    cells = ([cell(getattr(row, name)) for name in columns] for row in rows)
    if not sys.stdout.isatty():
        count = 0
        for count, texts in enumerate(cells, 1):  # noqa: B007
            print(indent + "\t".join(texts))
        return count
    found = list(cells)
    if found:
        shown = [[name.replace("_", " ").upper() for name in columns], *found]
        widths = [max(map(len, texts)) for texts in zip(*shown, strict=True)]
        for texts in shown:
            print((indent + "  ".join(map(str.ljust, texts, widths))).rstrip())
    return len(found)


def cell(value: object) -> str:
    return printable("" if value is None else str(value))


def printable(text: str) -> str:
    """Without the control characters by which somebody's text could play tricks on a terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def rows_of(name: str) -> Iterator[dict[str, Any]]:
    """The objects of a JSON list, or one on each line. Raises ValueError."""
    with sys.stdin if name == "-" else open(name, encoding="utf-8") as file:
        text = file.read()
    try:
        found = (
            json.loads(text)
            if text.lstrip().startswith("[")
            else [json.loads(line) for line in text.splitlines()]
        )
    except ValueError as error:
        raise ValueError(f"{name} is no JSON: {error}") from error
    return iter(found)


# --- the command line -----------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        "ipmanager",
        description=ABOUT,
        epilog=STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    it = command(commands, "subnets", subnets, "list subnets", "subnets --contains 10.112.57.20")
    it.add_argument("text", nargs="?", help="part of the name, or an address in it")
    it.add_argument("--within", metavar="CIDR", help="those inside this network")
    it.add_argument("--contains", metavar="ADDRESS", help="those around this address or network")

    it = command(
        commands,
        "addresses",
        addresses,
        "list address records",
        "addresses 10.0.0.0/24 --status reserved",
    )
    it.add_argument("subnet", nargs="?", metavar="SUBNET", help=SUBNET)
    it.add_argument("--within", metavar="CIDR", help="those inside this network")
    it.add_argument("--status", choices=("available", "allocated", "reserved", "quarantine"))
    it.add_argument("--text", metavar="TEXT", help="part of a name, a MAC, a VM")

    it = command(commands, "servers", servers, "list servers", "servers web --within 10.0.0.0/8")
    it.add_argument("text", nargs="?", help="part of the name, an address, a MAC")
    it.add_argument("--within", metavar="CIDR", help="those whose address lies in this network")

    it = command(
        commands,
        "add-server",
        add_servers,
        "make a server, or many from a file",
        "add-server web --ip 10.0.0.5 --mac 02:00:00:00:00:0a --set location=Berlin",
    )
    what = it.add_mutually_exclusive_group(required=True)
    what.add_argument("hostname", nargs="?", metavar="HOSTNAME")
    what.add_argument(
        "--file", help="a JSON list of servers, or one object on each line; - for standard input"
    )
    it.add_argument("--ip", dest="ip_address", metavar="ADDRESS")
    it.add_argument("--mac", dest="mac_address", metavar="MAC")
    it.add_argument(
        "--set",
        type=pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any further field",
    )

    it = command(
        commands,
        "next",
        next_free,
        "show the next free address; it is not taken",
        "next 10.0.0.0/24",
    )
    it.add_argument("subnet", metavar="SUBNET", help=SUBNET)
    where(it)

    it = command(
        commands,
        "allocate",
        allocate,
        "take the next free address, or a wanted one",
        "allocate 10.0.0.0/24 --vm-id srv-1 --wanted 10.0.0.30 --else-next",
    )
    it.add_argument("subnet", metavar="SUBNET", help=SUBNET)
    it.add_argument(
        "--vm-id", metavar="ID", help="who takes it; the same one gets the same address again"
    )
    it.add_argument("--hostname", metavar="NAME")
    it.add_argument("--mac", dest="mac_address", metavar="MAC")
    it.add_argument("--wanted", metavar="ADDRESS", help="this address and no other")
    it.add_argument(
        "--else-next",
        action="store_true",
        help="with --wanted: or the next free one, where it is held",
    )
    where(it)

    it = command(
        commands,
        "release",
        release,
        "make addresses free again, all of them or none",
        "release 10.0.0.30 10.0.0.31",
    )
    it.add_argument("address", nargs="*", metavar="ADDRESS")
    it.add_argument("--vm-id", metavar="ID", help="the address of this VM instead")

    it = command(
        commands,
        "reserve",
        reserve,
        "keep a free address",
        'reserve 10.0.0.30 "for the new printer"',
    )
    it.add_argument("address", metavar="ADDRESS")
    it.add_argument("description", nargs="?", default="", metavar="WHY")

    it = command(commands, "find", find, "search subnets, servers and addresses", "find 10.0.0.30")
    it.add_argument(
        "text", metavar="TEXT", help="an address, a network, a MAC, or a part of a name"
    )

    it = command(
        commands, "why", why, "which address a card gets, and why", "why 02:00:00:00:00:0a"
    )
    it.add_argument("mac", metavar="MAC")

    it = command(
        commands,
        "export",
        export,
        "write a table",
        "export servers --output servers.xlsx",
        as_json=False,
    )
    it.add_argument("kind", choices=KINDS)
    it.add_argument("--within", metavar="CIDR", help="what lies inside this network")
    it.add_argument(
        "--output",
        default="-",
        metavar="FILE",
        help="a new file, .csv or .xlsx (default: CSV on stdout)",
    )
    return top


SUBNET = "a subnet's network, name or id"


def command(
    commands: Any,
    name: str,
    run: Callable[..., int | None],
    about: str,
    example: str,
    *,
    as_json: bool = True,
) -> argparse.ArgumentParser:
    it: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"Example: ipmanager {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.set_defaults(run=run, json=False)
    if as_json:
        it.add_argument("--json", action="store_true", help="print JSON, as the API says it")
    return it


def where(it: argparse.ArgumentParser) -> None:
    it.add_argument("--pool", type=int, metavar="ID", help="only from this pool of the subnet")
    it.add_argument("--not-before", metavar="ADDRESS", help="only this address and higher ones")


def pair(text: str) -> tuple[str, str]:
    if not (found := re.fullmatch(r"([a-z_]+)=(.*)", text, re.DOTALL)):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return found[1], found[2]
