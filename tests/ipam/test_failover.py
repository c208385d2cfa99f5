"""A PostgreSQL primary dies and its standby takes its place: no address is handed out before it is
clear that nothing is lost.

Real streaming replication. A process of the site asks for addresses over the same URL all the
time, by the fast path and by Django."""

import json
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import environment_of_a_site
from tests.support import postgres, template
from tests.support.replication import pair
from tests.support.site import ROOT

pytestmark = [pytest.mark.on("postgresql"), pytest.mark.each]

TOKEN = "CANARY-" + secrets.token_hex(20)
PREPARE = """
import django
django.setup()
from ipam.models import Subnet
from ops import prepare
prepare.create_first_user()
prepare.apply_bootstrap_token()
Subnet(pk=1, network="10.0.0.0/16", static_ip_pools=["10.0.0.10-10.0.0.250"]).save()
"""
SITE = """
import io, json, sys
import django
django.setup()
from django.db import DatabaseError
from ipam import freeze
from ipmanager.wsgi import application

def ask(headers):
    body = b"{}"
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/api/v1/subnets/1/next-free/", "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost", "REMOTE_ADDR": "127.0.0.1", "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)), "QUERY_STRING": "", "HTTP_AUTHORIZATION": "Bearer TOKEN",
        "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http",
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False, **headers,
    }
    status = []
    answer = application(environ, lambda line, headers, error=None: status.append(line))
    text = b"".join(answer)
    getattr(answer, "close", lambda: None)()
    return int(status[0].split()[0]), json.loads(text)

for word in sys.stdin:
    word = word.strip()
    if word == "look":
        try:
            freeze.look()
            said = [0, {}]
        except DatabaseError as error:
            said = [1, {"detail": str(error)}]
    else:
        said = ask({"HTTP_IDEMPOTENCY_KEY": word} if word != "next" else {})
    print(json.dumps(said), flush=True)
"""


@dataclass(frozen=True)
class Prepared:
    """An installation to begin with: the data directory of its PostgreSQL, and its own."""

    database: Path
    site: Path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, django_db_blocker):
    place = tmp_path_factory.mktemp("prepared")
    with django_db_blocker.unblock():
        data = template.cluster()
    with postgres.running(data=data) as server:
        environment = environment_of(server.url, place)
        subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=environment, check=True)
        server.stop()
        yield Prepared(server.home / "data", place / "data")


def environment_of(url, place):
    return environment_of_a_site(place) | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
        "IPMANAGER_BOOTSTRAP_TOKEN": TOKEN,
        "IPMANAGER_DHCP_SYNC": "worker",
    }


class Asked:
    """The process, and the addresses that it has answered with."""

    def __init__(self, process):
        self.process, self.addresses = process, []

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def next(self, word="next"):
        status, body = self.say(word)
        if status in (200, 201):
            self.addresses.append(body["ip_address"])
        return status, body

    def until(self, wanted, seconds=30):
        """Ask by both ways until the answer has this status; those before were refusals."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for word in ("next", secrets.token_hex(8)):
                status, body = self.next(word)
                if status == wanted:
                    return body
            time.sleep(0.05)
        raise AssertionError((status, body))


@contextmanager
def site_on(both, prepared, place, **settings):
    shutil.copytree(prepared.site, place / "data")
    environment = environment_of(both.url, place) | settings
    command = [sys.executable, "-c", SITE.replace("TOKEN", TOKEN)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as process:
        try:
            yield Asked(process)
        finally:
            process.stdin.close()
            process.wait(20)


def frozen(both):
    return both.execute("SELECT frozen_at IS NOT NULL, reason FROM ledger_stamp")[0]


def fall_behind(both, site, lost):
    """Allocate some addresses that the standby has, and some that it does not get."""
    site.say("look")
    for _turn in range(3):
        site.next()
    both.wait_until_it_follows()
    both.standby.stop()
    before = len(site.addresses)
    for _turn in range(lost):
        site.next()
    assert len(site.addresses) == before + lost
    both.primary.kill()


def test_a_lagging_standby_hands_out_nothing_even_where_its_numbers_have_overtaken(
    prepared, tmp_path
):
    with pair(prepared.database) as both, site_on(both, prepared, tmp_path) as site:
        assert site.next()[0] == 201 and site.next("a-key")[0] == 201
        fall_behind(both, site, lost=5)
        handed_out = list(site.addresses)
        both.promote()
        refusal = site.until(503)
        while "frozen" not in refusal.get("code", ""):
            refusal = site.until(503)
        assert site.addresses == handed_out, "handed out after the failover"
        assert "failed over" in refusal["detail"]
        # Others write, and the history's numbers overtake those that this host has seen.
        both.execute(
            "INSERT INTO ip_addresses_history SELECT (jsonb_populate_record(h, jsonb_build_object("
            "'history_id', h.history_id + 1000 + n, 'history_date', now()))).*"
            " FROM ip_addresses_history h, generate_series(1, 3) n"
            " WHERE h.history_id = (SELECT max(history_id) FROM ip_addresses_history)"
        )
        for _turn in range(20):
            site.next()
            site.next(secrets.token_hex(8))
        assert site.addresses == handed_out
        assert frozen(both) == (False, "")  # no worker has looked yet
        site.say("look")
        assert frozen(both)[0]
        for _turn in range(5):
            site.next()
        assert site.addresses == handed_out


def test_with_synchronous_replication_allocation_goes_on_and_no_address_comes_twice(
    prepared, tmp_path
):
    with pair(prepared.database) as both, site_on(both, prepared, tmp_path) as site:
        both.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        both.execute("SELECT pg_reload_conf()")
        wait_until_synchronous(both)
        site.say("look")
        for _turn in range(5):
            assert site.next()[0] == 201
        both.primary.kill()
        both.standby.stop()
        both.promote(settings={"synchronous_standby_names": ""})
        handed_out = list(site.addresses)
        site.until(503)
        assert site.addresses == handed_out
        site.say("look")
        site.until(201)
        assert not frozen(both)[0]
        assert len(set(site.addresses)) == len(site.addresses)


def wait_until_synchronous(both):
    query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    deadline = time.monotonic() + 20
    while both.execute(query) != [(1,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_who_prefers_to_go_on_says_so(prepared, tmp_path):
    go_on = {"IPMANAGER_FAILOVER": "continue"}
    with pair(prepared.database) as both, site_on(both, prepared, tmp_path, **go_on) as site:
        fall_behind(both, site, lost=0)
        both.promote()
        site.until(503)
        site.say("look")
        site.until(201)
