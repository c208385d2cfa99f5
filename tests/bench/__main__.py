"""`make bench`: measure on a throw-away PostgreSQL with durable settings, then on SQLite.

    python -m tests.bench [--only postgresql|sqlite] [--rows 100000] [--subnets 500] [--servers 10000]
                          [--rounds 10000] [--json]

Every figure is in milliseconds: the median of many runs, and the fastest and slowest of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext

from tests.support import postgres


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["postgresql", "sqlite"])
    options, rest = parser.parse_known_args()
    databases = [options.only] if options.only else ["postgresql", "sqlite"]
    return max(run(database, rest) for database in databases)


def run(database: str, arguments: list[str]) -> int:
    """Measure on one database, in a process of its own."""
    if database == "postgresql" and (reason := postgres.missing()):
        print(f"postgresql: left out, {reason}")
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="ipmanager-bench-") as scratch,
        postgres.server(postgres.DURABLE) if database == "postgresql" else nullcontext("") as url,
    ):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IPMANAGER_")}
        environment = kept | {
            "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
            "DATABASE_URL": url or f"sqlite:///{scratch}/bench.sqlite3",
            "IPMANAGER_DATA_DIR": scratch,
            "IPMANAGER_DHCP_SYNC": "worker",
        }
        return subprocess.run([sys.executable, "-m", "tests.bench.measure", *arguments], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
