"""The measurement of `make bench-dhcp`: random edits, each timed from its commit to the client's
ACK.

Runs in dnsmasq's network, on an empty database; a worker runs beside it.
"""

import argparse
import ipaddress
import itertools
import logging
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import django

django.setup()
logging.disable(logging.INFO)

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from dhcp.files.sync import INLINE_HOSTS, sync  # noqa: E402
from dhcp.leases import lease_file  # noqa: E402
from dhcp.leases.ingest import ingest  # noqa: E402
from ipam.models import Server, Subnet  # noqa: E402
from tests.support.lab import SERVER, Answer, Client  # noqa: E402

GIVE_UP = 30.0  # seconds after which a change has not come through
BETWEEN_TRIES = 0.002
SILENCE = 0.03
NETWORK = ipaddress.ip_network("10.77.0.0/16")
STEPS = (10, 25, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 5000, 30000)
# Milliseconds: hosts -> (p50, p99) that the product owes.
DEMANDS: dict[int, tuple[float, float]] = {1000: (150, 1000), 10_000: (600, 1500)}


@dataclass
class Edit:
    """One change, and how a client tells that it is served."""

    kind: str
    change: Callable[[], object]
    is_served: Callable[[], bool]


@dataclass
class Times:
    """Milliseconds of each edit, by part."""

    parts: dict[str, list[float]] = field(
        default_factory=lambda: {"commit to ACK": [], "save": [], "sync": [], "dnsmasq": []}
    )

    def add(self, **parts: float) -> None:
        for name, seconds in parts.items():
            self.parts[name.replace("_", " ")].append(seconds * 1000)


class Network:
    """The machines behind the client's cable, and random edits of theirs."""

    def __init__(self, client: Client, hosts: int, seed: int) -> None:
        self.client = client
        self.random = random.Random(seed)
        self.free = iter(range(hosts + 300, NETWORK.num_addresses - 1))
        self.serial = itertools.count(hosts)
        Subnet.objects.create(network=NETWORK)
        Server.objects.bulk_create([self._server(n, n + 256) for n in range(hosts)])
        self.keys = list(Server.objects.values_list("pk", flat=True))

    def edits(self, count: int) -> Iterator[Edit]:
        """Each is made when it is asked for: the client has got what was there before."""
        for _ in range(count):
            yield self.random.choice([self.add, self.move, self.rename, self.delete])()

    def add(self) -> Edit:
        server = self._server(next(self.serial), next(self.free))

        def save() -> None:
            server.save()
            self.keys.append(server.pk)

        return Edit("add", save, lambda: self._offers(server))

    def move(self) -> Edit:
        server = self._settled()
        server.ip_address = NETWORK[next(self.free)]
        return Edit("move", server.save, lambda: self._offers(server))

    def rename(self) -> Edit:
        server = self._settled()
        server.hostname = f"renamed-{next(self.serial)}"
        return Edit("rename", server.save, lambda: self._offers(server))

    def delete(self) -> Edit:
        server = self._settled()
        mac, ip = str(server.mac_address), str(server.ip_address)
        self.keys.remove(server.pk)

        def is_refused() -> bool:
            answer = self.client.renew(mac, ip, wait=SILENCE)
            return answer is not None and answer.type == "NAK"

        return Edit("delete", server.delete, is_refused)

    def _settled(self) -> Server:
        """A random machine that uses its address."""
        server = Server.objects.get(pk=self.random.choice(self.keys))
        answer = self.client.acquire(str(server.mac_address), wait=3.0)
        assert answer and answer.ip == str(server.ip_address), (server, answer)
        return server

    def _offers(self, server: Server) -> bool:
        """Does a DISCOVER, and then a REQUEST, get what the ledger says?"""
        mac, ip = str(server.mac_address), str(server.ip_address)
        if not _is_right(self.client.discover(mac, wait=SILENCE), server):
            return False
        return _is_right(self.client.request(mac, ip, SERVER), server)

    def _server(self, number: int, place: int) -> Server:
        mac = f"02:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        return Server(hostname=f"host-{number}", mac_address=mac, ip_address=NETWORK[place])


def _is_right(answer: Answer | None, server: Server) -> bool:
    return answer is not None and (answer.ip, answer.options.get("hostname")) == (
        str(server.ip_address),
        server.hostname,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clients", help="the network namespace of the client")
    parser.add_argument("hosts", type=int)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument(
        "--pause", type=float, default=0.25, help="seconds between an ACK and the next edit"
    )
    parser.add_argument("--leases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    client = Client(options.clients)
    try:
        network = Network(client, options.hosts, options.seed)
        sync(force=True)
        title(options)
        report(measure(network.edits(options.edits), options.pause), options.hosts)
    finally:
        client.close()
    measure_leases(options.leases)


def measure(edits: Iterator[Edit], pause: float) -> Times:
    times = Times()
    with ThreadPoolExecutor(1) as web:
        for edit in edits:
            time.sleep(pause)
            time_one(edit, web, times)
    return times


def time_one(edit: Edit, web: ThreadPoolExecutor, times: Times) -> None:
    """Commit in the web's thread; the client begins to ask at that very moment."""
    started, committed = time.time(), threading.Event()
    moment: list[float] = []

    def note() -> None:
        moment.append(time.time())
        committed.set()

    def commit() -> None:
        with transaction.atomic():
            transaction.on_commit(note)  # before everybody else's
            edit.change()

    request = web.submit(commit)
    committed.wait(GIVE_UP)
    while not edit.is_served():
        if time.time() > moment[0] + GIVE_UP:
            raise TimeoutError(f"{edit.kind}: not served within {GIVE_UP:g} s")
        time.sleep(BETWEEN_TRIES)
    served = time.time()
    told = (settings.DNSMASQ_DIR / "generation").stat().st_mtime  # written just before the signal
    request.result()
    times.add(
        commit_to_ACK=served - moment[0],
        save=moment[0] - started,
        sync=told - moment[0],
        dnsmasq=served - told,
    )


def measure_leases(number: int) -> None:
    """A whole lease file into the ledger: at first sight, unchanged, and with every lease
    renewed."""
    print(f"{number} leases: ", end="")
    for name, until in (
        ("new", 2_000_000_000),
        ("unchanged", 2_000_000_000),
        ("renewed", 2_000_000_600),
    ):
        data = "".join(
            f"{until} 02:00:01:00:{n >> 8:02x}:{n & 255:02x} {NETWORK[n + 256]} host-{n} *\n"
            for n in range(number)
        ).encode()
        started = time.perf_counter()
        ingest(lease_file.parse_leases(data))
        print(
            f"{name} {(time.perf_counter() - started) * 1000:.0f} ms",
            end="; " if name != "renewed" else "\n",
        )


def report(times: Times, hosts: int) -> None:
    for name, values in times.parts.items():
        values.sort()
        print(
            f"{name:15}" + "".join(f"{quantile(values, part):9.0f}" for part in (0.5, 0.9, 0.99, 1))
        )
    total = times.parts["commit to ACK"]
    histogram(total)
    if hosts in DEMANDS:
        owed = zip(("p50", "p99"), (0.5, 0.99), DEMANDS[hosts], strict=True)
        for name, part, limit in owed:
            print(f"{name} < {limit:g} ms: {'met' if quantile(total, part) < limit else 'MISSED'}")


def quantile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def histogram(values: list[float]) -> None:
    low = 0
    for high in STEPS:
        inside = sum(low <= value < high for value in values)
        if inside:
            print(
                f"{low:6} - {high:5} ms {inside:4} {'#' * max(1, round(inside * 60 / len(values)))}"
            )
        low = high


def title(options: argparse.Namespace) -> None:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    way = "inline" if options.hosts <= INLINE_HOSTS else "by the worker"
    print(
        f"{connection.vendor} {database_version()}, {dnsmasq_version()}, Django "
        f"{django.__version__}, "
        f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {load}:\n"
        f"{options.hosts} hosts, {options.edits} edits, {options.pause:g} s apart, sync {way}; ms"
    )
    print(f"{'':15}{'p50':>9}{'p90':>9}{'p99':>9}{'max':>9}")


def dnsmasq_version() -> str:
    words = subprocess.run(
        ["dnsmasq", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()
    return f"dnsmasq {words[2]}"


def database_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SHOW server_version"
            if connection.vendor == "postgresql"
            else "SELECT sqlite_version()"
        )
        return str((cursor.fetchone() or [""])[0]).split()[0]


if __name__ == "__main__":
    main()
