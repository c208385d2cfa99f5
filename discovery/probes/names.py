"""Reverse names, by the resolver of this host."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import repeat

from ipam.addresses import Address

MOST = 200  # addresses at once; the others are looked up in a later round
BUDGET = 3.0  # seconds
_AT_ONCE = 8


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="names")


def look_up(addresses: Sequence[Address]) -> dict[Address, str]:
    """The names that the resolver knows within BUDGET seconds. What is late is left out."""
    if not addresses:
        return {}
    asked = addresses[:MOST]
    futures = list(map(_threads().submit, repeat(_name), asked))
    _done, late = wait(futures, timeout=BUDGET)
    for future in late:
        future.cancel()
    found = {}
    for address, future in zip(asked, futures, strict=True):
        if future not in late and future.result():
            found[address] = future.result()
    return found


def _name(address: Address) -> str:
    try:
        name, _port = socket.getnameinfo((str(address), 0), socket.NI_NAMEREQD)
    except (OSError, UnicodeError):
        return ""
    return name.rstrip(".").lower()
