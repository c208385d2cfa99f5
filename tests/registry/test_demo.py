"""Three real services, a real registry, a real agent: they get ports, find each other, die and come
back."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from client import Client, RegistryError
from registry.models import RegistryConfig, RestartAction
from tests.support.site import ROOT, alive, gone, manage, site

TIMEOUT, GRACE = 4, 4
DEMO = ROOT / "tests" / "registry" / "demo.py"
# What an init system does: start it, and be done.
START = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"


@pytest.fixture
def token():
    return secrets.token_hex(20)


@pytest.fixture
def running(shared_database, tmp_path, token):
    RegistryConfig.objects.update(heartbeat_timeout=TIMEOUT, grace_period=GRACE)
    with site(shared_database | {"IPMANAGER_BOOTSTRAP_TOKEN": token}, tmp_path / "site") as started:
        yield started


@pytest.fixture
def registry(running, token):
    return Client(running.url, token, "")


class Host:
    """A machine with demo services, as its own processes."""

    def __init__(self, place, environment, url, token):
        self.place = place
        self.environment = environment | {
            "IPMANAGER_URL": url,
            "IPMANAGER_TOKEN": token,
            "PYTHONPATH": str(ROOT),
        }

    def command(self, name, *more):
        return [sys.executable, str(DEMO), name, str(self.place / name), *more]

    def start(self, name, *more):
        subprocess.Popen(
            [sys.executable, "-c", START, *self.command(name, *more)], env=self.environment
        ).wait()
        wait_until((self.place / name).exists)

    def pid(self, name):
        return int((self.place / name).read_text())

    def end(self):
        for file in self.place.iterdir():
            if file.name.isalpha() and alive(pid := int(file.read_text())):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def host(tmp_path, site_environment, running, token):
    (tmp_path / "host").mkdir()
    made = Host(tmp_path / "host", site_environment, running.url, token)
    yield made
    made.end()


@contextlib.contextmanager
def agent(host, tmp_path, actions, *services):
    """The agent on the host, with this list of its own."""
    file = tmp_path / "actions.toml"
    file.write_text(actions)
    file.chmod(0o644)
    named = [word for service in services for word in ("--service", service)]
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "registry_agent",
        "--actions",
        str(file),
        *named,
    ]
    environment = host.environment | {"IPMANAGER_DATA_DIR": str(tmp_path / "agent")}
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield
        finally:
            process.terminate()


def read(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def wait_until(ready, seconds=60):
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.whole
def test_three_services_find_each_other_and_one_is_killed_and_restarted(
    running, registry, host, tmp_path
):
    RestartAction.objects.create(key="start-billing")
    for name, *more in (("db",), ("shop",), ("billing", "start-billing")):
        host.start(name, *more)
    ports = {row["service_id"]: row["port"] for row in registry.services()}
    assert sorted(ports.values()) == [8000, 8001, 8002]
    assert read(registry.endpoint("shop") + "/ask/billing") == "billing"
    assert read(registry.endpoint("billing") + "/ask/db") == "db"

    killed = host.pid("billing")
    os.kill(killed, signal.SIGKILL)
    assert gone([killed])
    wait_until(
        lambda: [row["service_id"] for row in registry.services(status="inactive")] == ["billing"]
    )
    early = registry.register("early", preferred_port=ports["billing"])
    assert early["port"] != ports["billing"]
    wait_until(
        lambda: (
            registry.register(f"late{secrets.token_hex(2)}", preferred_port=ports["billing"])[
                "port"
            ]
            == ports["billing"]
        )
    )
    assert registry.endpoint("shop") and registry.endpoint("db")  # they lived all the time

    (host.place / "billing").unlink()
    argv = [sys.executable, "-c", START, "/usr/bin/env"]
    argv += [
        f"{name}={host.environment[name]}"
        for name in ("IPMANAGER_URL", "IPMANAGER_TOKEN", "PYTHONPATH")
    ]
    argv += host.command("billing", "start-billing")
    actions = f"[actions.start-billing]\nargv = {json.dumps(argv)}\n"
    with agent(host, tmp_path, actions, "billing", "shop"):
        wait_until((host.place / "billing").exists)
        assert read(registry.endpoint("billing", wait=30)) == "billing"
        with pytest.raises(RegistryError, match="400"):
            registry.post("restart", service_id="billing", restart_script="/bin/sh -c id")
    assert host.pid("billing") != killed


def test_the_agents_help_shows_its_list(site_environment):
    assert (
        "[actions.restart-billing]" in manage(site_environment, "registry_agent", "--help").stdout
    )
