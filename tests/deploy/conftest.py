"""One installation for all tests here: deploy/install.sh in an overlay of the running system,
started by hand."""

import json
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import connection

from tests.support import require
from tests.support.lab import Client
from tests.support.system import SOURCE, VENV, System, system

# What is no matter of the database is tried in one of the two passes.
collect_ignore = (
    []
    if connection.vendor == "sqlite"
    else ["test_container.py", "test_front.py", "test_privileges.py"]
)
INSTALL = f"{SOURCE}/deploy/install.sh"
NAME, BOOT, NETWORK = "ipam.test", "10.77.0.1", "10.77.0.0/24"
CANARIES = {
    "IPMANAGER_SECRET_KEY": "canary-of-the-secret-key-0123456789abcdefghijklmnopqrstuv",
    "IPMANAGER_ADMIN_PASSWORD": "canary-of-the-password-1",
    "IPMANAGER_BOOTSTRAP_TOKEN": "canary-of-the-token-23456789",
}
FIRST = re.compile(r"password: +(\S+)\n +API token: +(ipm_\w+)")


@dataclass
class House:
    """The system, what its installation said, and the wire to its machines."""

    debian: System
    said: str
    wire: str
    database: str
    log: Path
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    @property
    def password(self) -> str:
        return FIRST.findall(self.said)[0][0]

    @property
    def token(self) -> str:
        return FIRST.findall(self.said)[0][1]

    def install(self, *options: str) -> str:
        return self.debian.run(INSTALL, *options, "--venv", VENV).stdout

    def install_again(self, *options: str) -> str:
        return self.debian.run(INSTALL, *options).stdout

    def curl(self, path: str, *options: str, host: str = NAME, check: bool = True) -> str:
        """What nginx answers by TLS."""
        there = [
            "--insecure",
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--resolve",
            f"{host}:443:127.0.0.1",
        ]
        return self.debian.run(
            "curl", *there, *options, f"https://{host}{path}", check=check
        ).stdout

    def api(self, path: str, body: str) -> str:
        bearer, kind = f"Authorization: Bearer {self.token}", "Content-Type: application/json"
        more = ["--fail-with-body", "-H", bearer, "-H", kind, "--data", body]
        return self.curl(f"/api/v1/{path}", *more)

    def python(self, code: str) -> str:
        return self.debian.run(
            "ipmanager-manage", "shell", "--verbosity=0", "--command", code
        ).stdout

    def settle(self, name: str, value: str) -> None:
        """A setting as an administrator makes it."""
        file = self.debian.path("/etc/ipmanager/environment")
        file.write_text(file.read_text().replace(f"#{name}=\n", f"{name}={value}\n"))

    def start(self) -> None:
        """What systemd would do, by hand: database, site, nginx, dnsmasq under its supervisor."""
        for name, value in CANARIES.items():
            self.settle(name, value)
        if self.database == "postgresql":
            self.debian.run(
                "sh",
                "-c",
                "pg_ctlcluster $(pg_lsclusters --no-header | awk '{print $1, $2}') start",
            )
        self.running["site"] = self.debian.start("ipmanager-manage", "run", log=self.log)
        self.running["dnsmasq"] = self.debian.start(
            f"{SOURCE}/deploy/container/ipmanager-dnsmasq",
            "--helper-option=--tftp-root=/var/lib/ipmanager/tftp",
            "--",
            "--interface=eth1",
            log=self.log,
        )
        self.debian.run("nginx")
        wait_for(lambda: '"ok"' in self.curl("/readyz", check=False), self.log)


def wait_for(condition, log: Path | None = None, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, log.read_text() if log else "it did not come"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="package")
def house(tmp_path_factory):
    require.part("overlay", "common-python", "root", "nginx", "dnsmasq", "openssl", "curl")
    database = connection.vendor
    with system(tmp_path_factory.mktemp("system")) as debian, debian.cable(f"{BOOT}/24") as wire:
        said = debian.run(
            INSTALL,
            "--name",
            NAME,
            "--boot",
            BOOT,
            "--database",
            database,
            "--venv",
            VENV,
            timeout=600,
        ).stdout
        yield House(debian, said, wire, database, tmp_path_factory.mktemp("log") / "log")


@contextmanager
def system_without_ipmanager(tmp_path_factory):
    require.part("overlay", "common-python", "root", "nginx", "dnsmasq", "openssl")
    with system(tmp_path_factory.mktemp("system")) as debian:
        yield House(debian, "", "", "sqlite", Path())


@pytest.fixture
def fresh(tmp_path_factory):
    """A system without IPManager."""
    with system_without_ipmanager(tmp_path_factory) as house:
        yield house


@pytest.fixture(scope="package")
def started(house):
    """The same, and everything runs."""
    house.start()
    yield house
    house.debian.end()
    for process in house.running.values():
        process.wait(30)


@pytest.fixture(scope="package")
def scoped(started):
    """The subnet of the wire, which DHCP serves. It exists once, whichever test comes first."""
    made = json.loads(started.api("subnets/", json.dumps({"network": NETWORK})))
    scope = f"from dhcp.models import DhcpScope; DhcpScope.objects.create(subnet_id={made['id']})"
    started.python(scope)
    return made


@pytest.fixture(scope="package")
def machines(started):
    """DHCP clients on the wire."""
    client = Client(started.wire)
    yield client
    client.close()
