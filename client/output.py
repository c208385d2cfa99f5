"""Print results: JSON for programs, a table or lines of text for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from .ledger import Address, LedgerObject, Server, Subnet

COLUMNS: dict[type[LedgerObject], tuple[str, ...]] = {
    Subnet: ("network", "name", "gateway", "vlan_id", "site", "description"),
    Address: ("ip_address", "status", "ip_type", "hostname", "mac_address", "holder"),
    Server: ("hostname", "ip_address", "mac_address", "location", "device_type", "description"),
}


def print_json(value: Any) -> None:
    """Print one JSON document in a line."""
    print(json.dumps(value, ensure_ascii=False))


def print_text(text: str) -> None:
    """Print lines of text, without control characters."""
    for line in text.split("\n"):
        print(printable(line))


def print_table(rows: Iterable[LedgerObject], columns: Sequence[str], indent: str = "") -> int:
    """Print the rows and return their number: aligned with headings on a terminal; for a pipe, as
    they come and separated by tabs."""
    if sys.stdout.isatty():
        return _print_aligned([_cells(row, columns) for row in rows], columns, indent)
    count = 0
    for row in rows:
        print(indent + "\t".join(_cells(row, columns)))
        count += 1
    return count


def _print_aligned(cells: list[list[str]], columns: Sequence[str], indent: str) -> int:
    if not cells:
        return 0
    shown = [[name.replace("_", " ").upper() for name in columns], *cells]
    widths = [max(map(len, texts)) for texts in zip(*shown, strict=True)]
    for texts in shown:
        print((indent + "  ".join(map(str.ljust, texts, widths))).rstrip())
    return len(cells)


def _cells(row: LedgerObject, columns: Sequence[str]) -> list[str]:
    """The values of a row as printable texts; None is empty."""
    texts = []
    for name in columns:
        value = getattr(row, name)
        texts.append(printable("" if value is None else str(value)))
    return texts


def printable(text: str) -> str:
    """Replace control characters, which can manipulate a terminal."""
    return "".join(map(_printable_letter, text))


def _printable_letter(letter: str) -> str:
    return letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
