"""Which tests need not run on the second database: what they send to it, others send as well.

`tests/recorded/left_out.json` names them by file. A test that it does not name, a new one, runs on
both databases. `make record` writes it anew; `make test-all` checks it (recorder.py)."""

import functools
import json
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "recorded/left_out.json"


def is_left_out(item: pytest.Item) -> bool:
    file, name = name_of(item.nodeid)
    return name in left_out().get(file, ())


def name_of(nodeid: str) -> tuple[str, str]:
    """The file of a test and its name without parameters: those stay together."""
    file, _, name = nodeid.partition("::")
    return file, name.partition("[")[0]


@functools.cache
def left_out() -> dict[str, list[str]]:
    return json.loads(FILE.read_text()) if FILE.exists() else {}
