"""Record what every test sends to the second database, and choose the tests that must run there.

Two tests that send the same statements to PostgreSQL, with the same refusals, exercise the same of
what depends on the database. A statement counts by its shape: values, digits and lists of columns
do not matter. `make test` runs as many tests on the second database as it takes for every shape
that the suite knows; `make test-all` runs all, records again, and fails if a test that is left out
reached a shape that no other reaches.

Always chosen are tests of other processes, whose statements nobody records here. Never counted are
tests of random examples: they reach other statements with another seed."""

from __future__ import annotations

import functools
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from core.database import libpq
from tests.support import recorded, shared

OTHER_PROCESSES = {"shared_database", "empty_database", "migrated_database", "site_database"}
_LITERAL = re.compile(r"'(?:[^']|'')*'|%\(\w+\)s|%s|\d+")
_LIST = re.compile(r"\?(?:, \?)+")
_ROWS = re.compile(r"\(\?\)(?:, \(\?\))+")
_COLUMNS = re.compile(r'(?:"[\w?]+"\."\w+"(?: AS "[\w?]+")?, )+"[\w?]+"\."\w+"(?: AS "[\w?]+")?')
_SAVEPOINT = re.compile(r'"\w*?_?x?\?"')


class Recorder:
    """A pytest plugin of one worker."""

    def __init__(self, worker: str) -> None:
        self.file = shared.directory() / f"reached-{worker}.json"
        self.reached: dict[str, set[int]] = defaultdict(set)
        self.always: set[str] = set()
        self.random: set[str] = set()
        self.now: set[int] = set()
        for place, name in (
            (CursorWrapper, "execute"),
            (CursorWrapper, "executemany"),
            (libpq, "execute"),
        ):
            setattr(place, name, self.recording(getattr(place, name)))

    def recording(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def recorded_call(there: Any, sql: Any, *values: Any) -> Any:
            refusal = ""
            try:
                return call(there, sql, *values)
            except DatabaseError as error:
                refusal = refusal_of(error)
                raise
            finally:
                self.now.add(zlib.crc32(f"{shape(str(sql))} {refusal}".encode()))

        return recorded_call

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        name = "::".join(recorded.name_of(item.nodeid))
        self.now = self.reached[name]
        if item.get_closest_marker("each") or item.get_closest_marker("on"):
            self.always.add(name)
        if OTHER_PROCESSES & set(getattr(item, "fixturenames", ())):
            self.always.add(name)
        if getattr(getattr(item, "function", None), "is_hypothesis_test", False):
            self.random.add(name)
        return (yield)

    def pytest_sessionfinish(self) -> None:
        found = {
            "reached": {name: sorted(shapes) for name, shapes in self.reached.items()},
            "always": sorted(self.always),
            "random": sorted(self.random),
        }
        self.file.write_text(json.dumps(found))


@functools.lru_cache(maxsize=20_000)
def shape(sql: str) -> str:
    """A statement without its values, and with one word for any list of columns."""
    text = _LITERAL.sub("?", " ".join(sql.split()))
    text = _ROWS.sub("(?)", _LIST.sub("?", text))
    if text.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
        return _SAVEPOINT.sub("?", text).split(" ")[0]
    return _COLUMNS.sub("columns", text)


def refusal_of(error: DatabaseError) -> str:
    """PostgreSQL's code and the constraint that refused, if one did."""
    cause = error.__cause__
    diagnosis = getattr(cause, "diag", None)
    return f"{getattr(cause, 'sqlstate', '')} {getattr(diagnosis, 'constraint_name', '')}"


class Record:
    """What all workers of a run have written down."""

    def __init__(self, directory: Path) -> None:
        self.reached: dict[str, set[int]] = defaultdict(set)
        self.always: set[str] = set()
        self.random: set[str] = set()
        for file in directory.glob("reached-*.json"):
            found = json.loads(file.read_text())
            for name, shapes in found["reached"].items():
                self.reached[name] |= set(shapes)
            self.always |= set(found["always"])
            self.random |= set(found["random"])

    def unrecorded(self, left_out: Iterable[str]) -> dict[str, int]:
        """Tests that are left out although they reach shapes that no chosen one reaches: how
        many."""
        apart = set(left_out)
        covered: set[int] = set()
        for name, shapes in self.reached.items():
            if name not in apart:
                covered |= shapes
        alone = {name: len(self.reached[name] - covered) for name in apart - self.random}
        return {name: number for name, number in alone.items() if number}

    def choose(self, seconds: dict[str, float]) -> list[str]:
        """The tests that may be left out: all but the cheapest that reach everything."""
        chosen = set(self.always)
        certain = {name: self.reached[name] for name in self.reached.keys() - self.random}
        covered = set().union(*(self.reached[name] for name in chosen))
        missing = set().union(*certain.values()) - covered
        candidates = certain.keys() - chosen
        while missing:
            best = max(
                sorted(candidates),
                key=lambda name: len(self.reached[name] & missing) / (0.02 + seconds.get(name, 0)),
            )
            chosen.add(best)
            candidates -= {best}
            missing -= self.reached[best]
        return sorted(set(self.reached) - chosen)


def write(directory: Path, seconds: dict[str, float]) -> None:
    """Write `tests/recorded/` anew from this run."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for name in Record(directory).choose(seconds):
        file, _, test = name.partition("::")
        by_file[file].append(test)
    recorded.FILE.write_text(json.dumps(by_file, indent=0, sort_keys=True) + "\n")


def extend(directory: Path, seconds: dict[str, float], failed: set[str]) -> None:
    """Leave out more, from a run without those that are left out already: what they reach, the
    others reach, and those that stay now reach as much. Who failed may have reached less."""
    by_file = defaultdict(set, {file: set(tests) for file, tests in recorded.left_out().items()})
    for name in set(Record(directory).choose(seconds)) - failed:
        file, _, test = name.partition("::")
        by_file[file].add(test)
    found = {file: sorted(tests) for file, tests in by_file.items()}
    recorded.FILE.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n")


def check(directory: Path) -> dict[str, int]:
    """What this run proves wrong about `tests/recorded/`; empty when nothing."""
    names = [f"{file}::{test}" for file, tests in recorded.left_out().items() for test in tests]
    record = Record(directory)
    return record.unrecorded(name for name in names if name in record.reached)
