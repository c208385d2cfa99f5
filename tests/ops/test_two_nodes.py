"""Two full nodes on one PostgreSQL, HAProxy in front: whoever dies, every node's DHCP file says
what the ledger says.

IPMANAGER_TEST_PROOF=1 (`make proof`) makes 200 edits and kills the holder of the sync lease ten
times."""

import inspect
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import psycopg
import pytest

from tests.support import require
from tests.support.postgres import end_with_parent, free_port
from tests.support.site import ROOT, lend_static_files, manage

pytestmark = [pytest.mark.on("postgresql"), pytest.mark.each, require.mark("haproxy")]

LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
EDITS, KILLS = (200, 10) if LONG else (24, 1)
TAKEOVER = 15  # seconds
IN_STEP = 20
TOKEN = "CANARY-" + secrets.token_hex(20)

FRONT = """
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend front
    bind 127.0.0.1:{port}
    default_backend nodes
backend nodes
    balance roundrobin
"""


@contextmanager
def process(command, environment, log):
    with log.open("ab") as stream:
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=stream,
            stderr=stream,
            preexec_fn=end_with_parent,
        )
    try:
        yield started
    finally:
        started.terminate()
        started.wait(40)


class Node:
    """A web server and a worker with a data directory and DHCP files of their own."""

    def __init__(self, name, place, shared):
        self.name, self.port = name, free_port()
        self.data, self.log = place / name, place / f"{name}.log"
        lend_static_files(self.data)
        self.environment = shared | {
            "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
            "IPMANAGER_DATA_DIR": str(self.data),
            "IPMANAGER_BIND": f"127.0.0.1:{self.port}",
        }
        self.stack, self.workers = ExitStack(), ExitStack()

    def start(self):
        options = ["--config", "python:ipmanager.gunicorn_config"]
        bind = ["--bind", f"127.0.0.1:{self.port}"]
        web = [sys.executable, "-m", "gunicorn", *options, *bind]
        self.stack.enter_context(process(web, self.environment, self.log))
        self.start_worker()

    def start_worker(self):
        command = [sys.executable, "manage.py", "worker"]
        self.worker = self.workers.enter_context(process(command, self.environment, self.log))

    def stop(self):
        self.workers.close()
        self.stack.close()

    @property
    def place(self):
        return (self.data / "dnsmasq" / "node_id").read_text()

    def served(self):
        """{name: address} of its hosts file."""
        lines = (self.data / "dnsmasq" / "hosts").read_text().splitlines()
        rows = [line.split(",") for line in lines if line[:1] not in ("#", "")]
        return {name: ip for _mac, ip, name in rows}


class Front:
    """HAProxy, and the API behind it."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/api/v1/"

    def call(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            error.add_note(error.read().decode())  # says whether HAProxy answers, or a node
            raise
        return json.loads(text) if text else None


@pytest.fixture(scope="module")
def two_nodes(tmp_path_factory, site_database):
    place = tmp_path_factory.mktemp("nodes")
    shared = site_database | {
        "IPMANAGER_SECRET_KEY": secrets.token_hex(40),
        "IPMANAGER_BOOTSTRAP_TOKEN": TOKEN,
        "IPMANAGER_DNSMASQ_RELOAD": "none",
        "IPMANAGER_DEMO": "0",
    }
    nodes = [Node("node-a", place, shared), Node("node-b", place, shared)]
    manage(nodes[0].environment, "prepare").check_returncode()
    port = free_port()
    servers = [f"    server {node.name} 127.0.0.1:{node.port} check" for node in nodes]
    configuration = place / "haproxy.cfg"
    configuration.write_text("\n".join([FRONT.format(port=port), *servers, ""]))
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.stop)
            node.start()
        command = ["haproxy", "-f", str(configuration)]
        stack.enter_context(process(command, dict(os.environ), place / "haproxy.log"))
        ledger = stack.enter_context(
            psycopg.connect(site_database["DATABASE_URL"], autocommit=True)
        )
        found = SimpleNamespace(nodes=nodes, front=Front(port), ledger=ledger)
        # HAProxy answers 503 for a node that it takes for up and that does not listen yet.
        for front in (*(Front(node.port) for node in nodes), found.front):
            wait_for(lambda front=front: answers(front), 120)
        found.front.call("POST", "subnets/", {"network": "10.50.0.0/22"})
        yield found


def answers(front):
    try:
        return front.call("GET", "subnets/") is not None
    except OSError:
        return False


def wait_for(condition, seconds):
    """Seconds until it holds."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() < started + seconds, inspect.getsource(condition)
        time.sleep(0.1)
    return time.monotonic() - started


def holder(found):
    """The node that holds the lease, or None while it has expired."""
    query = "SELECT place FROM dhcp_sync_leases WHERE server_id IS NULL AND expires_at > now()"
    row = found.ledger.execute(query).fetchone()
    return next((node for node in found.nodes if row and node.place == row[0]), None)


def expected(found):
    return dict(found.ledger.execute("SELECT hostname, host(ip_address) FROM hosts").fetchall())


class Editor(threading.Thread):
    """Adds, renames and deletes servers through HAProxy, which sends every call to another node."""

    def __init__(self, front, number, edits):
        super().__init__(daemon=True)
        self.front, self.number, self.edits = front, number, edits
        self.acknowledged = {}
        self.done = 0
        self.error = None

    def run(self):
        try:
            for turn in range(self.edits):
                self.edit(turn)
                self.done += 1
        except Exception as error:
            self.error = error

    def edit(self, turn):
        round_, step = divmod(turn, 4)
        name = f"e{self.number}-{round_}"
        if step in (0, 1):
            index = round_ * 2 + step
            ip = f"10.50.{self.number}.{10 + index}"
            mac = f"02:00:00:{self.number:02x}:00:{index:02x}"
            name = f"{name}-{step}"
            body = {"hostname": name, "mac_address": mac, "ip_address": ip}
            self.key = self.front.call("POST", "servers/", body)["id"]
            self.acknowledged[name] = ip
        elif step == 2:
            self.front.call("PATCH", f"servers/{self.key}/", {"hostname": f"{name}-new"})
            self.acknowledged[f"{name}-new"] = self.acknowledged.pop(f"{name}-1")
        else:
            self.front.call("DELETE", f"servers/{self.key}/")
            del self.acknowledged[f"{name}-new"]


def test_every_file_follows_the_ledger_while_the_holder_is_killed_again_and_again(two_nodes):
    wait_for(lambda: holder(two_nodes), 30)
    editors = [Editor(two_nodes.front, number, EDITS // 2) for number in (1, 2)]
    for editor in editors:
        editor.start()
    takeovers = []
    for kill in range(KILLS):
        wait_for(lambda kill=kill: has_done(editors, EDITS * kill // KILLS), 300)
        killed = holder(two_nodes)
        killed.worker.kill()
        killed.worker.wait()
        others = [node for node in two_nodes.nodes if node is not killed]
        takeovers.append(wait_for(lambda others=others: holder(two_nodes) in others, TAKEOVER))
        killed.start_worker()
    for editor in editors:
        editor.join(600)
        assert editor.error is None
    last_edit = time.monotonic()
    ledger = expected(two_nodes)
    assert ledger == editors[0].acknowledged | editors[1].acknowledged
    for node in two_nodes.nodes:
        wait_for(lambda node=node: node.served() == ledger, IN_STEP)
    wait_for(lambda: not pending(two_nodes), IN_STEP)
    print(
        f"{EDITS} edits, takeovers after {', '.join(f'{one:.1f}' for one in takeovers)} s, "
        f"all files in step {time.monotonic() - last_edit:.1f} s after the last edit"
    )


def has_done(editors, edits):
    errors = [editor.error for editor in editors if editor.error]
    assert not errors
    return sum(editor.done for editor in editors) >= edits


def pending(found):
    return found.ledger.execute("SELECT count(*) FROM dhcp_changes").fetchone()[0]


def test_each_node_has_an_edit_that_was_made_by_raw_sql(two_nodes):
    """Nobody syncs for it but the two workers."""
    wait_for(lambda: holder(two_nodes), TAKEOVER)
    two_nodes.ledger.execute(
        "INSERT INTO hosts (hostname, mac_address, ip_address)"
        " VALUES ('by-sql', '02:00:00:00:99:99', '10.50.3.9')"
    )
    for node in two_nodes.nodes:
        wait_for(lambda node=node: node.served().get("by-sql") == "10.50.3.9", IN_STEP)


def test_a_stopped_holder_that_wakes_up_changes_nothing_and_follows(two_nodes):
    """SIGSTOP: neither the process nor its connection has ended."""
    sleeping = wait_until_held(two_nodes)
    sleeping.worker.send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: holder(two_nodes) not in (sleeping, None), TAKEOVER)
        epoch = epoch_of(two_nodes)
        two_nodes.ledger.execute(
            "INSERT INTO hosts (hostname, mac_address, ip_address)"
            " VALUES ('awake', '02:00:00:00:99:98', '10.50.3.8')"
        )
        awake = holder(two_nodes)
        wait_for(lambda: "awake" in awake.served(), IN_STEP)
    finally:
        sleeping.worker.send_signal(signal.SIGCONT)
    wait_for(lambda: "awake" in sleeping.served(), IN_STEP)
    assert (holder(two_nodes), epoch_of(two_nodes)) == (awake, epoch)


def wait_until_held(found):
    wait_for(lambda: holder(found), TAKEOVER)
    return holder(found)


def epoch_of(found):
    return found.ledger.execute("SELECT epoch FROM dhcp_sync_leases").fetchone()[0]
