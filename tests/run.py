"""`make test`: the suite on SQLite and on a throw-away PostgreSQL server, as one queue of test
files over the workers of both.

    python -m tests.run [--whole] [--only sqlite|postgresql] [--workers N] [pytest's own arguments]
    python -m tests.run --record --only postgresql    record what is new

The whole suite runs on SQLite. On PostgreSQL run the tests that depend on the database
(tests/recorded/, written by `make record`); with `--whole`, as in `make test-all`, all that use
one, and the record is checked. Without PostgreSQL its part is left out, and the test that asks for
it says so.

Random examples follow one seed, printed at the end of a failed run; `--seed=NUMBER` repeats them.
Tests of real programs have deadlines, which a busy machine may miss: a few that failed are tried
once more when nothing else runs, and named."""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tests.support import one_queue, outcomes, postgres, recorded

NOTHING = 5  # pytest: no test was chosen
FEW = 20  # more than a busy machine can be blamed for
DATABASES = ("sqlite", "postgresql")
# Tests wait for programs and clocks about as long as they compute.
WORKERS = {"sqlite": 3, "postgresql": 2}


def main() -> int:
    options, pytest_arguments = parse()
    # TERM unwinds like Ctrl-C, so that the server and the temporary files go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    left_out = postgres.missing()
    databases = [options.only] if options.only else [*DATABASES[: 1 if left_out else 2]]
    with (
        postgres.server() if "postgresql" in databases else nullcontext("") as url,
        tempfile.TemporaryDirectory(prefix="ipmanager-run-") as shared,
    ):
        extend = options.record and options.only == "postgresql"
        second = "whole" if options.whole else "part"
        environment = environment_of(url, shared, second if extend or len(databases) > 1 else "")
        environment["IPMANAGER_TEST_RECORD"] = "1" if options.record or options.whole else ""
        status = Run(databases, environment, Path(shared), options).go(pytest_arguments)
        if extend:
            extend_record(Path(shared))
        elif options.record:
            write_record(Path(shared))
        elif options.whole and not left_out and not pytest_arguments:
            status = max(status, check_record(Path(shared)))
    if left_out and not options.only:
        print(f"\npostgresql: left out: {left_out}")
    return status


def parse() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=DATABASES, help="one database")
    parser.add_argument("--whole", action="store_true", help="both databases in whole")
    parser.add_argument("--record", action="store_true", help="write tests/recorded/ anew")
    parser.add_argument("--workers", type=int, help="processes for each database")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    return parser.parse_known_args()


def write_record(shared: Path) -> None:
    """Keep what each file costs, and which tests the second database needs."""
    from tests.support import recorder  # needs Django

    recorder.write(shared, seconds_of_tests(shared))
    one_queue.write_costs(read(shared, "first.seconds"))


def extend_record(shared: Path) -> None:
    """Of the tests that the second database has now, leave out those that it does not need."""
    from tests.support import recorder  # needs Django

    outcomes = read(shared, "first.json")
    failed = {name_of(test) for test in outcomes if outcomes[test] != "passed"}
    recorder.extend(shared, seconds_of_tests(shared), failed)
    one_queue.write_costs(read(shared, "first.seconds"))


def seconds_of_tests(shared: Path) -> dict[str, float]:
    """By the name of the test, without parameters."""
    seconds: dict[str, float] = defaultdict(float)
    for test, taken in read(shared, "first.seconds").items():
        seconds[name_of(test)] += taken
    return seconds


def name_of(test: str) -> str:
    """`tests/x.py::test_y`, of `tests/x.py::test_y[z] on sqlite`."""
    return "::".join(recorded.name_of(test.rpartition(" on ")[0]))


def read(shared: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((shared / name).read_text()))


def check_record(shared: Path) -> int:
    """Print the tests that tests/recorded/ leaves out wrongly; 1 if there are any."""
    from tests.support import recorder  # needs Django

    wrong = recorder.check(shared)
    for name, number in sorted(wrong.items()):
        print(f"left out, but alone in {number} statements on PostgreSQL: {name}")
    if wrong:
        print("`make record` writes tests/recorded/ anew.")
    return 1 if wrong else 0


def environment_of(url: str, shared: str, second: str) -> dict[str, str]:
    """The environment of every process of the run."""
    chosen = {
        "IPMANAGER_TEST_DATABASE_URL": url,
        "IPMANAGER_TEST_SHARED": shared,
        "IPMANAGER_TEST_SECOND": second,
    }
    environment = os.environ | chosen
    # Some five hundred processes import the same modules: compile them once.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


class Run:
    """One pytest over all workers, then one for each database with failures."""

    def __init__(
        self,
        databases: list[str],
        environment: dict[str, str],
        shared: Path,
        options: argparse.Namespace,
    ) -> None:
        self.databases, self.environment, self.shared = databases, environment, shared
        self.options = options
        self.outcomes: dict[str, str] = {}
        self.command = [
            *(sys.executable, "-m", "pytest", "-o", f"cache_dir={shared}/cache"),
            *("-p", "tests.support.outcomes", f"--hypothesis-seed={options.seed}"),
        ]
        os.environ["IPMANAGER_TEST_SEED"] = environment["IPMANAGER_TEST_SEED"] = str(options.seed)

    def go(self, pytest_arguments: list[str]) -> int:
        workers = [
            f"--tx=popen//id={database}-{number}//env:IPMANAGER_TEST_VENDOR={database}"
            for database in self.databases
            for number in range(self.workers_for(database, pytest_arguments))
        ]
        self.compile_once()
        status = self.pytest([*workers, "--dist=load", *pytest_arguments], "first")
        failed = self.with_outcome("failed")
        if 0 < len(failed) <= FEW and status == 1:
            status = self.second_try(failed)
        counts = Counter(self.outcomes.values())
        told = [f"{counts[what]} {what}" for what in ("passed", "failed", "skipped")]
        if counts["failed"]:
            print(f"\nrandom examples: --seed={self.options.seed}")
        print("\n" + "\n".join(outcomes.table(self.outcomes, self.databases)))
        print(f"\n{', '.join(told)} ({' + '.join(self.databases)})")
        if status == NOTHING and counts["passed"]:
            return 0
        return status

    def compile_once(self) -> None:
        """In a new clone, one process compiles the tests for all workers, who would each do it."""
        if not any(Path(__file__).parent.glob("__pycache__/conftest.*-pytest-*.pyc")):
            collect = [*self.command, "--collect-only", "-q", "-n0"]
            report = {"IPMANAGER_TEST_OUTCOMES": str(self.shared / "none.json")}
            environment = self.environment | report
            with ending(collect, environment, stdout=subprocess.DEVNULL) as process:
                process.wait()

    def workers_for(self, database: str, pytest_arguments: list[str]) -> int:
        """One for each database when the caller names files: starting more takes longer."""
        if self.options.workers:
            return int(self.options.workers)
        named = [word for word in pytest_arguments if Path(word.split("::")[0]).exists()]
        return 1 if named else WORKERS[database]

    def pytest(self, arguments: list[str], name: str, **more: str) -> int:
        report = self.shared / f"{name}.json"
        environment = self.environment | {"IPMANAGER_TEST_OUTCOMES": str(report)} | more
        with ending([*self.command, *arguments], environment) as process:
            status = process.wait()
        found = json.loads(report.read_text()) if report.exists() else {}
        self.outcomes.update(found)
        if status not in (0, 1, NOTHING):
            self.outcomes["pytest itself"] = "failed"  # interrupted, or no report
        return status

    def with_outcome(self, wanted: str) -> list[str]:
        return [test for test, outcome in self.outcomes.items() if outcome == wanted]

    def second_try(self, failed: list[str]) -> int:
        """Run these once more, one database after the other; pytest's exit status."""
        for database in self.databases:
            mine = [test for test in failed if test.endswith(f" on {database}")]
            if mine:
                print(f"\n{database}: the {len(mine)} that failed, once more:", flush=True)
                names = [test.removesuffix(f" on {database}") for test in mine]
                self.pytest(["-v", "-n0", *names], database, IPMANAGER_TEST_VENDOR=database)
        return 1 if self.with_outcome("failed") else 0


@contextmanager
def ending(
    command: list[str], environment: dict[str, str], stdout: int | None = None
) -> Iterator[subprocess.Popen]:
    """A process that ends, with its workers, however this one does."""
    process = subprocess.Popen(
        command, env=environment, stdout=stdout, preexec_fn=postgres.end_with_parent
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
