"""A real site with a real dnsmasq under load: it is watched, parts of it are killed, its disk is
filled.

Nothing that was acknowledged is lost, everything comes back in step by itself, and while a calamity
lasts the doctor names it. The long form repeats every calamity with more clients, who
make no pauses."""

import json
import os
import re
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager, nullcontext, suppress

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import postgres, require, template
from tests.support.by_hand import POSTGRESQL
from tests.support.disk import tiny_disk
from tests.support.lab import laboratory
from tests.support.site import command_line, gone, manage, site
from tests.support.under_load import NETWORK, Load

LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
ROUNDS, CLIENTS, ANSWERS, PAUSE = (8, 8, 20, 0) if LONG else (1, 4, 2, 0.1)
PATIENCE = 120  # seconds in which a busy machine must have come back in step
SMALL = {
    "max_wal_size": "48MB",
    "min_wal_size": "32MB",
}  # PostgreSQL's files, on a disk of their own
TOKEN = "CANARY-" + secrets.token_hex(20)

pytestmark = [
    pytest.mark.each,
    pytest.mark.whole("sqlite"),
    require.mark("root", "namespaces", "dnsmasq"),
]


class Installation:
    """The site, its dnsmasq, its database, and the disk that they write to."""

    def __init__(self, lab, database, environment, running, resize):
        self.lab, self.database, self.environment = lab, database, environment
        self.site, self.resize = running, resize

    def call(self, path):
        """Status and text of a GET."""
        request = urllib.request.Request(
            self.site.url + path, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()

    def ledger(self):
        """{hostname: address} of every server."""
        text = self.call("/api/v1/servers/?page_size=1000&fields=hostname,ip_address")[1]
        return {row["hostname"]: row["ip_address"] for row in json.loads(text)["results"]}

    def served(self):
        """The same of dnsmasq's file."""
        lines = [
            line.split(",")
            for line in self.lab.hosts.read_text().splitlines()
            if line[:1] not in ("#", "")
        ]
        return {name: ip for _mac, ip, name in lines}

    def sick(self, *options):
        """{name of the check: message} of all warnings and errors of the doctor."""
        report = json.loads(manage(self.environment, "doctor", "--json", *options).stdout)
        bad = [one for one in report["results"] if one["level"] in ("warning", "error")]
        return {one["exam"]: one["said"] for one in bad}

    def comes_back(self):
        """Wait until all is well again."""
        deadline, sick = time.monotonic() + PATIENCE, {"": "never asked"}
        while sick:
            assert time.monotonic() < deadline, (sick, self.site.output()[-3000:])
            sick = self.sick("--quick")

    def web_processes(self):
        return [pid for pid in self.site.children() if "gunicorn" in command_line(pid)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory, django_db_blocker):
    home = tmp_path_factory.mktemp("installation")
    ours = ("IPMANAGER_", "DJANGO_", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            data = template.cluster() if POSTGRESQL else None
        database = stack.enter_context(
            postgres.running(
                postgres.DURABLE | SMALL, lambda home: tiny_disk(home, 256 * 1024), data
            )
            if POSTGRESQL
            else nullcontext()
        )
        lab = stack.enter_context(laboratory())
        disk = lab.files  # dnsmasq's files, and SQLite's, on a disk of their own
        resize = stack.enter_context(tiny_disk(disk, 64 * 1024))
        disk.chmod(0o755)
        if not POSTGRESQL:
            with django_db_blocker.unblock():
                template.new_copy(f"{disk}/ledger.sqlite3")
        environment |= {
            "DATABASE_URL": database.url if database else f"sqlite:///{disk}/ledger.sqlite3",
            "IPMANAGER_DATA_DIR": str(home / "data"),
            "IPMANAGER_BOOTSTRAP_TOKEN": TOKEN,
            "IPMANAGER_DNSMASQ_DIR": str(disk),
            "IPMANAGER_DNSMASQ_RELOAD": lab.reload_setting,
            "IPMANAGER_DNSMASQ_LEASES": str(lab.leases),
            "IPMANAGER_METRICS_FROM": "127.0.0.0/8",
            "IPMANAGER_LOG": "json",
        }
        running = stack.enter_context(site(environment, home / "out"))
        environment |= {"IPMANAGER_BIND": f"127.0.0.1:{running.port}"}
        found = Installation(lab, database, environment, running, resize)
        body = json.dumps({"network": f"{NETWORK}.0/24"}).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        urllib.request.urlopen(
            urllib.request.Request(f"{running.url}/api/v1/subnets/", body, headers)
        ).close()
        yield found


# --- watched --------------------------------------------------------------------------------------


def test_every_process_of_the_web_server_tells_the_sum_of_all(installed):
    before = counted(installed)
    for _ in range(40):
        installed.call("/healthz")
    assert {counted(installed) - before for _ in range(8)} == {40}


def counted(installed):
    families = text_string_to_metric_families(installed.call("/metrics")[1])
    samples = [sample for family in families for sample in family.samples]
    wanted = {"method": "GET", "route": "/healthz", "status": "200"}
    return sum(
        one.value
        for one in samples
        if one.name == "ipmanager_http_requests_total" and one.labels == wanted
    )


def test_every_line_of_the_log_is_json_and_holds_no_secret(installed):
    started = len(installed.site.output())
    for path in (
        "/api/v1/subnets/?fields=network",
        "/boot/answers/CANARYpermit/user-data",
        "/nowhere%0aforged",
    ):
        installed.call(path)
    lines = installed.site.output()[started:].splitlines()
    records = [json.loads(line) for line in lines]
    statuses = {
        one["path"]: one["status"] for one in records if one["logger"] == "ipmanager.requests"
    }
    assert statuses["/api/v1/subnets/"] == 200
    assert "/nowhere\nforged" in statuses
    assert "CANARY" not in "\n".join(lines)


def test_a_healthy_installation_is_found_healthy(installed):
    installed.comes_back()
    status, text = installed.call("/readyz")
    assert (status, json.loads(text)["warnings"]) == (200, [])


# --- under fire -----------------------------------------------------------------------------------


def kill_a_web_process(installed, load):
    """Another takes its place; the others went on."""
    os.kill(installed.web_processes()[-1], signal.SIGKILL)
    yield set()


def kill_the_worker(installed, load):
    """The parent, which would start another, is held up while we look."""
    worker = installed.site.wait_for("worker", 60)
    with stopped(installed.site.process.pid):
        os.kill(worker, signal.SIGKILL)
        assert gone([worker], 60)
        yield {"worker"}


def kill_the_database(installed, load):
    installed.database.kill()
    yield {"database"}
    installed.database.start()


def kill_dnsmasq(installed, load):
    """systemd would start it again; here we do."""
    installed.lab.process.kill()
    installed.lab.process.wait()
    yield {"dnsmasq"}
    installed.lab.stop()
    installed.lab.start()


def fill_the_disk(installed, load):
    with full(installed.lab.files):
        yield {"disks", "writable files"}


def fill_the_databases_disk(installed, load):
    """PostgreSQL may end when it cannot write its log; systemd would start it again once there is
    room."""
    with full(installed.database.home):
        load.is_refused()
        yield {"database writes"}
    with suppress(subprocess.TimeoutExpired):
        installed.database.process.wait(5)
        installed.database.start()


@contextmanager
def full(directory):
    """Somebody's file takes all that is left."""
    filler = directory / "somebodys.iso"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


CALAMITIES = [kill_a_web_process, kill_the_worker, kill_dnsmasq, fill_the_disk]
CALAMITIES += [kill_the_database, fill_the_databases_disk] if POSTGRESQL else []


def test_nothing_acknowledged_is_lost_and_everything_comes_back_by_itself(installed, capsys):
    began = time.monotonic()
    with Load(installed.site.port, TOKEN, CLIENTS, PAUSE) as load:
        for calamity in CALAMITIES * ROUNDS:
            load.goes_on(ANSWERS)
            for causes in calamity(installed, load):
                found = installed.sick("--quick") if causes else {}
                assert causes <= found.keys(), (calamity.__name__, found)
            load.goes_on(ANSWERS)
    installed.comes_back()

    ledger = installed.ledger()
    assert {name: ip for name, ip in ledger.items() if name not in load.unsure} == load.held
    assert installed.served() == ledger
    for name in list(load.held)[:3]:
        mac = re.search(rf"^(.*?),.*,{name}$", installed.lab.hosts.read_text(), re.MULTILINE)[1]
        assert installed.lab.client.acquire(mac).ip == ledger[name]
    if LONG:
        with capsys.disabled():
            print(f"\n{figures(load, len(CALAMITIES) * ROUNDS, time.monotonic() - began)}")


def figures(load, calamities, took):
    acknowledged = sum(client.acknowledged for client in load.clients)
    refused = sum(client.refused for client in load.clients)
    return (
        f"{calamities} calamities in {took:.0f} s: {acknowledged} changes acknowledged, "
        f"{refused} refused or unanswered, {len(load.unsure)} unsure, "
        f"{len(load.held)} servers at the end, none lost"
    )


def test_a_web_server_that_has_ended_is_told_and_starts_again_on_the_same_data(installed, tmp_path):
    before = installed.ledger()
    os.kill(installed.web_processes()[0], signal.SIGKILL)
    assert installed.site.process.wait(60) == 1  # whoever started us is to notice
    found = installed.sick()
    assert "web server" in found
    assert "Connection refused" in found["web server"]
    with site(installed.environment, tmp_path / "again") as again:
        installed.site = again
        assert installed.ledger() == before
