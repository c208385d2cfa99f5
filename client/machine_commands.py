"""`ipmanager up` and `ipmanager down`: a machine in one call, and back."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any

from .ledger import Ledger, Machine
from .output import print_json, print_text, printable

DONE, NOT_YET = 0, 3
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LIFETIME = r"(?P<number>0*[1-9][0-9]{0,8})(?P<unit>[smhd])?"
PORT = r"(?P<name>[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?(?:/(?P<protocol>tcp|udp))?"
INTERFACE = (
    r"(?P<name>[^,]+),(?P<mac_address>[^,]+)"
    r"(?:,(?:(?P<ip_address>[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)|(?P<subnet>.*)))?"
)
# What shows that the network has a machine as it was waited for: a live one has been told, too.
EVIDENCE = {"told": ("told_after_ms", "live_after_ms"), "live": ("live_after_ms",)}
GIVEN = (
    "mac_address",
    "subnet",
    "pool",
    "ip_address",
    "else_next",
    "interfaces",
    "image",
    "boot",
    "services",
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
    if not level or not machine.dhcp:
        return DONE
    if any(machine.dhcp[name] is not None for name in EVIDENCE[level]):
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
    found = _parsed(LIFETIME, text, "a time as in 90s, 15m, 2h or 7d")
    return int(found["number"]) * SECONDS[found.get("unit", "s")]


def port(text: str) -> dict[str, Any]:
    """Parse NAME, NAME:PORT or NAME:PORT/udp."""
    service: dict[str, Any] = _parsed(PORT, text, "NAME, NAME:PORT or NAME:PORT/udp")
    if "port" in service:
        service["port"] = int(service["port"])
    return service


def interface(text: str) -> dict[str, Any]:
    """Parse NAME,MAC or NAME,MAC,ADDRESS or NAME,MAC,SUBNET."""
    return _parsed(INTERFACE, text, "NAME,MAC[,ADDRESS or SUBNET]")


def _parsed(pattern: str, text: str, form: str) -> dict[str, str]:
    """The groups of the pattern that the text has. Raises ArgumentTypeError."""
    found = re.fullmatch(pattern, text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not {form}")
    return {name: value for name, value in found.groupdict().items() if value}
