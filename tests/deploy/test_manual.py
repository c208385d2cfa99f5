"""docs/operation.md and docs/betrieb.md: every command runs as it stands, in their order, on an
installed system.

The system is an overlay of the running one with a PostgreSQL, a dnsmasq and IPManager of its own.
Where systemd does not run and no package can be fetched, tests/deploy/stand_ins.py stands in for
systemctl, journalctl and apt; everything else is real. In `make test` the English edition runs up
to the restore; the long form runs both to their ends."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from tests.support import require
from tests.support.site import ROOT
from tests.support.system import SOURCE, VENV, system

PROOF = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
MANUALS = {"english": ROOT / "docs/operation.md", "german": ROOT / "docs/betrieb.md"}
EDITIONS = list(MANUALS) if PROOF else ["english"]
LAST = 9 if PROOF else 4  # section
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$|^## (\d+)\.", re.MULTILINE | re.DOTALL)
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
    touch /var/log/syslog /var/lib/misc/dnsmasq.leases
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

    def before_8(self):
        """An installation with SQLite, and no database of the name that it shall move to."""
        self.bash("systemctl stop ipmanager-service ipmanager-worker")
        self.bash(
            "cd ipmanager && deploy/install.sh --database sqlite && dropdb -U ipadmin ipmanager_db"
        )
        assert '"engine": "sqlite"' in self.bash("ipmanager-manage backup --json")

    def before_9(self):
        assert "admin" in self.sql("SELECT username FROM auth_user")


@pytest.fixture
def reader(tmp_path):
    require.part(
        "overlay",
        "common-python",
        "root",
        "postgresql",
        "dnsmasq",
        "nginx",
        "openssl",
        "curl",
        "git",
    )
    with system(tmp_path) as debian:
        debian.run("bash", "-euc", CHECKOUT, more={"HOME": "/root", "SOURCE": SOURCE, "VENV": VENV})
        yield Reader(debian)


@pytest.mark.on("postgresql")  # the manual is about that
@pytest.mark.parametrize("edition", EDITIONS)
def test_every_command_of_the_manual_runs(reader, edition):
    before = ""
    for section, language, text in parts(edition):
        if section != before:
            getattr(reader, f"before_{section}", lambda: None)()
            before = section
        if int(section) > LAST:
            break
        if language == "sql":
            reader.sql(text)
        else:
            reader.bash(text)
    assert '"ok"' in reader.bash("curl --silent http://127.0.0.1:8000/readyz")


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
