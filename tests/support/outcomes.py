"""A pytest plugin that writes what became of every test: `{"tests/x.py::test_y on sqlite":
"passed"}`, into the file that IPMANAGER_TEST_OUTCOMES names."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

RANK = ("passed", "skipped", "failed")
_outcomes: dict[str, str] = {}
_seconds: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The worst of setup, call and teardown counts. A test that fails as expected has passed."""
    node = getattr(report, "node", None)
    vendor = node.gateway.spec.env["IPMANAGER_TEST_VENDOR"] if node else None
    vendor = vendor or os.environ.get("IPMANAGER_TEST_VENDOR", "sqlite")
    name = f"{report.nodeid} on {vendor}"
    before = _outcomes.get(name, "passed")
    _outcomes[name] = max(before, report.outcome, key=RANK.index)
    _seconds[name] = _seconds.get(name, 0) + report.duration


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """The process that the caller started writes; the workers report to it."""
    if not hasattr(session.config, "workerinput"):
        target = Path(os.environ["IPMANAGER_TEST_OUTCOMES"])
        target.write_text(json.dumps(_outcomes))
        target.with_suffix(".seconds").write_text(json.dumps(_seconds))


def table(outcomes: Mapping[str, str], databases: Sequence[str]) -> Iterator[str]:
    """Which parts ran on which database: how many tests passed, and how many did not."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for name, outcome in outcomes.items():
        test, _, database = name.rpartition(" on ")
        counts[_part(test), database, outcome] += 1
    parts = sorted({part for part, database, _outcome in counts if database in databases})
    width = max(map(len, [*parts, "tests passed"]))
    yield "  ".join([f"{'tests passed':<{width}}", *(f"{name:>24}" for name in databases)])
    for part in parts:
        cells = [_cell(counts, part, database) for database in databases]
        yield "  ".join([f"{part:<{width}}", *(f"{cell:>24}" for cell in cells)]).rstrip()


def _part(test: str) -> str:
    """The folder below tests/, or the file at its top."""
    path = Path(test.partition("::")[0])
    return path.parts[1] if len(path.parts) > 1 else str(path)


def _cell(counts: Mapping[tuple[str, str, str], int], part: str, database: str) -> str:
    passed, skipped, failed = (counts[part, database, outcome] for outcome in RANK)
    more = [f"{failed} failed"] * bool(failed) + [f"{skipped} skipped"] * bool(skipped)
    if not more:
        return str(passed or "-")
    return f"{passed} ({', '.join(more)})"
