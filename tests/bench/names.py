"""`python -m tests.bench.names`: from a committed change to the name server that says so.

    python -m tests.bench.names [--names 1000,10000] [--edits 200] [--pause 0.25]

A real dnsmasq on a loopback port and an SQLite database of its own. Servers are made, renamed,
moved and deleted; a thread asks for the name and for the address again and again. What the request
itself leaves to the worker is synced here as the worker does it. Printed are milliseconds from the
commit to the first moment at which both answers are right."""

import argparse
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

GIVE_UP = 30.0
DOMAIN = "corp.example"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--names", default="1000")
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.25)
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return measure(options.inside, options.edits, options.pause)
    return max(run(number, options) for number in options.names.split(","))


def run(number, options):
    """In a process of its own, on an empty database."""
    with tempfile.TemporaryDirectory(prefix="ipmanager-bench-") as home:
        surroundings = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
            "DATABASE_URL": f"sqlite:///{home}/bench.sqlite3",
            "IPMANAGER_DATA_DIR": home,
            "BENCH_HOME": home,
        }
        arguments = ["--inside", number, f"--edits={options.edits}", f"--pause={options.pause}"]
        command = [sys.executable, "-m", "tests.bench.names", *arguments]
        return subprocess.run(command, env=surroundings).returncode


def measure(number, edits, pause):
    import django

    django.setup()
    logging.disable(logging.INFO)
    from django.conf import settings
    from django.core.management import call_command

    from ipam.models import Server, Subnet
    from names.models import Zone
    from tests.support.named import name_server

    call_command("migrate", verbosity=0)
    Zone.objects.create(name=DOMAIN)
    Subnet.objects.create(network="10.0.0.0/8", domain=DOMAIN)
    Server.objects.bulk_create([server(place) for place in range(number)])
    with name_server(settings, Path(os.environ["BENCH_HOME"])) as ask:
        found = [one_edit(ask, step, pause) for step in range(edits)]
    found.sort()
    print(
        f"{number} names, {edits} edits: p50 {statistics.median(found):.0f} ms, "
        f"p99 {found[int(len(found) * 0.99) - 1]:.0f} ms, longest {found[-1]:.0f} ms"
    )
    return 0


def server(place, shift=1000):
    from ipam.models import Server

    ip = f"10.{place >> 16 & 255}.{place >> 8 & 255}.{place & 255}"
    if place < 256:
        ip = f"10.200.{place}.9"
    mac = f"02:00:{place >> 24 & 255:02x}:{place >> 16 & 255:02x}:{place >> 8 & 255:02x}"
    return Server(hostname=f"m{place}", ip_address=ip, mac_address=f"{mac}:{place & 255:02x}")


def one_edit(ask, step, pause):
    """Milliseconds until one change is answered, both ways."""
    from django.db import transaction

    from dhcp.files.sync import sync
    from dhcp.models import DhcpChange
    from ipam.models import Server

    time.sleep(pause * random.uniform(0.5, 1.5))
    row, name, ip, gone = change(step)
    watch = Watch(ask, name, ip, gone)
    with transaction.atomic():
        transaction.on_commit(watch.begin)
        row.delete() if step % 4 == 3 else row.save()
    while watch.thread.is_alive():
        if DhcpChange.objects.exists():
            sync(paced=True)
        time.sleep(0.01)
    assert watch.ms is not None, f"{name} {ip} did not come through"
    assert Server.objects.exists()
    return watch.ms


def change(step):
    """The row, the name and the address to ask for, and whether they are to be gone: made,
    renamed, moved and deleted in turn."""
    from ipam.models import Server

    place, kind = 2_000_000 + step // 4, step % 4
    if kind == 0:
        row = server(place)
    else:
        row = Server.objects.get(hostname=f"m{place}" if kind == 1 else f"r{place}")
    if kind == 1:
        row.hostname = f"r{place}"
    if kind == 2:
        row.ip_address = f"10.250.{step // 250 % 250}.{step % 250 + 1}"
    return row, f"{row.hostname}.{DOMAIN}", str(row.ip_address), kind == 3


class Watch:
    """Asks from the commit on until both answers are right."""

    def __init__(self, ask, name, ip, gone):
        self.ask, self.name, self.ip = ask, name, ip
        self.right = (["NXDOMAIN"], ["NXDOMAIN"]) if gone else ([ip], [name])
        self.ms = None
        self.thread = threading.Thread(target=self.work)

    def begin(self):
        self.started = time.monotonic()
        self.thread.start()

    def work(self):
        while time.monotonic() < self.started + GIVE_UP:
            if (self.ask(self.name), self.ask.ptr(self.ip)) == self.right:
                self.ms = (time.monotonic() - self.started) * 1000
                return
            time.sleep(0.001)


if __name__ == "__main__":
    sys.exit(main())
