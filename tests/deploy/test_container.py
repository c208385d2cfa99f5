"""The Dockerfile and deploy/container: what can be known without building images.

IPMANAGER_TEST_PROOF=1 (`make proof`): test_fresh_debian also takes the Dockerfile's steps, in a
fresh Debian."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.support import settings_file
from tests.support.postgres import free_port

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "deploy/container"
SCHEMA = ROOT / "tests/data/schemas/compose-spec.json"


def stages():
    """The instructions of each stage, by its name."""
    found = {}
    for word, rest in steps():
        if word == "FROM":
            name = rest.split()[-1]
            found[name] = []
        found[name].append((word, rest))
    return found


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((PLACE / "compose.yaml").read_text())


def steps():
    """The Dockerfile's instructions: word and rest, lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    text = text.replace("\\\n", "")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def test_the_compose_file_is_one(compose):
    jsonschema.validate(compose, json.loads(SCHEMA.read_text()))


def test_the_compose_file_names_nothing_that_is_not_there(compose):
    for service in compose["services"].values():
        named = {volume.split(":")[0] for volume in service["volumes"]}
        assert named <= compose["volumes"].keys()
        assert set(service.get("secrets", [])) <= compose["secrets"].keys()
        assert service.get("depends_on", {}).keys() <= compose["services"].keys()


def test_the_compose_file_sets_what_are_settings(compose):
    known = set(re.findall(r"^#([A-Z_]+)=", settings_file.render(), re.MULTILINE))
    for name in ("web", "worker"):
        settings = {
            setting.removesuffix("_FILE") for setting in compose["services"][name]["environment"]
        }
        assert settings <= known


def test_our_containers_can_do_no_more_than_they_must(compose):
    for name, service in compose["services"].items():
        if name != "db":
            assert service["read_only"] and service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]
        assert (service.get("user") == "root") == (name == "dnsmasq")
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "secrets" not in compose["services"]["dnsmasq"]


def test_no_password_stands_in_the_compose_file(compose):
    assert all(secret["file"].startswith("secrets/") for secret in compose["secrets"].values())
    assert "/deploy/container/secrets/" in (ROOT / ".gitignore").read_text().split()
    assert "deploy/container/secrets" in (ROOT / ".dockerignore").read_text().split()


def test_the_image_is_made_of_files_that_are_there_and_ends_without_root():
    ignored = (ROOT / ".dockerignore").read_text().split()
    for word, rest in steps():
        if word == "COPY" and not rest.startswith("--from"):
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists() and f"!{name.split('/')[0]}" in ignored, name
    for name in ("web", "ippool", "tools"):
        assert ("USER", "ipmanager") in stages()[name], name
    assert all(
        word
        in (
            "FROM",
            "RUN",
            "COPY",
            "ENV",
            "WORKDIR",
            "VOLUME",
            "EXPOSE",
            "USER",
            "ENTRYPOINT",
            "CMD",
        )
        for word, _ in steps()
    )
    assert any("--require-hashes" in rest for word, rest in steps() if word == "RUN")


def test_web_and_ippool_hold_what_they_need_and_no_more():
    """No package manager, no pip, no perl, no client of PostgreSQL."""
    for name in ("web", "ippool"):
        words = [word for word, _rest in stages()[name]]
        assert stages()[name][0] == ("FROM", f"scratch AS {name}") and "RUN" not in words
    packages = re.sub("#.*", "", (PLACE / "packages").read_text()).split()
    assert packages == sorted(packages)
    assert not {"apt", "dpkg", "perl-base", "python3-pip", "postgresql-client"} & set(packages)
    assert any("--without-pip" in rest for _word, rest in stages()["build"])


def test_compose_builds_targets_that_there_are(compose):
    ours = [service for name, service in compose["services"].items() if name != "db"]
    assert {service["build"]["target"] for service in ours} == {"web", "dnsmasq"}
    assert all(service["build"]["target"] in stages() for service in ours)


def test_the_image_has_every_room_of_the_house():
    copied = {rest.split()[0] for word, rest in steps() if word == "COPY"}
    rooms = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert rooms | {"manage.py", "templates", "deploy"} <= copied


@contextlib.contextmanager
def container(environment, *words):
    """The entrypoint with these words, ended with the block."""
    entrypoint = [str(PLACE / "entrypoint"), *words]
    process = subprocess.Popen(entrypoint, env=environment | {"ENTRYPOINT_PYTHON": sys.executable})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def ask(process, url, body=None):
    deadline = time.monotonic() + 60
    while True:
        try:
            request = urllib.request.Request(
                url, body, {"Content-Type": "application/json"} if body else {}
            )
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)


def test_the_container_takes_the_arguments_of_ippool(migrated_database):
    port = free_port()
    flags = ["--port", str(port), "--network", "192.168.1", "--gateway", "192.168.1.1"]
    with container(migrated_database, "ippool", *flags) as process:
        given = ask(
            process, f"http://127.0.0.1:{port}/api/v1/ip/allocate", b'{"vm_id": "srv-abc123"}'
        )
    assert (given["ip"], given["gateway"], given["network"]) == (
        "192.168.1.2",
        "192.168.1.1",
        "192.168.1.0/24",
    )


def test_options_alone_are_ippools_as_for_the_image_that_it_replaces(migrated_database):
    told = run(
        migrated_database, "--port", "9000", "--network", "192.168.1", "--gateway", "10.0.0.1"
    )
    assert "--gateway: 10.0.0.1 is not in 192.168.1.0/24" in told.stderr


def test_any_other_word_is_a_command(migrated_database):
    assert "no issues" in run(migrated_database, "check").stdout


def run(environment, *words):
    more = {"ENTRYPOINT_PYTHON": sys.executable, "PATH": os.defpath}
    return subprocess.run(
        [PLACE / "entrypoint", *words],
        env=environment | more,
        capture_output=True,
        text=True,
        check=False,
    )
