"""A pytest plugin that writes what became of every test: `{"tests/x.py::test_y on sqlite":
"passed"}`, into the file that IPMANAGER_TEST_OUTCOMES names."""

import json
import os
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
