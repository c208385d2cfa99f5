"""`make bench-dhcp`: from a committed change to the DHCP client that has what it says.

    python -m tests.bench.dhcp [--only postgresql|sqlite] [--hosts 1000,10000] [--edits 200]
                               [--pause 0.25]
                           [--leases 10000]

A real dnsmasq, the real worker, a process that commits as the web does, and a client that asks
again and again. For each database and number of hosts: milliseconds from the commit to the ACK,
where they went, and a histogram."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tests.support import postgres, require
from tests.support.lab import Laboratory, laboratory
from tests.support.site import ROOT

RANGE = "10.77.0.0,static,255.255.0.0,1h"
NEEDED = ("root", "namespaces", "dnsmasq")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["postgresql", "sqlite"])
    parser.add_argument("--hosts", default="1000,10000")
    options, rest = parser.parse_known_args()
    if reasons := list(filter(None, map(require.missing, NEEDED))):
        print(f"cannot measure: {'; '.join(reasons)}", file=sys.stderr)
        return 1
    databases = [options.only] if options.only else ["postgresql", "sqlite"]
    return max(
        run(database, hosts, rest) for database in databases for hosts in options.hosts.split(",")
    )


def run(database: str, hosts: str, arguments: list[str]) -> int:
    """Measure once, on a database and a dnsmasq of its own."""
    if database == "postgresql" and (reason := postgres.missing()):
        print(f"postgresql: left out, {reason}")
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="ipmanager-bench-") as scratch,
        postgres.server(postgres.DURABLE) if database == "postgresql" else nullcontext("") as url,
        laboratory([RANGE], address="10.77.0.1/16") as lab,
    ):
        environment = surroundings(scratch, url or f"sqlite:///{scratch}/bench.sqlite3", lab)
        inside = ["ip", "netns", "exec", lab.server, sys.executable]
        subprocess.run(
            [*inside, "manage.py", "migrate", "--verbosity=0"],
            cwd=ROOT,
            env=environment,
            check=True,
        )
        with worker(inside, environment, Path(scratch) / "worker.log"):
            command = [*inside, "-m", "tests.bench.commit_to_ack", lab.clients, hosts, *arguments]
            return subprocess.run(command, cwd=ROOT, env=environment).returncode


def surroundings(scratch: str, url: str, lab: Laboratory) -> dict[str, str]:
    """What every process of this installation is told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IPMANAGER_")}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
        "DATABASE_URL": url,
        "IPMANAGER_DATA_DIR": scratch,
        "IPMANAGER_DNSMASQ_DIR": str(lab.files),
        "IPMANAGER_DNSMASQ_RELOAD": lab.reload_setting,
        "IPMANAGER_DNSMASQ_DNS": "10.77.0.1:53",
        "IPMANAGER_DNSMASQ_LEASES": str(lab.leases),
    }


@contextmanager
def worker(inside: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    """The site's worker; its complaints are printed in the end."""
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            [*inside, "manage.py", "worker"], cwd=ROOT, env=environment, stderr=stream
        ) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)
            complaints = [line for line in log.read_text().splitlines() if " INFO " not in line]
            print("\n".join(complaints[-20:]))


if __name__ == "__main__":
    sys.exit(main())
