"""The measurements themselves, on the database that DATABASE_URL names. It must be empty."""

import argparse
import gc
import ipaddress
import json
import logging
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from itertools import count, islice

import django

django.setup()
logging.disable(logging.INFO)

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402
from django.urls import path  # noqa: E402

from dhcp.files.sync import sync  # noqa: E402
from ipam.allocate import allocate, release  # noqa: E402
from ipam.models import IPAddress, Pool, Server, Subnet  # noqa: E402
from pxe.models import BootAssignment, BootFile, BootImage  # noqa: E402

results: list[dict] = []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--subnets", type=int, default=500)
    parser.add_argument("--servers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    title(
        f"{connection.vendor} {version()}, Django {django.__version__}, Python "
        f"{sys.version.split()[0]}",
        options,
    )
    for network in ("10.0.0.0/8", "2001:db8::/64"):
        large_pool(network, options)
    rounds("10.0.0.0/8", options.rounds, options)
    fill(options)
    pages(options)
    servers(options)
    boots(options)
    if options.json:
        json.dump(results, sys.stdout, indent=1)


def large_pool(network: str, options: argparse.Namespace) -> None:
    """A subnet with one static pool of all of it, and a child inside."""

    def make() -> None:
        subnet = Subnet(network=network)
        subnet.save()
        Pool(subnet=subnet, first=subnet.network[0], last=subnet.network[-1]).save()
        Subnet(network=next(subnet.network.subnets(prefixlen_diff=8))).save()

    def make_and_forget() -> None:
        with transaction.atomic():
            make()
            transaction.set_rollback(True)

    measure(f"{network}: make subnet, pool of all of it, child", make_and_forget, 30, options)
    gc.collect()
    tracemalloc.start()
    make_and_forget()
    note(f"{network}: peak memory of that, MB", tracemalloc.get_traced_memory()[1] / 1e6, options)
    tracemalloc.stop()
    make()
    subnet = Subnet.objects.order_by("pk").filter(network=network).get()
    note(f"{network}: rows after making it", IPAddress.objects.count(), options)
    measure(f"{network}: next allocation", lambda: allocate(subnet), 1000, options)
    IPAddress.objects.all()._raw_delete("default")
    Pool.objects.update(materialised_to=None)


def rounds(network: str, number: int, options: argparse.Namespace) -> None:
    """Allocate and release again and again: the table must not grow."""
    subnet = Subnet.objects.get(network=network)
    started = time.perf_counter()
    for _ in range(number):
        release(allocate(subnet).row)
    each = (time.perf_counter() - started) * 1000 / max(1, number)
    note(f"{network}: {number} rounds of allocate + release, ms each", each, options)
    note(f"{network}: rows after that", IPAddress.objects.count(), options)
    Subnet.objects.all().delete()


def fill(options: argparse.Namespace) -> None:
    """Rows in /24s of 172.16.0.0/12, some of them held by VMs with names and MACs."""
    per_subnet = options.rows // options.subnets
    networks = islice(ipaddress.ip_network("172.16.0.0/12").subnets(new_prefix=24), options.subnets)
    subnets = [Subnet(network=network, name=f"net {n}") for n, network in enumerate(networks)]
    Subnet.objects.bulk_create(subnets)
    IPAddress.objects.bulk_create(
        (row(subnet, number) for subnet in subnets for number in range(1, per_subnet + 1)),
        batch_size=5000,
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def row(subnet: Subnet, number: int) -> IPAddress:
    key = subnet.pk * 256 + number
    taken = number % 3 == 0
    return IPAddress(
        subnet=subnet,
        ip_address=subnet.network.network_address + number,
        status="allocated" if taken else "available",
        vm_id=f"vm-{key}" if taken else None,
        hostname=f"host-{key:07d}.example" if taken else "",
        mac_address=":".join(f"{byte:02x}" for byte in [2, *key.to_bytes(5)]) if taken else None,
    )


def pages(options: argparse.Namespace) -> None:
    """What administrators look at, through the whole site, logged in."""
    client = Client(HTTP_HOST="localhost")
    client.force_login(
        get_user_model().objects.create_superuser("bench", password="bench"),
        backend=settings.AUTHENTICATION_BACKENDS[-1],
    )
    subnet = Subnet.objects.order_by("pk")[options.subnets // 2]
    sample = IPAddress.objects.filter(subnet=subnet).exclude(mac_address=None)[0]
    assert sample.mac_address
    for name, url in {
        "/ipam/ first page": "/ipam/",
        "/ipam/ one subnet": f"/ipam/?subnet={subnet.pk}",
        "/ipam/ part of a host name": f"/ipam/?q={sample.hostname[3:12]}",
        "/ipam/ MAC": f"/ipam/?q={sample.mac_address}",
        "/ipam/ part of a MAC": f"/ipam/?q={sample.mac_address[6:]}",
        "admin: addresses": "/admin/ipam/ipaddress/",
        "admin: part of a host name": f"/admin/ipam/ipaddress/?q={sample.hostname[3:12]}",
        "admin: subnets": "/admin/ipam/subnet/",
        "admin: servers": "/admin/ipam/server/",
        "admin: index": "/admin/",
    }.items():
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        measure(f"{name} ({IPAddress.objects.count()} rows)", partial(client.get, url), 40, options)


def servers(options: argparse.Namespace) -> None:
    """All servers into dnsmasq's files."""
    net = Subnet(network="100.64.0.0/10")
    net.save()
    Server.objects.bulk_create(
        Server(
            hostname=f"server-{n}",
            ip_address=ipaddress.ip_address("100.64.1.0") + n,
            mac_address=f"02:ff:00:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}",
        )
        for n in range(options.servers)
    )
    toggled = Server.objects.order_by("pk")[0]

    names = (f"renamed-{number}" for number in count())

    def change_and_sync() -> None:
        toggled.hostname = next(names)
        toggled.save()
        assert sync().result == "applied"

    sync(force=True)
    measure(f"save one of {options.servers} servers and sync all", change_and_sync, 20, options)


class Bare:
    """A site of one view: one durable INSERT, like the event that every boot leaves."""

    @staticmethod
    def view(request: HttpRequest) -> HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO boot_events (kind) VALUES ('local')")
        return HttpResponse("exit\n", content_type="text/plain")

    urlpatterns = [path("bare", view)]


def boots(options: argparse.Namespace) -> None:
    """What a machine waits for, beside a bare view."""
    file = BootFile(name="vmlinuz")
    file.save()
    image = BootImage(name="image", kernel=file)
    image.save()
    chosen = list(Server.objects.order_by("pk").values_list("pk", "mac_address", "ip_address"))
    BootAssignment.objects.bulk_create(
        BootAssignment(server_id=row[0], image=image, mode="always") for row in chosen[::3]
    )
    rows = {start: iter(chosen[start::3]) for start in range(3)}
    client = Client(HTTP_HOST="localhost")

    def ask(start: int, source: str = "") -> None:
        _pk, mac, ip = next(rows[start])
        answer = client.get(
            "/boot.ipxe", {"mac": mac, "platform": "efi"}, REMOTE_ADDR=source or str(ip)
        )
        assert answer.status_code == 200

    times, of = min(1000, options.servers // 3 - 3), f"({options.servers} servers)"
    with override_settings(ROOT_URLCONF=Bare, MIDDLEWARE=[]):
        bare = measure(
            "a bare view with one INSERT",
            partial(Client(HTTP_HOST="localhost").get, "/bare"),
            times,
            options,
        )
    for name, start, source in (
        ("an assigned image", 0, ""),
        ("the default menu", 1, ""),
        ("from an unknown address", 2, "203.0.113.9"),
    ):
        taken = measure(f"/boot.ipxe: {name} {of}", partial(ask, start, source), times, options)
        note("   times the bare view, by the medians", taken / bare, options)


def measure(
    name: str, work: Callable[[], object], times: int, options: argparse.Namespace
) -> float:
    """Run it a few times unseen, then count; the median, in ms."""
    for _ in range(3):
        work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    middle, p99 = statistics.median(taken), taken[max(0, int(len(taken) * 0.99) - 1)]
    results.append(
        {
            "name": name,
            "median": middle,
            "min": taken[0],
            "p99": p99,
            "max": taken[-1],
            "runs": times,
        }
    )
    if not options.json:
        print(
            f"{name:58} {middle:9.1f} {taken[0]:9.1f} {p99:9.1f} {taken[-1]:9.1f} {times:6}",
            flush=True,
        )
    return middle


def note(name: str, value: float, options: argparse.Namespace) -> None:
    results.append({"name": name, "value": value})
    if not options.json:
        print(f"{name:58} {value:9,.2f}", flush=True)


def title(text: str, options: argparse.Namespace) -> None:
    if not options.json:
        print(f"\n{text}\n{'':58} {'median':>9} {'min':>9} {'p99':>9} {'max':>9} {'runs':>6}")


def version() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SHOW server_version"
            if connection.vendor == "postgresql"
            else "SELECT sqlite_version()"
        )
        return str((cursor.fetchone() or [""])[0])


main()
