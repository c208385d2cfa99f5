"""`make test`: the whole suite on SQLite and on a throw-away PostgreSQL server, both at the same
time.

Tests that ask no database, or are marked `once`, run in the first pass only.

    python -m tests.run [--only sqlite|postgresql] [pytest's own arguments]

The second pass is shown when the first has ended. Without PostgreSQL it is left out, and the test
that asks for it says so in the first pass. Tests of real programs have deadlines, which a busy
machine may miss: a few that failed are tried once more when nothing else runs, and named."""

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

FAILED, NOTHING = 1, 5  # pytest: some tests failed; no test was chosen
FEW = 20  # more than a busy machine can be blamed for


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options, pytest_arguments = parser.parse_known_args()
    # TERM unwinds like Ctrl-C, so that the server and the temporary files go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    left_out = postgres.missing()
    passes = (
        [options.only] if options.only else ["sqlite"] if left_out else ["sqlite", "postgresql"]
    )
    total: Counter[str] = Counter()
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                running_pass(database, pytest_arguments, first=database == passes[0])
            )
            for database in passes
        ]
        statuses = [one.result(total) for one in running]
        worst = max(
            one.second_try(total) if status == FAILED else status
            for one, status in zip(running, statuses, strict=True)
        )
    if left_out and not options.only:
        print(f"\npostgresql: left out: {left_out}")
    counts = [f"{total[what]} {what}" for what in ("passed", "failed", "skipped")]
    print(f"\n{', '.join(counts)} ({' + '.join(passes)})")
    return worst or (0 if total["passed"] else NOTHING)


@dataclass
class Pass:
    """One run of pytest under way; the first shows what it does, a later one keeps it until it is
    asked."""

    database: str
    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen
    scratch: Path
    output: IO[bytes] | None
    failed: int = 0

    def result(self, total: Counter[str]) -> int:
        """Wait for the end; pytest's exit status. Its counts go into total."""
        print(f"\n{self.database}:", flush=True)
        status = self.process.wait()
        if self.output:
            self.output.seek(0)
            sys.stdout.buffer.write(self.output.read())
            sys.stdout.flush()
        failed_before = total["failed"]
        count(self.scratch / "report.xml", total)
        self.failed = total["failed"] - failed_before
        if status == NOTHING:
            return 0  # a matter of the other pass
        if status and not self.failed:
            total["failed"] += 1  # pytest itself failed: no report, no tests, interrupted
        return status

    def second_try(self, total: Counter[str]) -> int:
        """What failed, once more; pytest's exit status."""
        if not 0 < self.failed <= FEW:
            return FAILED
        print(f"\n{self.database}: the {self.failed} that failed, once more:", flush=True)
        again = [*self.command, f"--junit-xml={self.scratch}/again.xml", "--last-failed", "-v"]
        status = subprocess.call([*again, "--last-failed-no-failures=none"], env=self.environment)
        tried: Counter[str] = Counter()
        count(self.scratch / "again.xml", tried)
        total["failed"] -= tried["passed"]
        total["passed"] += tried["passed"]
        return status


@contextmanager
def running_pass(database: str, arguments: list[str], *, first: bool) -> Iterator[Pass]:
    """Start pytest on this database; whatever ends the block ends it."""
    with (
        postgres.server() if database == "postgresql" else nullcontext("") as url,
        tempfile.TemporaryDirectory(prefix="ipmanager-report-") as scratch,
        tempfile.TemporaryFile() as output,
    ):
        hidden = None if first else output
        command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={scratch}/cache", *arguments]
        second = "" if first else "1"
        environment = os.environ | {
            "IPMANAGER_TEST_DATABASE_URL": url,
            "IPMANAGER_TEST_SECOND_PASS": second,
        }
        report = f"--junit-xml={scratch}/report.xml"
        process = subprocess.Popen(
            [*command, report], env=environment, stdout=hidden, stderr=hidden
        )
        try:
            yield Pass(database, command, environment, process, Path(scratch), hidden)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait()


def count(report: Path, total: Counter[str]) -> None:
    """Add the figures of a JUnit report; a run that died has none."""
    if not report.exists():
        return
    for suite in ElementTree.parse(report).getroot():
        number = {
            name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")
        }
        total["failed"] += number["failures"] + number["errors"]
        total["skipped"] += number["skipped"]
        total["passed"] += (
            number["tests"] - number["failures"] - number["errors"] - number["skipped"]
        )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
