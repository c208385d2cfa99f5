"""Many POST /machines/ while web, worker and database are killed: afterwards machines, addresses,
DHCP lines, boot assignments and ports agree, keys are answered alike, real DHCP clients get their
addresses, and DELETE leaves nothing but history.

The long form (`make proof`) makes 500 machines by 16 clients."""

import json
import os
import random
import secrets
import signal
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ipam.fields import AddressField
from tests.history.clients import Ground
from tests.history.playground import Playground
from tests.support import template
from tests.support.by_hand import POSTGRESQL
from tests.support.lab import SERVER, laboratory
from tests.support.site import site

pytestmark = [
    pytest.mark.each,
    pytest.mark.whole("sqlite"),
    pytest.mark.needs("root", "namespaces", "dnsmasq"),
]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
NUMBER, CLIENTS, KILLS, SAMPLE = (500, 16, 12, 20) if LONG else (12, 4, 3, 3)
NETWORK, RANGE = "10.77.0.0/22", "10.77.0.0,static,255.255.252.0,1h"
KILLED = ["web process", "worker"] + (["postgresql"] if POSTGRESQL else [])
RETRIED = (0, 429, 500, 502, 503, 504)
PATIENCE = 120  # seconds
MACHINES = "/api/v1/machines/"


@pytest.fixture(scope="module")
def lab():
    with laboratory([RANGE], address=f"{SERVER}/22") as lab:
        yield lab


@pytest.fixture(scope="module")
def played(tmp_path_factory, lab, django_db_blocker):
    """A site whose dnsmasq is the laboratory's."""
    home, token = tmp_path_factory.mktemp("machines"), secrets.token_hex(20)
    ours = ("IPMANAGER_", "DJANGO_", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    with template.own_server(home, django_db_blocker) as server:
        environment |= {
            "DATABASE_URL": server.url if server else f"sqlite:///{home}/db.sqlite3",
            "IPMANAGER_DATA_DIR": str(home / "data"),
            "IPMANAGER_BOOTSTRAP_TOKEN": token,
            "IPMANAGER_DEMO": "0",
            "IPMANAGER_DNSMASQ_DIR": str(lab.files),
            "IPMANAGER_DNSMASQ_RELOAD": lab.reload_setting,
            "IPMANAGER_DNSMASQ_LEASES": str(lab.leases),
        }
        with site(environment, home / "site") as running:
            yield Play(running, server, home / "db.sqlite3", token)


class Play(Playground):
    """A site, and how its machines are made and taken back by many clients at once."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.client = Ground(self.site.port, self.token, 0, {})
        self.times = []

    def kill(self, what):
        if what != "worker":
            super().kill(what)
            return
        os.kill(self.site.wait_for("worker"), signal.SIGKILL)

    def ask(self, method, path, body=None, key=""):
        """The answer; a call that got none is repeated."""
        deadline = time.monotonic() + PATIENCE
        while True:
            began = time.monotonic()
            answer = self.client.ask(method, path, body, key)
            if answer.status not in RETRIED:
                self.times.append(time.monotonic() - began)
                return answer
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)

    def at_once(self, work, numbers, kills=()):
        """The results of `work` for each number, by many clients, while parts are killed after so
        many of them."""
        done, due, lock = [], list(kills), threading.Lock()

        def one(number):
            found = work(number)
            with lock:
                done.append(number)
            return found

        with ThreadPoolExecutor(CLIENTS) as clients:
            results = clients.map(one, numbers)
            while due:
                if len(done) >= due[0][0]:
                    self.kill(due.pop(0)[1])
                time.sleep(0.01)
            return list(results)

    def rows(self, columns, table, condition="1 = 1"):
        return self.select(f"SELECT {columns} FROM {table} WHERE {condition}")


def mac(number):
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def machine(number):
    body = {
        "hostname": f"m-{number}",
        "mac_address": mac(number),
        "subnet": NETWORK,
        "image": "disk",
        "boot": "once" if number % 2 else "always",
        "services": [{"name": "http"}, {"name": "ssh", "port": 22}],
    }
    if number % 10 == 0:
        bmc = {"name": "bmc", "mac_address": mac(0x8000 + number), "subnet": NETWORK}
        body["interfaces"] = [bmc]
    return body


def lines(lab):
    """What the hosts file says: MAC address, address and name of each line."""
    found = set()
    for line in lab.hosts.read_text().splitlines():
        if not line.startswith("#"):
            found.add(tuple(line.split(",")))
    return found


def wanted_lines(machines):
    found = set()
    for row in machines:
        found.add((row["mac_address"], row["ip_address"], row["hostname"]))
        for card in row["interfaces"]:
            name = f"{row['hostname']}-{card['name']}"
            found.add((card["mac_address"], card["ip_address"], name))
    return found


def soon(question, expected, seconds=60):
    deadline = time.monotonic() + seconds
    while question() != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    assert question() == expected


def address(value):
    return str(AddressField().from_db_value(value))


def test_machines_survive_every_kill_and_leave_nothing_when_they_go(played, lab, capsys):
    facts = {"network": NETWORK, "static_ip_pools": ["10.77.0.10-10.77.3.200"]}
    assert played.ask("POST", "/api/v1/subnets/", facts).status == 201
    image = {"name": "disk", "kind": "chain", "chain_url": "http://10.77.0.1/boot"}
    assert played.ask("POST", "/api/v1/boot-images/", image).status == 201

    chance = random.Random(7)
    due = sorted(chance.randrange(NUMBER * 9 // 10) for _ in range(KILLS))
    kills = [(number, KILLED[index % len(KILLED)]) for index, number in enumerate(due)]
    began = time.monotonic()
    made = played.at_once(
        lambda number: played.ask("POST", MACHINES, machine(number), f"key-{number}"),
        range(NUMBER),
        kills,
    )
    took = time.monotonic() - began
    assert {answer.status for answer in made} <= {200, 201}
    machines = [answer.body for answer in made]

    # Keys are answered alike.
    again = played.at_once(
        lambda number: played.ask("POST", MACHINES, machine(number), f"key-{number}"),
        range(NUMBER),
    )
    assert [(one.status, one.body) for one in again] == [(one.status, one.body) for one in made]
    assert all(answer.replayed for answer in again)

    # Everything agrees, and nothing else is there.
    assert sorted(row["hostname"] for row in machines) == sorted(f"m-{n}" for n in range(NUMBER))
    ids = {row["server"] for row in machines}
    assert {key for (key,) in played.rows("id", "hosts")} == ids
    held = {
        (address(ip), server)
        for ip, server in played.rows(
            "ip_address, server_id", "ip_addresses", "status <> 'available' AND vm_id IS NULL"
        )
    }
    claimed = {(row["ip_address"], row["server"]) for row in machines}
    for row in machines:
        claimed |= {(card["ip_address"], row["server"]) for card in row["interfaces"]}
    assert held == claimed
    assert len({ip for ip, _server in claimed}) == len(claimed)
    booted = played.rows("server_id, mode", "boot_assignments")
    assert sorted(booted) == sorted((row["server"], row["boot"]) for row in machines)
    ports = {
        (i, address(ip), port)
        for i, ip, port in played.rows("service_id, ip_address, port", "services")
    }
    asked = set()
    for row in machines:
        for service in row["services"]:
            asked.add((service["service_id"], row["ip_address"], service["port"]))
    assert ports == asked and len(ports) == 2 * NUMBER
    assert len(played.rows("id", "machine_services")) == 2 * NUMBER
    soon(lambda: lines(lab), wanted_lines(machines))
    soon(lambda: played.rows("id", "dhcp_changes"), [])

    # Real clients get what was said.
    for row in chance.sample(machines, SAMPLE):
        assert lab.client.acquire(row["mac_address"]).ip == row["ip_address"]

    # Nothing but history is left.
    posts = sorted(played.times)
    gone = played.at_once(lambda row: played.ask("DELETE", f"{MACHINES}{row['id']}/"), machines)
    assert {answer.status for answer in gone} <= {204, 404}
    for table in (
        "machines",
        "machine_services",
        "hosts",
        "interfaces",
        "services",
        "boot_assignments",
    ):
        assert played.rows("id", table) == [], table
    leaked = "status <> 'available' AND vm_id IS NULL"
    assert played.rows("id", "ip_addresses", leaked) == []
    soon(lambda: lines(lab), set())
    assert lab.client.discover(mac(1), wait=0.5) is None
    history = played.rows("history_change_reason", "hosts_history", "history_type = '-'")
    assert len(history) == NUMBER
    assert {reason for (reason,) in history} == {"machine deleted"}
    if LONG:
        with capsys.disabled():
            p50, p99 = statistics.median(posts), posts[len(posts) * 99 // 100]
            print(
                f"\n{NUMBER} machines by {CLIENTS} clients in {took:.0f} s, kills: "
                f"{json.dumps([what for _number, what in kills])}; one call: median "
                f"{p50 * 1000:.0f} ms, 99 % {p99 * 1000:.0f} ms"
            )
