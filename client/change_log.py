"""`ipmanager log`: the lines of the log, newest first."""

from __future__ import annotations

import argparse
import json
import sys
from itertools import islice
from typing import Any

from .ledger import Ledger
from .output import print_text

FILTERS = (
    "about",
    "q",
    "who",
    "source",
    "since",
    "until",
    "table",
    "object",
    "subnet",
    "kind",
    "change",
)
DONE, NOTHING_FOUND = 0, 1


def log(ledger: Ledger, options: argparse.Namespace) -> int:
    """Print the newest lines that meet the filters, as they come."""
    asked = vars(options)
    filters = {name: asked[name] for name in FILTERS if asked.get(name)}
    if options.subnet:
        filters["subnet"] = ledger.subnet(options.subnet).id
    size = min(options.number, 1000)
    count = 0
    for line in islice(ledger.rows("changes", page_size=size, **filters), options.number):
        count += 1
        if options.json:
            print(json.dumps(line, ensure_ascii=False))
        else:
            print_text(line_text(line))
    if count:
        return DONE
    print("ipmanager: no line was found", file=sys.stderr)
    return NOTHING_FOUND


def line_text(line: dict[str, Any]) -> str:
    """One line: when, who, what was done with which row, and what is different."""
    differences = "; ".join(map(_difference, line["difference"]))
    who = line["who"] or "-"
    head = f"{line['at']}  {who}  {line['kind']} {line['table']} {line['title']}"
    if differences:
        head = f"{head}  {differences}"
    return head.replace("\n", " ")


def _difference(one: dict[str, str]) -> str:
    if not one["before"]:
        return f"{one['label']}: {one['after']}"
    return f"{one['label']}: {one['before']} → {one['after']}"
