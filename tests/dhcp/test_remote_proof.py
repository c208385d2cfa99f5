"""An agent as a process, over TLS through nginx, beside a real dnsmasq, without any database.

The long form (`make proof`) leaves it without its centre for 62 s, kills its dnsmasq, takes its
configuration away and turns its clock: each is told at the centre within 60 s, and gone within 60 s
when it is mended."""

import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from core import web_process
from dhcp.daemon.heartbeat import states
from dhcp.models import DhcpChange, DhcpScope, DhcpServer, DhcpTransaction, Generation
from dhcp.remote import tokens
from ipam.models import Server, Sighting, Subnet
from ops import doctor
from tests.support.api import with_token
from tests.support.lab import STATIC, laboratory, stop
from tests.support.postgres import end_with_parent, free_port
from tests.support.site import ROOT

LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.once,
    pytest.mark.needs("root", "namespaces", "dnsmasq", "nginx", "openssl"),
]
A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
TOLD = 60  # seconds
AWAY = 62
NGINX = """\
worker_processes 1;
error_log {home}/error.log;
pid {home}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {home}/cert.pem;
        ssl_certificate_key {home}/key.pem;
        location / {{ proxy_pass {behind}; proxy_read_timeout 120s; }}
    }}
}}
"""


class Front:
    """nginx with a certificate of its own before the centre."""

    def __init__(self, home, behind):
        self.port = free_port()
        self.url, self.cert = f"https://127.0.0.1:{self.port}", home / "cert.pem"
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        names = ["-subj", "/CN=centre", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", home / "key.pem", "-out", self.cert]
        command = ["openssl", "req", "-x509", "-days", "30", *key, *names, *files]
        subprocess.run(command, check=True, capture_output=True)
        self.conf = home / "nginx.conf"
        self.conf.write_text(NGINX.format(home=home, port=self.port, behind=behind))
        self.process = None

    def start(self):
        command = ["nginx", "-p", self.conf.parent, "-c", self.conf, "-g", "daemon off;"]
        self.process = subprocess.Popen(command, preexec_fn=end_with_parent)

    def stop(self):
        if self.process:
            stop(self.process)
        self.process = None


@pytest.fixture
def front(tmp_path, live_server):
    made = Front(tmp_path, live_server.url)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def lab():
    with laboratory([STATIC]) as lab:
        yield lab


@pytest.fixture
def berlin(settings, live_server):
    settings.DHCP_SYNC = "worker"
    office = Subnet.objects.create(network="10.77.0.0/24", site="Berlin")
    berlin = DhcpServer.objects.create(name="berlin", site="Berlin", run_by="agent")
    DhcpScope.objects.create(subnet=office)
    Server.objects.create(hostname="a", mac_address=A, ip_address="10.77.0.9")
    return berlin


@pytest.fixture
def environment(tmp_path, lab, front, berlin):
    """Of the agent's host. Its database is nowhere."""
    (tmp_path / "token").write_text(tokens.create(berlin)[1])
    (tmp_path / "installed").write_text("dhcp-authoritative\n")
    ours = ("IPMANAGER_", "DJANGO_", "DATABASE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "DATABASE_URL": "postgres://nobody@127.0.0.1:9/nowhere",
        "IPMANAGER_DATA_DIR": str(tmp_path / "agent"),
        "IPMANAGER_AGENT_URL": front.url,
        "IPMANAGER_AGENT_TOKEN_FILE": str(tmp_path / "token"),
        "IPMANAGER_DNSMASQ_DIR": str(lab.files),
        "IPMANAGER_DNSMASQ_RELOAD": lab.reload_setting,
        "IPMANAGER_DNSMASQ_LEASES": str(lab.leases),
        "IPMANAGER_DNSMASQ_LOG": str(lab.logfile),
        "IPMANAGER_DNSMASQ_CONF": str(tmp_path / "installed"),
        "SSL_CERT_FILE": str(front.cert),
    }


COMMAND = [sys.executable, "manage.py", "dnsmasq_agent", "--server", "berlin"]


def an_hour_ahead():
    """As `faketime -f +1h` sets it, which would leave its child running when it is ended."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    kept = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    return {"LD_PRELOAD": str(library), "FAKETIME": "+3600s", **kept}


@contextmanager
def agent(environment, output):
    with output.open("ab") as stream:
        running = subprocess.Popen(
            COMMAND,
            cwd=ROOT,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
        )
    try:
        yield running
    finally:
        stop(running)


def findings():
    """What doctor, and with it the first page, finds wrong: level and text."""
    results = doctor.run_checks("dhcp")
    return [(one.level, one.text) for one in results if one.level in ("warning", "error")]


def finds(words):
    return any(words in text for _level, text in findings())


def metric(name):
    text = with_token("read").get("/metrics").content.decode()
    found = re.findall(rf'^{name}{{[^}}]*server="berlin"[^}}]*}} (\S+)$', text, re.MULTILINE)
    return float(found[0]) if found else None


def wait_until(question, seconds=TOLD):
    """How long it took, in seconds."""
    began = time.monotonic()
    while not question():
        assert time.monotonic() - began < seconds, (question, findings())
        time.sleep(0.5)
    return round(time.monotonic() - began, 1)


def test_one_round_over_tls_without_a_database(environment, lab, berlin, front, tmp_path):
    done = subprocess.run(
        [*COMMAND, "--once"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lab.wait(lambda: f"read {lab.hosts}\n" in lab.log(), "not read")
    assert lab.client.acquire(A).ip == "10.77.0.9"
    newest = Generation.objects.newest(berlin.pk)
    assert newest.result == "applied" and not DhcpChange.objects.for_server(berlin.pk).exists()

    value = (tmp_path / "token").read_text()
    for path in ("subnets/", "servers/", "dhcp/servers/", "users/", "dhcp/state/", "search/?q=a"):
        request = urllib.request.Request(f"{front.url}/api/v1/{path}")
        request.add_header("Authorization", f"Bearer {value}")
        with pytest.raises(urllib.error.HTTPError, match="401|404"):
            urllib.request.urlopen(request, context=_trusting(front), timeout=20)


def _trusting(front):
    return ssl.create_default_context(cafile=front.cert)


def test_an_agent_without_a_database_runs_and_is_seen(environment, lab, berlin, tmp_path):
    with agent(environment, tmp_path / "agent.log"):
        wait_until(lambda: states()[berlin.pk].is_up)
        wait_until(lambda: lab.client.acquire(A))
        wait_until(lambda: Sighting.objects.filter(source="lease", origin="berlin").exists())
    assert "Traceback" not in (tmp_path / "agent.log").read_text()


@pytest.mark.needs("faketime")
def what_happens_at_a_site_is_told_at_the_centre(
    environment, lab, berlin, front, tmp_path, admin_client, capsys
):
    output, took = tmp_path / "agent.log", {}
    with agent(environment, output) as running:
        wait_until(lambda: states()[berlin.pk].is_up)
        wait_until(lambda: lab.client.acquire(A))  # dnsmasq may be up before it has its files
        assert lab.client.acquire(A).ip == "10.77.0.9"
        wait_until(lambda: Sighting.objects.filter(source="lease", origin="berlin").exists())

        # the configuration is not installed
        took["not installed"] = wait_until(lambda: finds("the configuration is not installed"))
        assert metric("ipmanager_dhcp_agent_conf_installed") == 0
        assert "configuration is not installed" in admin_client.get("/admin/").content.decode()
        (tmp_path / "installed").write_bytes((lab.files / "conf").read_bytes())
        took["installed"] = wait_until(lambda: not finds("the configuration is not installed"))

        # dnsmasq dead
        lab.process.kill()
        took["dead"] = wait_until(lambda: states()[berlin.pk].state == "dead")
        assert metric("ipmanager_dhcp_up") == 0 and finds("dnsmasq of berlin: dead")
        lab.stop()
        lab.start()
        took["alive"] = wait_until(lambda: states()[berlin.pk].is_up)

        # 62 s without the centre
        before = lab.hosts.read_bytes()
        front.stop()
        began = time.monotonic()
        Server.objects.create(hostname="b", mac_address=B, ip_address="10.77.0.10")
        assert lab.client.renew(A, "10.77.0.9").type == "ACK"
        seen = DhcpTransaction.objects.filter(server=berlin).count()
        wait_until(lambda: finds("The agent of the DHCP server berlin has not been seen"), 75)
        took["missed"] = round(time.monotonic() - began, 1)
        assert metric("ipmanager_dhcp_agent_seen_seconds") > 50
        time.sleep(max(0, AWAY - (time.monotonic() - began)))
        assert lab.hosts.read_bytes() == before and running.poll() is None
        assert DhcpTransaction.objects.filter(server=berlin).count() == seen
        front.start()
        took["back: files"] = wait_until(lambda: B in lab.hosts.read_text())
        took["back: recorded"] = wait_until(
            lambda: not DhcpChange.objects.for_server(berlin.pk).exists()
        )
        took["back: log"] = wait_until(
            lambda: DhcpTransaction.objects.filter(server=berlin).count() > seen
        )
        took["back: seen"] = wait_until(lambda: not finds("has not been seen"))
        wait_until(lambda: lab.client.acquire(B))
        assert lab.client.acquire(B).ip == "10.77.0.10"

        # from a commit to the machine that has it, through the centre
        began = time.monotonic()
        Server.objects.filter(hostname="b").first().delete()
        wait_until(lambda: B not in lab.hosts.read_text())
        took["commit to file"] = round(time.monotonic() - began, 1)

    # clock off: the same host, an hour ahead
    with agent(environment | an_hour_ahead(), output):
        took["clock off"] = wait_until(lambda: finds("is off by +3600 s"))
        assert metric("ipmanager_dhcp_agent_clock_seconds") > 3590
        page = admin_client.get("/admin/dhcp/dhcpserver/").content.decode()
        assert "clock off by +3600 s" in page
    with agent(environment, output):
        took["clock right"] = wait_until(lambda: not finds("is off by"))
    with capsys.disabled():
        print(json.dumps(took), findings())
    wait_until(lambda: not web_process.waiting())  # an agent that has ended has asked last
    text = output.read_text()
    assert "Traceback" not in text, text
    assert text.count("does not answer") <= 2 and "the centre answers again" in text


if LONG:
    test_what_happens_at_a_site_is_told_at_the_centre = what_happens_at_a_site_is_told_at_the_centre
