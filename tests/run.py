"""`make test`: the whole suite on SQLite and on a throw-away PostgreSQL server, both at the same time.

    python -m tests.run [--only sqlite|postgresql] [pytest's own arguments]

The second pass is shown when the first has ended. Without PostgreSQL it is left out, and the test that asks for it
says so in the first pass.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO
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
    with ExitStack() as stack:
        running = [
            stack.enter_context(running_pass(database, pytest_arguments, shown=database == passes[0]))
            for database in passes
        ]
        worst = max([one.result(total) for one in running])
    if left_out and not options.only:
        print(f"\npostgresql: left out: {left_out}")
    counts = [f"{total[what]} {what}" for what in ("passed", "failed", "skipped")]
    print(f"\n{', '.join(counts)} ({' + '.join(passes)})")
    return worst


@dataclass
class Pass:
    """One run of pytest under way; the first shows what it does, a later one keeps it until it is asked."""

    database: str
    process: subprocess.Popen
    report: Path
    output: IO[bytes] | None

    def result(self, total: Counter[str]) -> int:
        """Wait for the end; pytest's exit status. Its counts go into total."""
        print(f"\n{self.database}:", flush=True)
        status = self.process.wait()
        if self.output:
            self.output.seek(0)
            sys.stdout.buffer.write(self.output.read())
            sys.stdout.flush()
        failed_before = total["failed"]
        count(self.report, total)
        if status and total["failed"] == failed_before:
            total["failed"] += 1  # pytest itself failed: no report, no tests, interrupted
        return status


@contextmanager
def running_pass(database: str, arguments: list[str], *, shown: bool) -> Iterator[Pass]:
    """Start pytest on this database; whatever ends the block ends it."""
    with (
        postgres.server() if database == "postgresql" else nullcontext("") as url,
        tempfile.TemporaryDirectory(prefix="ipmanager-report-") as scratch,
        tempfile.TemporaryFile() as output,
    ):
        report, hidden = Path(scratch) / "report.xml", None if shown else output
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", f"--junit-xml={report}", *arguments],
            env=os.environ | {"IPMANAGER_TEST_DATABASE_URL": url}, stdout=hidden, stderr=hidden,
        )  # fmt: skip
        try:
            yield Pass(database, process, report, hidden)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait()


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
