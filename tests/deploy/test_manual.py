"""docs/operation.md and docs/betrieb.md: every command runs as it stands, in their order, on an
installed system.

The system is an overlay of the running one with a PostgreSQL, a dnsmasq and IPManager of its own.
Where systemd does not run and no package can be fetched, tests/deploy/stand_ins.py stands in for
systemctl, journalctl and apt; everything else is real. In `make test` the English edition runs up
to the restore; the long form runs both to their ends. Sections 6.3 and 8 are about other systems: a
new host, and one that never had PostgreSQL."""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import require
from tests.support.by_hand import only
from tests.support.site import ROOT
from tests.support.system import SOURCE, VENV, debootstrap, system

PROOF = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
MANUALS = {"english": ROOT / "docs/operation.md", "german": ROOT / "docs/betrieb.md"}
EDITIONS = list(MANUALS) if PROOF else ["english"]
LAST = 9 if PROOF else 4  # section
ELSEWHERE = {"6.3", "8"}  # sections that are not about the system of the others
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$|^##+ (\d+(?:\.\d+)?)\.? ", re.MULTILINE | re.DOTALL)
LEASED = "10.112.57.12"

CHECKOUT = r"""
    git config --global user.email test@example.org; git config --global user.name test
    git config --global --add safe.directory '*'; git config --global init.defaultBranch main
    mkdir /root/upstream && cd "$SOURCE"
    tar --create --exclude=./var --exclude=./.git --exclude=__pycache__ --exclude='./.*_cache' \
        --exclude=./.venv --exclude=./.hypothesis . | tar --extract --directory /root/upstream
    cd /root/upstream && git init --quiet && git add --all && git commit --quiet --message first
    git clone --quiet /root/upstream /root/ipmanager
    mkdir --parents /opt/ipmanager/venvs
    lock=$(sha256sum </root/ipmanager/requirements/run.txt | cut -c1-12)
    ln -s "$VENV" "/opt/ipmanager/venvs/$lock"
    echo '#!/usr/bin/python3' >/usr/local/lib/stand_ins
    cat "$SOURCE/tests/deploy/stand_ins.py" >>/usr/local/lib/stand_ins
    chmod 755 /usr/local/lib/stand_ins
    touch /var/log/syslog
"""
POSTGRESQL = r"""
    touch /var/lib/misc/dnsmasq.leases
    version=$(ls /usr/lib/postgresql | sort --version-sort | tail -n 1)
    [ "$(pg_lsclusters --no-header)" ] || pg_createcluster "$version" main >/dev/null
    pg_lsclusters --no-header |
        { read -r version cluster _; pg_ctlcluster "$version" "$cluster" start; }
"""
STAND_IN = (
    "for name in systemctl journalctl apt; do ln -s /usr/local/lib/stand_ins "
    "/usr/local/bin/$name; done"
)
FILLED = """
    INSERT INTO subnets (network, description) VALUES ('10.112.57.0/24', 'HQ');
    INSERT INTO pools (subnet_id, first, last, kind)
        SELECT id, '10.112.57.10', '10.112.57.50', 'static' FROM subnets;
    INSERT INTO dhcp_scopes (subnet_id) SELECT id FROM subnets;
    INSERT INTO hosts (hostname, mac_address, ip_address) VALUES
        ('web', '00:11:22:33:44:55', '10.112.57.10'), ('db', '00:11:22:33:44:66', '10.112.57.11');
"""
TABLES = "SELECT json_agg(t) FROM (SELECT * FROM {} ORDER BY id) t"


def parts(edition):
    """The manual's blocks, each with its language and the number of its section."""
    section = ""
    for language, text, number in BLOCK.findall(MANUALS[edition].read_text()):
        section = number or section
        if language:
            yield section, language, text


class Reader:
    """Somebody with the manual in one hand."""

    def __init__(self, debian):
        self.debian = debian

    def bash(self, text, check=True):
        done = self.debian.run(
            "bash",
            "-euo",
            "pipefail",
            "-c",
            f"cd /root\n{text}",
            more={"HOME": "/root"},
            check=False,
            timeout=1800,
        )
        assert not check or done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}{self.log()}"
        return done.stdout

    def sql(self, text):
        words = [
            "psql",
            "-U",
            "ipadmin",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
        ]
        return self.debian.run(*words, "ipmanager_db", input=text).stdout.strip()

    def rows(self):
        return [
            json.loads(self.sql(TABLES.format(table)) or "[]")
            for table in ("subnets", "hosts", "ip_addresses")
        ]

    def log(self):
        path = self.debian.path("/var/log/syslog")
        return path.read_text(errors="replace")[-5000:] if path.exists() else ""

    def wait(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.2)

    def allocate(self, vm):
        code = f"""
from ipam import allocate, freeze, models
try:
    print(allocate.allocate(models.Subnet.objects.get(network="10.112.57.0/24"), vm_id="{vm}").row)
except freeze.Frozen as error:
    print(error)
"""
        return self.debian.run(
            "ipmanager-manage", "shell", "--no-imports", "--command", code
        ).stdout.strip()

    # --- what happens between the sections --------------------------------------------------------

    def before_2(self):
        """The installation has something to keep."""
        self.bash(STAND_IN)
        self.bash("systemctl start dnsmasq ipmanager-service ipmanager-worker")
        self.sql(FILLED)
        self.wait(lambda: self.sql("SELECT count(*) FROM raw_changes") == "0")
        self.wait(lambda: "dnsmasq-dhcp" in self.log())

    def before_3(self):
        self.backed_up = self.rows()

    def before_4(self):
        """After the backup a machine gets an address, and is on the network."""
        assert self.allocate("later") == LEASED
        until = int(time.time()) + 3600
        lease = f"{until} 02:00:00:00:00:0a {LEASED} later *\n"
        self.debian.path("/var/lib/misc/dnsmasq.leases").write_text(lease)

    def before_5(self):
        """What was in the backup is there; nobody got the address of the machine that the backup
        does not know."""
        assert self.quarantined() == [LEASED]
        kept = [
            row | {"status": "available"} if row["ip_address"] == LEASED else row
            for row in self.rows()[2]
        ]
        was = self.backed_up[2]
        names = ("id", "ip_address", "status", "server_id", "hostname", "mac_address", "vm_id")
        assert [[row[name] for name in names] for row in kept] == [
            [row[name] for name in names] for row in was
        ]
        assert self.rows()[:2] == self.backed_up[:2]
        assert self.allocate("new") == "10.112.57.13"

    def quarantined(self):
        return self.sql(
            "SELECT host(ip_address) FROM ip_addresses WHERE status = 'quarantine'"
        ).splitlines()

    def before_6(self):
        assert self.sql("SELECT count(*) FROM hosts WHERE hostname = 'web'") == "0"
        assert self.sql("SELECT count(*) FROM subnets WHERE network = '10.112.58.0/24'") == "1"

    def before_7(self):
        """There is something new."""
        assert self.sql("SELECT count(*) FROM dhcp_hand_edits WHERE state = 'discarded'") == "1"
        self.bash(
            "cd upstream && echo >>docs/operation.md && git commit --quiet --all --message second"
        )

    def before_9(self):
        assert "admin" in self.sql("SELECT username FROM auth_user")


PARTS = [
    "overlay",
    "common-python",
    "root",
    "postgresql",
    "dnsmasq",
    "nginx",
    "openssl",
    "curl",
    "git",
]


@contextmanager
def checkout(home, more=""):
    """A system that has the checkout of the manual, and nothing of IPManager."""
    require.part(*PARTS)
    with system(home) as debian:
        variables = {"HOME": "/root", "SOURCE": SOURCE, "VENV": VENV}
        debian.run("bash", "-euc", CHECKOUT + more, more=variables)
        yield Reader(debian)


@pytest.fixture
def reader(tmp_path):
    with checkout(tmp_path, POSTGRESQL) as reader:
        yield reader


@pytest.mark.on("postgresql")  # the manual is about that
@pytest.mark.parametrize("edition", EDITIONS)
def test_every_command_of_the_manual_runs(reader, edition):
    before = ""
    for section, language, text in parts(edition):
        if section in ELSEWHERE:
            continue
        chapter = section.partition(".")[0]
        if chapter != before:
            getattr(reader, f"before_{chapter}", lambda: None)()
            before = chapter
        if int(chapter) > LAST:
            break
        if language == "sql":
            reader.sql(text)
        else:
            reader.bash(text)
    assert '"ok"' in reader.bash("curl --silent http://127.0.0.1:8000/readyz")


LEDGER = """
from ipam.models import Pool, Server, Subnet
hq = Subnet.objects.create(network="10.112.57.0/24", description="HQ")
Pool.objects.create(subnet=hq, first="10.112.57.10", last="10.112.57.50")
Server.objects.create(hostname="web", mac_address="00:11:22:33:44:55", ip_address="10.112.57.10")
"""
TELL = """
import json
from django.contrib.auth.models import User
from django.db import connection
from ipam import freeze
from ipam.models import Server
print(json.dumps({"database": connection.vendor, "servers": Server.objects.count(),
    "admin": User.objects.get().check_password("kept"),
    "frozen": freeze.state() is not None}))
"""


def follow(reader, section, edition="english"):
    """Run a section of the manual; what it printed."""
    found = [text for number, _language, text in parts(edition) if number == section]
    assert found
    return "".join(reader.bash(text) for text in found)


def facts(reader):
    run = ["ipmanager-manage", "shell", "--no-imports", "--verbosity=0", "--command"]
    return json.loads(reader.debian.run(*run, TELL).stdout)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """An installation with SQLite that somebody uses; PostgreSQL was never set up there."""
    with checkout(tmp_path_factory.mktemp("small")) as reader:
        reader.bash(STAND_IN)
        reader.bash("mkdir -p /run/systemd/system")
        reader.bash(
            "export IPMANAGER_ADMIN_PASSWORD=kept; "
            "ipmanager/deploy/install.sh --name ipam.example.org --database sqlite"
        )
        reader.bash("echo IPMANAGER_KEEP_EVENTS=91 >>/etc/ipmanager/environment")
        command = ["ipmanager-manage", "shell", "--no-imports", "--command", LEDGER]
        reader.debian.run(*command)
        yield reader


@pytest.fixture(scope="module")
def archive(small):
    """Its backup."""
    path = json.loads(small.bash("ipmanager-manage backup --json"))["path"]
    return Path(path).name, small.debian.path(path).read_bytes()


@pytest.mark.on("sqlite")
@pytest.mark.parametrize("edition", EDITIONS)
def test_a_lost_host_comes_back_by_section_6_3(archive, tmp_path, edition):
    """On a host that never had it: no directory of backups, an archive of root, no range."""
    name, content = archive
    with checkout(tmp_path) as reader:
        copy = reader.debian.path("/root") / name
        copy.write_bytes(content)
        copy.chmod(0o600)
        said = follow(reader, "6.3", edition)
        assert facts(reader) == {
            "database": "sqlite",
            "servers": 1,
            "admin": True,
            "frozen": False,
        }
        settings = reader.debian.path("/etc/ipmanager/environment").read_text()
        assert "https://ipam.example.org/admin/" in said
        assert "\nIPMANAGER_KEEP_EVENTS=91\n" in settings
        modes = reader.bash("stat --format %a:%U /var/lib/ipmanager/{backups,ipmanager.sqlite3}")
        assert modes == "700:ipmanager\n600:ipmanager\n"
        if not PROOF:
            return  # what is not empty is not restored over: tests/ops/test_backup.py
        with pytest.raises(AssertionError, match="(?s)is not empty.*nothing was restored"):
            follow(reader, "6.3", edition)
        assert facts(reader)["servers"] == 1


@pytest.mark.on("sqlite")
def test_an_archive_that_is_none_stops_before_anything_is_installed(tmp_path, small, archive):
    small.debian.path("/root/broken.tar").write_bytes(archive[1][:5000])
    for path, complaint in {
        "/root/broken.tar": "is not a backup of IPManager, or it is damaged",
        "/etc": "there is no ipmanager-",
        "/root/none.tar": "there is no /root/none.tar",
    }.items():
        with pytest.raises(AssertionError, match=complaint):
            small.bash(f"ipmanager/deploy/install.sh --restore {path}")
    with pytest.raises(AssertionError, match="the backup is of sqlite"):
        small.debian.path("/root/whole.tar").write_bytes(archive[1])
        small.bash("ipmanager/deploy/install.sh --restore whole.tar --database postgresql")


@pytest.mark.on("sqlite")
def test_sqlite_becomes_postgresql_by_section_8(small, archive):
    if PROOF:
        with pytest.raises(AssertionError, match="the database stays as it was"):
            small.bash("ipmanager/deploy/install.sh --database postgres://x@127.0.0.1:1/x")
        assert facts(small)["database"] == "sqlite"
    said = follow(small, "8")
    assert "the ledger has moved to PostgreSQL" in said and "password:" not in said
    moved = {"database": "postgresql", "servers": 1, "admin": True, "frozen": False}
    assert facts(small) == moved
    small.wait(lambda: '"ok"' in small.bash("curl -s http://127.0.0.1:8000/readyz || true"))
    with pytest.raises(AssertionError, match="would be left behind"):
        small.bash("ipmanager/deploy/install.sh --database sqlite")
    assert follow(small, "8") == "ipmanager: nothing to do\n"
    assert facts(small) == moved


# The Python of each Debian, for which pip fetches the packages.
SUITES = {"bookworm": "3.11", "trixie": "3.13"}
FRESH = ["python3-minimal", "ca-certificates", "sudo", "iproute2"]
PLATFORMS = ["manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"]


@pytest.fixture(scope="module", params=list(SUITES))
def bare(request, tmp_path_factory):
    """A fresh Debian with the checkout and the Python packages, and nothing else; no systemd."""
    require.part("overlay", "root", "debootstrap")
    root = tmp_path_factory.mktemp(request.param) / "root"
    debootstrap(root, FRESH, request.param)
    (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    (root / "root/ipmanager").symlink_to(SOURCE)
    (root / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    lock = ["--require-hashes", "--requirement", str(ROOT / "requirements/run.txt")]
    version = ["--python-version", SUITES[request.param], "--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", root / "wheels"]
    subprocess.run([*command, *version, *platforms, *lock], check=True)
    return root


@only(PROOF)
@pytest.mark.on("sqlite")
def test_sections_8_and_6_3_on_a_fresh_debian(bare, tmp_path):
    with system(tmp_path / "first", bare, network=True) as debian:
        first = Reader(debian)
        first.bash("ipmanager/deploy/install.sh --name ipam.example.org --database sqlite")
        first.bash(f"ipmanager-manage shell --no-imports --command '{LEDGER}'")
        assert "PostgreSQL database ipmanager_db" in follow(first, "8")
        cluster = "pg_ctlcluster $(pg_lsclusters --no-header | awk '{print $1, $2}')"
        first.bash(f"{cluster} start")
        assert facts(first)["database"] == "postgresql" and facts(first)["servers"] == 1
        path = json.loads(first.bash("ipmanager-manage backup --json"))["path"]
        content = debian.path(path).read_bytes()
    with system(tmp_path / "second", bare, network=True) as debian:
        second = Reader(debian)
        (debian.path("/root") / Path(path).name).write_bytes(content)
        assert "users and passwords of the backup" in follow(second, "6.3")
        second.bash(f"{cluster} start")
        told = facts(second)
        assert (told["database"], told["servers"], told["frozen"]) == ("postgresql", 1, False)
        assert second.bash("ipmanager/deploy/install.sh") == "ipmanager: nothing to do\n"


def test_both_editions_have_the_same_commands():
    english, german = (list(parts(edition)) for edition in MANUALS)
    assert german == english
    assert len(english) > 20
    assert {language for _section, language, _text in english} == {"bash", "sql"}


def test_no_command_hides_in_another_kind_of_block():
    for path in MANUALS.values():
        text = path.read_text()
        assert set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) == {"bash", "sql", ""}
        assert not re.search(r"^ {4}\S", text, re.MULTILINE)  # an indented block


def test_every_section_of_the_first_manual_is_there():
    """What the operation manual of the system that this one replaces told, in the sections of this
    one."""
    text = Path(MANUALS["german"]).read_text()
    for words in (
        "systemctl status dnsmasq",
        'grep "dnsmasq-dhcp" /var/log/syslog | tail -n 100',
        "pg_dump -U ipadmin ipmanager_db > ipmanager_backup_$(date +%F).sql",
        "dropdb",
        "createdb",
        "psql",
        "INSERT INTO subnets (network, description) VALUES ('10.112.58.0/24', 'Neues Büro UG');",
        "DELETE FROM hosts WHERE mac_address = '00:11:22:33:44:55';",
        "apt reinstall dnsmasq",
        "git pull",
        "systemctl restart ipmanager-service",
    ):
        assert words in text
