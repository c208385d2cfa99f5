"""`ipmanager up` and `ipmanager down`: a machine in one call, and back."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any

from .ledger import Ledger, Machine
from .output import print_json, print_text, printable

DONE, NOT_YET = 0, 3
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
GIVEN = (
    "mac_address",
    "subnet",
    "pool",
    "ip_address",
    "else_next",
    "image",
    "boot",
    "ttl",
    "wait",
    "timeout",
)


def up(ledger: Ledger, options: argparse.Namespace) -> int:
    """Make a machine. With --wait the status says whether it was seen in time."""
    asked: dict[str, Any] = dict(options.set)
    for name in GIVEN:
        if value := getattr(options, name):
            asked[name] = value
    if options.port:
        asked["services"] = options.port
    if options.interface:
        asked["interfaces"] = options.interface
    machine = ledger.up(options.hostname, **asked)
    if options.json:
        print_json(machine.facts)
    else:
        print_text("\n".join(_lines(machine)))
    return _status(machine, options.wait)


def _lines(machine: Machine) -> list[str]:
    """The machine with its address, and a line for each port."""
    lines = [f"{' '.join(machine.names)} {machine.ip_address}"]
    for service in machine.services or ():
        lines.append(f"{service['name']} {service['port']}/{service['protocol']}")
    if machine.expires_at:
        lines.append(f"expires {machine.expires_at}")
    if machine.dhcp:
        lines.append(_seen(machine.dhcp))
    return lines


def _seen(dhcp: dict[str, Any]) -> str:
    for state in ("live", "told"):
        after = dhcp[f"{state}_after_ms"]
        if after is not None:
            return f"{state} after {after} ms"
    return f"{dhcp['state'].replace('_', ' ')}: {dhcp['reason']}"


def _status(machine: Machine, level: str | None) -> int:
    """NOT_YET when what was waited for was not seen: the same command may see it later."""
    if not level or not machine.dhcp or machine.dhcp[f"{level}_after_ms"] is not None:
        return DONE
    if level == "told" and machine.dhcp["live_after_ms"] is not None:
        return DONE
    reason = printable(machine.dhcp["reason"])
    print(f"ipmanager: made, but not seen as {level}: {reason}", file=sys.stderr)
    return NOT_YET


def down(ledger: Ledger, options: argparse.Namespace) -> int:
    """Take machines back, one after the other."""
    removed = []
    for hostname in options.hostname:
        ledger.down(hostname)
        removed.append(hostname)
        if not options.json:
            print_text(hostname)
    if options.json:
        print_json({"removed": removed})
    return DONE


def lifetime(text: str) -> int:
    """Parse 90, 90s, 15m, 2h or 7d as seconds."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    if not found or not int(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time as in 90s, 15m, 2h or 7d")
    return int(found[1]) * SECONDS[found[2]]


def port(text: str) -> dict[str, Any]:
    """Parse NAME, NAME:PORT or NAME:PORT/udp."""
    found = re.fullmatch(r"([A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(?:/(tcp|udp))?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME, NAME:PORT or NAME:PORT/udp")
    service: dict[str, Any] = {"name": found[1]}
    if found[2]:
        service["port"] = int(found[2])
    if found[3]:
        service["protocol"] = found[3]
    return service


def interface(text: str) -> dict[str, Any]:
    """Parse NAME,MAC or NAME,MAC,ADDRESS or NAME,MAC,SUBNET."""
    name, _comma, rest = text.partition(",")
    mac, _comma, where = rest.partition(",")
    if not name or not mac:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME,MAC[,ADDRESS or SUBNET]")
    card = {"name": name, "mac_address": mac}
    is_address = re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", where)
    if where:
        card["ip_address" if is_address else "subnet"] = where
    return card
