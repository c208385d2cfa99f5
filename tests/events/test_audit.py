"""The audit stream: messages of RFC 5424, and a real rsyslog that goes away and loses nothing."""

import os
import re
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured

from api.security.models import SecurityEvent
from core import env
from events.audit import health_checks
from events.audit.message import message, shortened
from events.audit.server import Place, Server
from events.audit.worker import AuditStream
from events.models import Cursor
from ipam.models import VRF
from tests.ipam.factories import SubnetFactory
from tests.support.by_hand import by_hand
from tests.support.postgres import free_port

LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
LINES, AWAY = (2000, 60) if LONG else (120, 2)

CONF = """
global(workDirectory="{place}" {tls})
module(load="imtcp" {driver})
module(load="imudp")
template(name="raw" type="string" string="%rawmsg%\\n")
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="all")
input(type="imudp" address="127.0.0.1" port="{port}" ruleset="all")
ruleset(name="all") {{ action(type="omfile" file="{file}" template="raw") }}
"""
TLS = """DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="{0}/right.pem"
DefaultNetstreamDriverCertFile="{0}/right.pem" DefaultNetstreamDriverKeyFile="{0}/right.key"
"""
DRIVER = 'StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"'


class Rsyslog:
    """Debian's rsyslog on a port of loopback, its messages in a file."""

    def __init__(self, place, scheme, certificates):
        self.port, self.file = free_port(), place / "messages"
        tls, driver = "", ""
        if scheme == "tls":
            tls, driver = TLS.format(certificates), DRIVER
        text = CONF.format(place=place, tls=tls, driver=driver, port=self.port, file=self.file)
        self.conf, self.pid_file = place / "rsyslog.conf", place / "rsyslog.pid"
        self.conf.write_text(text)
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def start(self):
        words = ["rsyslogd", "-n", "-f", str(self.conf), "-i", str(self.pid_file)]
        self.process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("rsyslog does not start")

    def stop(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(20)

    def keys(self):
        if not self.file.exists():
            return []
        return re.findall(r'key="(ipam\.vrf:\d+)"', self.file.read_text())


@pytest.fixture
def rsyslog(tmp_path, certificates, request):
    made = Rsyslog(tmp_path, request.param, certificates)
    made.start()
    yield made
    made.stop()


def stream(settings, tmp_path, url, ca=""):
    settings.SYSLOG, settings.SYSLOG_CA, settings.DATA_DIR = url, str(ca), tmp_path
    return AuditStream()


def vrfs(number, start=0):
    for one in range(start, start + number):
        VRF.objects.create(name=f"vrf {one}")


def expected():
    return {f"ipam.vrf:{row.history_id}" for row in VRF.history.all()}


@pytest.mark.needs("rsyslogd", "openssl")
@pytest.mark.django_db
@pytest.mark.parametrize("rsyslog", ["tcp", "tls"], indirect=True)
def test_a_server_that_is_away_loses_nothing(rsyslog, settings, tmp_path):
    worker = stream(settings, tmp_path, rsyslog.url, tmp_path / "right.pem")
    worker.work()
    vrfs(LINES // 3)
    worker.work()
    rsyslog.stop(signal.SIGKILL)  # what it has not written is gone
    vrfs(LINES // 3, 1000)
    end = time.monotonic() + AWAY
    while time.monotonic() < end:
        worker.work()
        assert worker.is_away
        time.sleep(0.5)
    rsyslog.start()
    worker.work()
    assert not worker.is_away
    worker.finish()
    worker = stream(settings, tmp_path, rsyslog.url, tmp_path / "right.pem")
    vrfs(LINES // 3, 2000)
    worker.work()
    worker.finish()
    end = time.monotonic() + 20
    while not expected() <= set(rsyslog.keys()):
        assert time.monotonic() < end, expected() - set(rsyslog.keys())
        time.sleep(0.1)


@pytest.mark.needs("rsyslogd", "openssl")
@pytest.mark.django_db
@pytest.mark.parametrize("rsyslog", ["tls"], indirect=True)
def test_a_server_with_a_certificate_of_another_ca_gets_nothing(rsyslog, settings, tmp_path):
    worker = stream(settings, tmp_path, rsyslog.url, tmp_path / "wrong.pem")
    worker.work()
    assert worker.is_away
    assert rsyslog.keys() == []
    worker.finish()


@pytest.mark.django_db
def test_datagrams_carry_one_message_each(settings, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        worker = stream(settings, tmp_path, f"udp://127.0.0.1:{server.getsockname()[1]}")
        worker.work()
        VRF.objects.create(name="x" * 40)
        worker.work()
        data = server.recv(65536).decode()
        worker.finish()
    assert re.match(r"<110>1 \d{4}-\d\d-\d\dT[0-9:.]+Z \S+ ipmanager - audit \[ipmanager@", data)
    assert 'kind="created" table="ipam.vrf"' in data
    assert data.count("\n") == 0


def line(**values):
    record = SimpleNamespace(name=values.get("name", "office"), history_type="~")
    facts = {
        "key": "ipam.vrf:1",
        "kind": "~",
        "table": "ipam.vrf",
        "object_id": 7,
        "who": "root",
        "source": "web",
        "change": "c1",
        "at": datetime(2026, 11, 30, 12, tzinfo=UTC),
        "before": None,
        "record": record,
        **values,
    }
    return SimpleNamespace(**facts)


@pytest.mark.once
def test_a_value_ends_neither_its_field_nor_its_message():
    text = message(line(who='a"]\\ b\n<13>1 forged', name="x\r\ny\0"), "h", 13).decode()
    assert "\n" not in text and "\r" not in text and "\0" not in text
    assert r'who="a\"\]\\ b\\u000a<13>1 forged"' in text
    assert text.startswith("<110>1 2026-11-30T12:00:00.000000Z h ipmanager - audit [")


@pytest.mark.once
def test_a_message_has_a_limit_and_ends_with_a_whole_character():
    data = message(line(name="ü" * 9000), "h", 13)
    assert len(data) <= 8192 and data.decode()
    assert shortened("aü".encode(), 2) == b"a"
    assert len(message(line(who="w" * 5000), "h" * 400, 13, 2048)) <= 2048


@pytest.mark.once
@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("udp://log", Place("udp", "log", 514)),
        ("tls://log.example.org", Place("tls", "log.example.org", 6514)),
        ("tcp://[::1]:99/", Place("tcp", "::1", 99)),
    ],
)
def test_a_place_has_the_port_that_is_usual(url, place):
    assert Place.of(url) == place


@pytest.mark.once
@pytest.mark.parametrize("url", ["http://log", "tls://", "log:514", "udp://a/b"])
def test_a_bad_setting_stops_the_start_and_names_itself(monkeypatch, url):
    from ipmanager import settings as real

    pattern = re.search(r'"IPMANAGER_SYSLOG",\s+"",\s+r"(.*)",', Path(real.__file__).read_text())[1]
    monkeypatch.setenv("IPMANAGER_SYSLOG", url)
    with pytest.raises(ImproperlyConfigured, match="IPMANAGER_SYSLOG"):
        env.matching("IPMANAGER_SYSLOG", "", pattern, "x")


@pytest.mark.django_db
def test_without_a_server_nothing_is_asked(settings, django_assert_num_queries):
    worker = AuditStream()
    with django_assert_num_queries(0):
        worker.work()
    worker.finish()
    assert worker.pause() == 3600


@pytest.mark.django_db
def test_a_line_that_cannot_be_read_is_left_out_and_holds_up_nothing(settings, tmp_path):
    SubnetFactory(network="10.0.0.0/24")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        worker = stream(settings, tmp_path, f"udp://127.0.0.1:{server.getsockname()[1]}")
        worker.work()
        for servers in ("nonsense", "", "10.0.0.1"):
            by_hand(f"UPDATE subnets SET dns_servers = '{servers}'")
        VRF.objects.create(name="red")
        worker.work()
        worker.finish()
        found = [server.recv(4096).decode() for _number in range(3)]
    told = [re.search('key="([a-z.]+)', text)[1] for text in found]
    assert told == ["ipam.subnet", "ipam.subnet", "ipam.vrf"]


@pytest.mark.django_db
def test_a_stream_that_is_behind_is_a_finding(settings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        worker = stream(settings, tmp_path, f"tcp://127.0.0.1:{server.getsockname()[1]}")
        worker.work()
        worker.finish()
    assert next(health_checks.audit_stream()).level < 30
    VRF.objects.create(name="waits")
    Cursor.objects.update(updated_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert "lines of the log wait" in next(health_checks.audit_stream()).msg


@pytest.mark.once
def test_what_was_sent_before_the_connection_ended_is_sent_again():
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = Server(Place("tcp", "127.0.0.1", server.getsockname()[1]))
        sender.send([b"one", b"two"])
        first, _peer = server.accept()
        first.close()
        time.sleep(0.1)
        sender.send([b"three"])
        second, _peer = server.accept()
        second.settimeout(5)
        assert second.recv(100) == b"3 one3 two5 three"
        second.close()
        sender.close()


@pytest.mark.django_db
def test_security_events_are_messages_too(settings, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        worker = stream(settings, tmp_path, f"udp://127.0.0.1:{server.getsockname()[1]}")
        worker.work()
        facts = {"actor": "mallory\n", "source": "web", "address": "192.0.2.9"}
        SecurityEvent.objects.create(kind="login_failed", subject="admin", **facts)
        worker.work()
        data = server.recv(65536).decode()
        worker.finish()
    assert 'table="ipmanager.securityevent"' in data and "\n" not in data
    assert data.endswith("event failed login, subject admin, address 192.0.2.9")
