"""The database of version 0.1, of both kinds, opens in this one: with its history, generations,
token and boot files."""

import gzip
import json
import shutil
import sqlite3
import subprocess
import urllib.request
from pathlib import Path

import pytest
from django.db import connection

from tests.conftest import empty_database_of, environment_of_a_site
from tests.support.site import lend_static_files, manage, site

FORMER = Path(__file__).resolve().parents[1] / "data" / "version-0.1"
TOKEN = "ipm_0123456789abcdef0123456789abcdef"
LEDGER = """
import json
from dhcp.models import Generation
from ipam import models
from pxe.models import BootFile
print(json.dumps({
    "rows": [models.Subnet.objects.count(), models.Server.objects.count(),
             models.IPAddress.objects.count()],
    "history": models.Server.history.count(),
    "generations": Generation.objects.count(),
    "boot files": [file.name for file in BootFile.objects.all()],
}))
"""


@pytest.fixture(scope="module")
def former(tmp_path_factory, django_test_environment, django_db_blocker):
    """The environment of an installation of version 0.1, as it was left when it was stopped, after
    the first `prepare` of this version. Its steps take long: the tests share it."""
    place = tmp_path_factory.mktemp("former")
    environment = environment_of_a_site(place) | {"IPMANAGER_PUBLIC_URL": "http://ipam.test:8000"}
    data = Path(environment["IPMANAGER_DATA_DIR"])
    lend_static_files(data)
    for name in ("dnsmasq", "boot"):
        shutil.copytree(FORMER / name, data / name)
    with empty_database_of(place, django_db_blocker) as url:
        load(url)
        environment["DATABASE_URL"] = url
        run(environment, "prepare")
        yield environment


@pytest.fixture(scope="module", autouse=True)
def ledger(former):
    """What is in it before a test changes it."""
    return json.loads(run(former, "shell", "--no-imports", "-c", LEDGER))


def load(url: str) -> None:
    text = gzip.decompress((FORMER / f"{connection.vendor}.sql.gz").read_bytes())
    if connection.vendor == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
            database.executescript(text.decode())
        return
    # The tables are new ones, so the ledger would take itself for a restored one. It is the same.
    text += (
        b"\nUPDATE public.ledger_stamp SET home = 'public.ledger_stamp'::regclass::oid::bigint;\n"
    )
    psql = ["psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", url]
    done = subprocess.run(psql, input=text, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()


def run(environment: dict[str, str], *command: str) -> str:
    done = manage(environment, *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.each
@pytest.mark.whole
def test_the_former_version_s_database_and_files_go_on_unchanged(former, ledger, tmp_path):
    assert ledger == {
        "rows": [9, 40, 348],
        "history": 48,
        "generations": 9,
        "boot files": ["debian-12/vmlinuz"],
    }
    report = json.loads(run(former, "populate_ipam", "--json"))
    assert not any(report[name] for name in report if name.endswith(("created", "updated")))
    assert (report["freed"], report["moved"], report["deleted"]) == (0, 0, 0)

    run(former, "sync_dnsmasq", "--force")
    for name in ("hosts", "opts"):
        written = Path(former["IPMANAGER_DATA_DIR"], "dnsmasq", name).read_bytes()
        assert written == (FORMER / "dnsmasq" / name).read_bytes()

    with site(former, tmp_path / "output") as running:
        asked = urllib.request.Request(
            f"{running.url}/api/v1/servers/", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert json.load(answer)["count"] == 40
        kernel = f"{running.url}/boot/files/debian-12/vmlinuz"
        with urllib.request.urlopen(kernel, timeout=10) as answer:
            assert answer.read() == b"kernel of the former version"


@pytest.mark.each
@pytest.mark.whole
def test_a_generation_of_the_former_version_can_be_gone_back_to(former):
    run(former, "sync_dnsmasq", "--rollback", "1")
    hosts = Path(former["IPMANAGER_DATA_DIR"], "dnsmasq", "hosts").read_text()
    assert "-0," not in hosts  # no server had been renamed yet
    run(former, "sync_dnsmasq", "--release")
    hosts = Path(former["IPMANAGER_DATA_DIR"], "dnsmasq", "hosts").read_bytes()
    assert hosts == (FORMER / "dnsmasq" / "hosts").read_bytes()
