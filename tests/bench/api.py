r"""The API beside the barest views that use the same database, under the same gunicorn, on the same
machine.

    python -m tests.bench --part api --rows 10000 100000 --clients 1 16 --rounds 5 --seconds 1 \
        --cases allocate,stats

Runs are short and take turns (ours, the ceiling, ours, …), each with fresh connections: gunicorn's
threads share kept connections out unevenly, so that one long run measures its luck. A ratio is that
of two neighbouring runs."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import django

django.setup()
logging.disable(logging.INFO)

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402

from api import pagination  # noqa: E402
from api.models import Token  # noqa: E402
from ipam.models import IPAddress, Pool, Server, Subnet  # noqa: E402
from tests.support.postgres import free_port  # noqa: E402

POOL = ipaddress.IPv4Network(
    "10.64.0.0/12"
)  # the pool for VMs; IPMANAGER_POOL_NETWORK says so, too
NATIVE = ipaddress.IPv4Network("10.80.0.0/12")
WIDE = ipaddress.IPv4Network("10.96.0.0/12")  # holds 500 subnets
FREE = 200_000  # rows for the bare claim
SERVERS = 1000
TABLES = {"bench_rows": "11.0.0.0", "bench_free": "12.0.0.0"}


@dataclass
class Case:
    """A route of ours, and the ceiling that it is held against."""

    name: str
    ceiling: str
    owed: float
    paths: list[str]
    bare: list[str]
    method: str = "GET"
    body: str = ""


@dataclass
class Runs:
    """What some short runs gave."""

    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    odd: int = 0  # answers other than 2xx

    def add(self, found: dict) -> None:
        self.rates.append(found["rate"])
        self.times += found["times"]
        self.odd += sum(
            number for status, number in found["statuses"].items() if not status.startswith("2")
        )

    def quantile(self, part: float) -> float:
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 if ordered else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--cases", default="", help="names of cases, separated by commas")
    options = parser.parse_args()
    prepare()
    for rows in options.rows:
        fill(rows)
        value = token()
        connections.close_all()
        chosen = [
            case for case in cases() if not options.cases or case.name in options.cases.split(",")
        ]
        with (
            server("ipmanager.wsgi:application") as ours,
            server("tests.bench.bare.views:django") as bare,
        ):
            with server("tests.bench.bare.views:hello") as hello:
                title(rows)
                beside(hello, bare, options)
            for clients in options.clients:
                for case in chosen:
                    measure(case, value, (ours, bare), clients, options)


# --- the data -------------------------------------------------------------------------------------


def prepare() -> None:
    call_command("migrate", verbosity=0)
    bare = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.bench.bare.settings"}
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--run-syncdb", "-v0"], env=bare, check=True
    )
    for network in (POOL, NATIVE):
        subnet = Subnet(network=network, gateway=network[1])
        subnet.static_ip_pools = [f"{network[2]}-{network[-2]}"]
        subnet.save()
    inner = islice(WIDE.subnets(new_prefix=24), 500)
    Subnet.objects.bulk_create(Subnet(network=network) for network in (WIDE, *inner))


def token() -> str:
    """A token of somebody who may do everything."""
    user, _made = get_user_model().objects.get_or_create(username="bench", is_superuser=True)
    return Token.objects.create(user, name="bench", scopes=["admin"])[1]


def fill(rows: int) -> None:
    """As many address rows, half of them in the pool for VMs, half held by servers or free; and as
    many bare ones."""
    with connection.cursor() as cursor:
        for table in ("ip_addresses_history", "ip_addresses", "bench_rows", "bench_free"):
            cursor.execute(f"DELETE FROM {table}")
    Server.objects.all()._raw_delete("default")
    in_pool = rows // 2
    make(POOL, in_pool, Subnet.objects.get(network=POOL))
    make(NATIVE, rows - in_pool, Subnet.objects.get(network=NATIVE))
    for table, number in (("bench_rows", rows), ("bench_free", FREE)):
        fill_bare(table, number)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def make(network: ipaddress.IPv4Network, number: int, subnet: Subnet) -> None:
    """Allocated rows at the start of a subnet; some belong to servers. What follows is not written
    yet."""
    servers: list[Server] = []
    if network == NATIVE:
        Server._base_manager.bulk_create(
            Server(hostname=f"server-{n}", device_type="VM", location=f"rack {n % 40}")
            for n in range(SERVERS)
        )
        servers = list(Server.objects.order_by("pk"))
    IPAddress.objects.bulk_create(
        (
            IPAddress(
                subnet=subnet,
                ip_address=network[2 + n],
                status="allocated",
                hostname=f"host-{n:07d}.example",
                mac_address=":".join(
                    f"{byte:02x}" for byte in [2, *(int(network[2 + n])).to_bytes(5)]
                ),
                vm_id=None if servers else f"vm-{n}",
                server=servers[n % SERVERS] if servers else None,
            )
            for n in range(number)
        ),
        batch_size=5000,
    )
    Pool._base_manager.filter(subnet=subnet).update(materialised_to=network[1 + number])


def fill_bare(table: str, number: int) -> None:
    postgresql = connection.vendor == "postgresql"
    status = "'allocated'" if table == "bench_rows" else "'available'"
    vm_id = "'vm-' || n" if table == "bench_rows" else "NULL"
    address = (
        f"'{TABLES[table]}'::inet + n"
        if postgresql
        else f"printf('{TABLES[table].split('.')[0]}.%d.%d.%d', n >> 16, n >> 8 & 255, n & 255)"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE numbers (n) AS (
                SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {number})
            INSERT INTO {table} (ip_address, status, ip_type, active, hostname, mac_address,
                platform, manufacturer, description, vm_id, created_at, updated_at)
            SELECT {address}, {status}, 'static', true, 'host-' || n || '.example',
                '02:00:00:00:00:00', '', '', '', {vm_id},
                CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM numbers"""
        )


# --- what is measured -----------------------------------------------------------------------------


def cases() -> list[Case]:
    keys = list(
        IPAddress.objects.order_by("pk").values_list("pk", flat=True)[
            :: max(1, IPAddress.objects.count() // 997)
        ]
    )
    native = Subnet.objects.get(network=NATIVE).pk
    count = IPAddress.objects.count() // 2
    vms = [f"vm-{n}" for n in range(0, count, max(1, count // 997))]
    selects = [f"/select/{vm}" for vm in vms]
    list_, claims = "/api/v1/ip-addresses/", ["/claim"]
    deep = bare_key(count)
    return [
        Case(
            "allocate",
            "claim",
            0.75,
            ["/api/v1/ip/allocate"],
            claims,
            "POST",
            '{"vm_id": "bench-{n}"}',
        ),
        Case(
            "next-free",
            "claim",
            0.75,
            [f"/api/v1/subnets/{native}/next-free/"],
            claims,
            "POST",
            '{"vm_id": "native-{n}"}',
        ),
        Case("get", "select", 0.6, [f"{list_}{key}/" for key in keys], selects),
        Case("vm", "select", 0.6, [f"/api/v1/ip/{vm}" for vm in vms], selects),
        Case("stats", "select", 0.6, ["/api/v1/ip/stats"], selects),
        Case("usage", "select", 0.3, [f"/api/v1/subnets/{native}/usage/"], selects),
        Case("list", "values", 0.6, [list_], ["/values"]),
        Case("deep", "values", 0.6, [deep_page(list_)], [f"/values?from={deep}"]),
        *searches(list_, selects),
    ]


def searches(path: str, selects: list[str]) -> list[Case]:
    """Addresses by a part of a name and by a MAC address, and the next free prefix."""
    rows = IPAddress.objects.exclude(mac_address=None).order_by("pk")
    some = list(rows.values_list("hostname", "mac_address")[:: max(1, rows.count() // 97)])
    names = [f"{path}?q={hostname[4:12]}" for hostname, _mac in some]
    macs = [f"{path}?q={mac}" for _hostname, mac in some]
    wide = Subnet.objects.get(network=WIDE).pk
    prefix = [f"/api/v1/subnets/{wide}/next-free-subnet/?length=24"]
    return [
        Case("name-part", "select", 0.1, names, selects),
        Case("mac", "select", 0.4, macs, selects),
        Case("prefix", "select", 0.2, prefix, selects),
    ]


def bare_key(number: int) -> int:
    """The key of the bare row with this number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM bench_rows ORDER BY id LIMIT 1 OFFSET %s", [number])
        return cursor.fetchone()[0]


def deep_page(path: str) -> str:
    """Half way down, as the links lead there."""
    count = IPAddress.objects.count()
    row = IPAddress.objects.order_by("ip_address", "pk")[count // 2]
    return f"{path}?after={pagination.Cursor(str(row.ip_address), row.pk, count).encode()}"


# --- how ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def server(application: str) -> Iterator[int]:
    """gunicorn as `make run` starts it; its port."""
    port = free_port()
    package = "ipmanager" if application.startswith("ipmanager") else "tests.bench.bare"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            f"python:{package}.gunicorn_config",
            "--bind",
            f"127.0.0.1:{port}",
            "--max-requests",
            "0",
            application,
        ],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": f"{package}.settings"},
    )
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise RuntimeError("the server does not listen")


numbers = {"next": 1}


def run(
    port: int, paths: list[str], case: Case, headers: str, clients: int, seconds: float
) -> dict:
    asked = {
        "port": port,
        "paths": paths,
        "method": case.method,
        "body": case.body,
        "headers": headers,
        "clients": clients,
        "seconds": seconds,
        "start": numbers["next"],
    }
    process = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(process.stdout)
    numbers["next"] = found["next"]
    return found


def measure(
    case: Case, value: str, ports: tuple[int, int], clients: int, options: argparse.Namespace
) -> None:
    ours, bare = Runs(), Runs()
    authorization = f"Authorization: Bearer {value}\r\n"
    for number in range(options.rounds + 1):
        found = run(ports[0], case.paths, case, authorization, clients, options.seconds)
        other = run(ports[1], case.bare, case, "", clients, options.seconds)
        if number:  # the first of each warms up
            ours.add(found)
            bare.add(other)
    ratios = sorted(a / b for a, b in zip(ours.rates, bare.rates, strict=True))
    print(
        f"{case.name:12}{clients:4}{statistics.median(ours.rates):8.0f}/s"
        f"{ours.quantile(0.5):8.2f}{ours.quantile(0.99):8.2f}"
        f"   {case.ceiling:8}{statistics.median(bare.rates):7.0f}/s"
        f"{bare.quantile(0.5):8.2f}{bare.quantile(0.99):8.2f}"
        f"   {statistics.median(ratios):5.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})  >= {case.owed}"
        f"{f'  {ours.odd} refused' if ours.odd else ''}"
        f"{f'  bare: {bare.odd} refused' if bare.odd else ''}",
        flush=True,
    )


def beside(hello: int, bare: int, options: argparse.Namespace) -> None:
    """The ceilings that nothing is held against."""
    for name, port, path in (
        ("hello, WSGI", hello, "/"),
        ("hello, Django", bare, "/nothing"),
        ("insert", bare, "/insert"),
    ):
        for clients in options.clients:
            case, runs = Case(name, "", 0, [path], []), Runs()
            for _ in range(2):
                runs.add(run(port, case.paths, case, "", clients, options.seconds))
            print(
                f"{name:16}{clients:3}{statistics.median(runs.rates):7.0f}/s{runs.quantile(0.5):8.2f}"
                f"{runs.quantile(0.99):8.2f}",
                flush=True,
            )


def title(rows: int) -> None:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\n{rows} address rows, load {load}")


if __name__ == "__main__":
    main()
