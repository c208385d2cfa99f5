"""Whatever text is sent through the API or by raw SQL: refused, or served as it was accepted; never
another line.

`test_any_text` tries the renderer alone. IPMANAGER_TEST_PROOF=1 (`make proof`) sends ten thousand
texts instead of a few hundred."""

import os
import subprocess
from ipaddress import ip_network

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dhcp.files import check
from dhcp.files.names import safe_name
from dhcp.files.sync import sync
from dhcp.models import DhcpOption, DhcpScope
from ipam.models import Interface, Server, Subnet
from ipam.placement.catch_up import catch_up
from tests.dhcp.test_any_text import text
from tests.support import require
from tests.support.api import with_token
from tests.support.by_hand import insert, update
from tests.support.lab import laboratory

BATCH = 50
EXAMPLES = (10_000 if os.environ.get("IPMANAGER_TEST_PROOF") else 100) // BATCH
NET = ip_network("10.77.0.0/16")
FIRST = 256

name = text | st.from_regex(r"[A-Za-z0-9_-]{1,12}(\.[a-z]{1,5})?", fullmatch=True)
WAYS = [
    "post",
    "patch",
    "post card",
    "insert",
    "update",
    "insert card",
    "domain",
    "raw domain",
    "option",
    "raw option",
    "boot file",
    "raw boot file",
]


class Ledger:
    """A subnet with a scope, and texts that come in by every door."""

    def __init__(self, api):
        self.api = api
        self.count = FIRST
        self.subnet = Subnet.objects.create(network=str(NET))
        self.scope = DhcpScope.objects.create(subnet=self.subnet)
        self.option = DhcpOption.objects.create(scope=self.scope, number=224, value="first")

    def facts(self):
        self.count += 1
        mac = f"02:00:00:00:{self.count >> 8:02x}:{self.count & 255:02x}"
        return {"ip_address": str(NET[self.count]), "mac_address": mac}

    def server(self):
        return Server.objects.create(hostname=f"host-{self.count}", **self.facts())

    def send(self, way, value):
        """What is refused is refused in good order: an error 500 or a broken transaction is
        none."""
        if way in ("post", "patch", "post card", "domain"):
            assert self.by_api(way, value).status_code in (200, 201, 400, 409)
        else:
            self.by_sql(way, value)

    def by_api(self, way, value):
        if way == "post":
            return self.api.post("/api/v1/servers/", {"hostname": value, **self.facts()})
        if way == "patch":
            return self.api.patch(f"/api/v1/servers/{self.server().pk}/", {"hostname": value})
        if way == "post card":
            return self.api.post(
                "/api/v1/interfaces/", {"server": self.server().pk, "name": value, **self.facts()}
            )
        return self.api.patch(f"/api/v1/subnets/{self.subnet.pk}/", {"domain": value})

    def by_sql(self, way, value):
        work = {
            "insert": lambda: insert(Server, hostname=value, **self.facts()),
            "update": lambda: update(self.server(), hostname=value),
            "insert card": lambda: insert(
                Interface, server_id=self.server().pk, name=value, **self.facts()
            ),
            "raw domain": lambda: update(self.subnet, domain=value),
            "option": lambda: self.save(self.option, value=value),
            "raw option": lambda: update(self.option, value=value),
            "boot file": lambda: self.save(self.scope, boot_file=value),
            "raw boot file": lambda: update(self.scope, boot_file=value),
        }
        try:
            with transaction.atomic():
                work[way]()
        except (
            IntegrityError,
            DataError,
            ValueError,
        ) as refused:  # ValueError: a NUL never gets as far as SQL
            assert str(refused)

    def save(self, row, **facts):
        """As the admin's form does it."""
        row.refresh_from_db()
        for field, value in facts.items():
            setattr(row, field, value)
        try:
            row.save()
        except ValidationError as refused:
            assert refused.messages

    def expected(self):
        """Each reservation that dnsmasq is to have, and the name that it may bear."""
        rows = {}
        for row in Server.objects.exclude(mac_address=None):
            rows[(row.mac_address,), row.ip_address] = safe_name(row.hostname).text
        for row in Interface.objects.exclude(mac_address=None).select_related("server"):
            label = f"{row.server.hostname.partition('.')[0]}-{row.name.replace('.', '-')}"
            rows[(row.mac_address,), row.ip_address] = safe_name(label).text
        return rows


def assert_served(ledger, target):
    """Every reservation has its line, under its own name or, where two would share one, under none;
    nothing else."""
    data = target.hosts.read_bytes()
    reading = check.hosts_file(data, [NET])
    expected = ledger.expected()
    assert reading.complaints == []
    assert {(row.macs, row.ip) for row in reading.rows} == set(expected)
    assert data.count(b"\n") == 2 + len(expected)
    for row in reading.rows:
        assert row.name in ("", expected[row.macs, row.ip])
    given_names = [row.name for row in reading.rows if row.name]
    assert set(given_names) == {label for label in expected.values() if label}
    assert len(given_names) == len(set(given_names))
    return data


def assert_options(target):
    """At most one line for each thing that there is to say."""
    data = target.opts.read_bytes()
    assert check.opts_file(data) == []
    keys = [line.split(b",")[1] for line in data.splitlines() if not line.startswith(b"#")]
    assert len(keys) == len(set(keys))
    assert set(keys) <= {b"option:router", b"option:domain-name", b"option:bootfile-name", b"224"}
    return data


def complaint(path, hosts, opts):
    """dnsmasq's own; it reads these lines strictly only in its configuration."""
    lines = [
        f"dhcp-host={line}\n" for line in hosts.decode().splitlines() if not line.startswith("#")
    ]
    lines += [
        f"dhcp-option={line}\n" for line in opts.decode().splitlines() if not line.startswith("#")
    ]
    path.write_text("".join(lines))
    done = subprocess.run(
        ["dnsmasq", "--test", f"--conf-file={path}"], capture_output=True, text=True
    )
    return done.stderr.strip()


@pytest.fixture
def somewhere(settings, target):
    settings.DHCP_SYNC = "worker"
    return target


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES < 100,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.tuples(st.sampled_from(WAYS), name), min_size=BATCH, max_size=BATCH))
def test_texts_are_refused_or_served_and_dnsmasq_takes_what_is_served(somewhere, tmp_path, texts):
    require.part("dnsmasq")
    with transaction.atomic():
        ledger = Ledger(with_token("admin"))
        for way, value in texts:
            ledger.send(way, value)
        catch_up()
        assert sync(force=True).good

        hosts, opts = assert_served(ledger, somewhere), assert_options(somewhere)
        assert complaint(tmp_path / "conf", hosts, opts) == "dnsmasq: syntax check OK."
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_a_running_dnsmasq_has_nothing_to_say_about_them(somewhere, settings):
    with laboratory(["10.77.0.0,static,255.255.0.0,1h"], address="10.77.0.1/16") as lab:
        settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD = lab.files, lab.reload_setting
        ledger = Ledger(with_token("admin"))
        for value in [
            "web",
            "ignore",
            "12h",
            "set:x",
            "x,ignore",
            "\n",
            "a.b",
            "Ünicode",
            "x" * 63,
            "-x",
            "a_b",
            "0",
        ]:
            for way in WAYS:
                ledger.send(way, value)
        reads = lab.reads()
        assert sync(force=True).good
        lab.wait(lambda: lab.reads() > reads, "dnsmasq did not reload")
        assert lab.complaints() == []
        assert lab.alive()
