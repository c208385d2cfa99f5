"""Run the helper that asks by DHCP, and read what it says. It is a child of this process, with
nothing of its environment, so that it can be given CAP_NET_RAW by the unit."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from ipam import addresses

HELPER = Path(__file__).with_name("helper.py")
PATIENCE = 15.0  # seconds: the helper waits for answers for 6


@dataclass(frozen=True, slots=True)
class Offer:
    """What a DHCP server has offered."""

    server: IPv4Address
    mac: str | None
    ip: IPv4Address
    router: IPv4Address | None
    prefix: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back on one interface; with an `error`, nothing was asked."""

    interface: str
    mac: str
    own: tuple[IPv4Address, ...]
    error: str
    offers: tuple[Offer, ...]


class HelperFailed(OSError):
    """The helper cannot be run, or says what cannot be read."""


def ask(interfaces: Sequence[str]) -> list[Answer]:
    """Ask on these interfaces. Raises HelperFailed."""
    text = _run(interfaces)
    try:
        return [_answer(json.loads(line)) for line in text.splitlines()]
    except (ValueError, KeyError, TypeError) as error:
        raise HelperFailed(None, f"the helper's answer cannot be read: {error}") from error


def _run(interfaces: Sequence[str]) -> str:
    command = [sys.executable, "-I", "-S", str(HELPER), *interfaces]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=True, env=_NO_SECRETS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise HelperFailed(None, f"the helper does not run: {error}") from error
    return done.stdout


_NO_SECRETS = {"PATH": os.defpath}


def _answer(said: dict[str, Any]) -> Answer:
    offers = tuple(map(_offer, said["offers"]))
    own = tuple(map(IPv4Address, said["own"]))
    return Answer(said["interface"], said["mac"], own, said["error"], offers)


def _offer(said: dict[str, Any]) -> Offer:
    router = said["router"] and IPv4Address(said["router"])
    return Offer(
        IPv4Address(said["server"]),
        _mac(said["mac"]),
        ipaddress.IPv4Address(said["ip"]),
        router or None,
        said["prefix"],
    )


def _mac(text: str) -> str | None:
    try:
        return addresses.parse_mac(text)
    except ValueError:
        return None
