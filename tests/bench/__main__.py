"""`make bench`: measure on a throw-away PostgreSQL with durable settings, then on SQLite.

    python -m tests.bench [--only postgresql|sqlite] [--part ledger] [--rows 100000] [--subnets 500]
                          [--servers 10000] [--rounds 10000] [--json]
    python -m tests.bench [--only postgresql|sqlite] --part api [--rows 10000 100000]
                          [--clients 1 16] [--rounds 5] [--seconds 1] [--cases allocate,get]
    python -m tests.bench [--only postgresql|sqlite] --part log [--lines 10000000] [--runs 30]

All parts unless one is named. The ledger's figures are milliseconds: the median of many runs, and
the fastest and slowest of them. The API's are requests a second beside those of the barest views
(tests/bench/api.py)."""

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext

from tests.support import postgres


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["postgresql", "sqlite"])
    parser.add_argument("--part", choices=PARTS)
    options, rest = parser.parse_known_args()
    databases = [options.only] if options.only else ["postgresql", "sqlite"]
    parts = [options.part] if options.part else list(PARTS)
    return max(
        run(database, PARTS[part], rest if options.part else [])
        for part in parts
        for database in databases
    )


PARTS = {
    "ledger": "tests.bench.measure",
    "api": "tests.bench.api",
    "log": "tests.bench.log",
}


def run(database: str, module: str, arguments: list[str]) -> int:
    """Measure on one database, in a process of its own."""
    if database == "postgresql" and (reason := postgres.missing()):
        print(f"postgresql: left out, {reason}")
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="ipmanager-bench-") as scratch,
        postgres.server(postgres.DURABLE) if database == "postgresql" else nullcontext("") as url,
    ):
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("IPMANAGER_")
        }
        environment = kept | {
            "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
            "DATABASE_URL": url or f"sqlite:///{scratch}/bench.sqlite3",
            "IPMANAGER_DATA_DIR": scratch,
            "IPMANAGER_DHCP_SYNC": "worker",
            "IPMANAGER_POOL_NETWORK": "10.64.0.0/12",
            "IPMANAGER_API_RATE": "0",
        }
        return subprocess.run(
            [sys.executable, "-m", module, *arguments], env=environment
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
