"""What `doctor` says of a real installation: nothing of a healthy one, the cause of a broken one.

Every harm is done to the installation that all tests here share, and undone."""

import json
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.deploy.conftest import BOOT, wait_for
from tests.ops.test_host_checks import sign

pytestmark = pytest.mark.on("sqlite")
DATA, ETC = "/var/lib/ipmanager", "/etc/ipmanager"


def findings(house, *options):
    """The warnings and errors, by the name of the check."""
    doctor = ["ipmanager-manage", "doctor", "--json", *options]
    report = json.loads(house.debian.run(*doctor, check=False).stdout)
    bad = [one for one in report["results"] if one["level"] in ("warning", "error")]
    return {one["exam"]: one["said"] for one in bad}


@pytest.fixture(scope="module")
def healthy(started):
    """The installation, as soon as its worker has reported."""
    wait_until_healthy(started)
    return started


def wait_until_healthy(house):
    """The doctor takes a second of the processor, what a monitor asks next to nothing."""
    wait_for(lambda: not warnings(house), house.log, seconds=60)
    wait_for(lambda: not findings(house, "--quick"), house.log, seconds=60)


def warnings(house):
    return json.loads(house.curl("/readyz", check=False) or '{"warnings": ["away"]}')["warnings"]


# --- healthy --------------------------------------------------------------------------------------


def test_a_fresh_installation_has_nothing_to_say(healthy):
    assert findings(healthy) == {}
    assert warnings(healthy) == []


def test_an_installation_with_a_range_has_nothing_to_say(healthy, scoped):
    ends = {"first": f"{BOOT}00", "last": f"{BOOT}50"}
    healthy.api("pools/", json.dumps({"subnet": scoped["id"], "kind": "dhcp", **ends}))
    wait_for(lambda: "dhcp-range" in installed(healthy), healthy.log, seconds=60)
    wait_until_healthy(healthy)


def installed(house):
    return house.debian.path("/etc/dnsmasq.d/ipmanager.conf").read_text()


# --- broken ---------------------------------------------------------------------------------------


@contextmanager
def misspelt(house):
    environment = house.debian.path(f"{ETC}/environment")
    before = environment.read_text()
    environment.write_text(f"{before}IPMANAGER_DNSMAQS_DIR=/srv\n")
    yield "settings", "IPMANAGER_DNSMAQS_DIR is not a setting"
    environment.write_text(before)


@contextmanager
def old_backup(house):
    made = datetime.now(UTC) - timedelta(days=9)
    name = f"{DATA}/backups/ipmanager-{made:%Y%m%d-%H%M%S}-000.tar"
    house.debian.run("install", "-d", "-o", "ipmanager", "-m", "700", f"{DATA}/backups")
    house.debian.run("touch", name)
    yield "backups", "is 9 days old"
    house.debian.run("rm", name)


@contextmanager
def expired_certificate(house):
    tls, now = house.debian.path(f"{ETC}/tls"), datetime.now(UTC)
    before = (tls / "certificate.pem").read_bytes()
    sign(tls / "key.pem", now - timedelta(days=9), now - timedelta(days=1))
    (tls / "certificate.pem").write_bytes((tls / "cert").read_bytes())
    house.debian.run("nginx", "-s", "reload")
    yield "certificate", "has expired"
    (tls / "certificate.pem").write_bytes(before)
    house.debian.run("nginx", "-s", "reload")


@contextmanager
def stopped_nginx(house):
    house.debian.run("nginx", "-s", "quit")
    yield "nginx", "does not answer by TLS"
    house.debian.run("nginx")


@contextmanager
def mode(house, path, broken, check, text):
    before = house.debian.run("stat", "--format=%a", path).stdout.strip()
    house.debian.run("chmod", broken, path)
    yield check, text
    house.debian.run("chmod", before, path)


@contextmanager
def read_only_database(house):
    with mode(house, f"{DATA}/ipmanager.sqlite3", "400", "writable database", "be saved") as told:
        yield told


@contextmanager
def public_key(house):
    with mode(house, f"{DATA}/ipmanager.sqlite3", "644", "private files", "Every user") as told:
        yield told


@contextmanager
def guessable_password(house):
    change = "from django.contrib.auth.models import User; u = User.objects.get(); "
    house.python(f"{change}u.set_password('admin'); u.save()")
    yield "passwords", "attackers try first"
    house.python(f"{change}u.set_password('{house.password}'); u.save()")


@contextmanager
def lost_leases(house):
    house.debian.run("mv", "/var/lib/misc/dnsmasq.leases", "/var/lib/misc/away")
    yield "leases", "There is no lease file"
    house.debian.run("mv", "/var/lib/misc/away", "/var/lib/misc/dnsmasq.leases")


# What can be broken at once; each group is told by one run of the doctor. Trying passwords takes
# seconds, so the quick form leaves it out.
QUICK = [misspelt, old_backup, expired_certificate, read_only_database, lost_leases]
WHOLE = [stopped_nginx, public_key, guessable_password]
FOLLOWS = {"web server", "certificate", "worker"}


@pytest.mark.parametrize(
    ("harms", "options"), [(QUICK, ["--quick"]), (WHOLE, [])], ids=["quick", "whole"]
)
def test_a_broken_installation_is_told_by_its_causes(healthy, harms, options):
    with ExitStack() as stack:
        causes = [stack.enter_context(harm(healthy)) for harm in harms]
        found = findings(healthy, *options)
    explained = set()
    for check, text in causes:
        # What the worker has found already is told once, as its.
        told = {name for name, said in found.items() if text in said}
        assert told and told <= {check, "dnsmasq's hosts"}
        explained |= told
    assert found.keys() - explained <= FOLLOWS
