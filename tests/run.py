"""`make test`: the whole suite on SQLite, then again on a throw-away PostgreSQL server.

    python -m tests.run [--only sqlite|postgresql] [pytest's own arguments]

Without PostgreSQL the second pass is left out, and the test that asks for it says so in the first pass.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from xml.etree import ElementTree

from tests.support import postgres


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options, pytest_arguments = parser.parse_known_args()
    # TERM unwinds like Ctrl-C, so that the server and the temporary files go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    left_out = postgres.missing()
    passes = [options.only] if options.only else ["sqlite"] if left_out else ["sqlite", "postgresql"]
    total: Counter[str] = Counter()
    worst = 0
    for database in passes:
        print(f"\n{database}:", flush=True)
        status = run_pass(database, pytest_arguments, total)
        worst = max(worst, status)
    if left_out and not options.only:
        print(f"\npostgresql: left out: {left_out}")
    counts = [f"{total[what]} {what}" for what in ("passed", "failed", "skipped")]
    print(f"\n{', '.join(counts)} ({' + '.join(passes)})")
    return worst


def run_pass(database: str, arguments: list[str], total: Counter[str]) -> int:
    """Run pytest once; its exit status. Its counts go into total."""
    with (
        postgres.server() if database == "postgresql" else nullcontext("") as url,
        tempfile.TemporaryDirectory(prefix="ipmanager-report-") as scratch,
    ):
        report = Path(scratch) / "report.xml"
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", f"--junit-xml={report}", *arguments],
            env=os.environ | {"IPMANAGER_TEST_DATABASE_URL": url},
        )
        try:
            status = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        failed_before = total["failed"]
        count(report, total)
        if status and total["failed"] == failed_before:
            total["failed"] += 1  # pytest itself failed: no report, no tests, interrupted
        return status


def count(report: Path, total: Counter[str]) -> None:
    """Add the figures of a JUnit report; a run that died has none."""
    if not report.exists():
        return
    for suite in ElementTree.parse(report).getroot():
        number = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
        total["failed"] += number["failures"] + number["errors"]
        total["skipped"] += number["skipped"]
        total["passed"] += number["tests"] - number["failures"] - number["errors"] - number["skipped"]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
