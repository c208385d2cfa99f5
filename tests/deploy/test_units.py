"""deploy/systemd: the units are well-formed, and shut in as far as their work allows."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import require

pytestmark = require.mark("systemd-analyze")

UNITS = Path(__file__).parents[2] / "deploy/systemd"
SERVICES = sorted(UNITS.glob("*.service"))
LARGEST_EXPOSURE = 2.5
# systemd.exec(5): each of these implies NoNewPrivileges= for a service that is not root's, and sudo
# cannot work then.
EXCLUDES_SUDO = [
    "SystemCallFilter",
    "SystemCallArchitectures",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "PrivateDevices",
    "ProtectKernelTunables",
    "ProtectKernelModules",
    "ProtectKernelLogs",
    "ProtectClock",
    "MemoryDenyWriteExecute",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "LockPersonality",
    "ProtectHostname",
    "NoNewPrivileges",
]
OURS = [
    "ipmanager-service",
    "ipmanager-worker",
    "ipmanager-dnsmasq-agent@",
    "ipmanager-registry-agent",
]


def directives(path):
    return [line for line in path.read_text().splitlines() if re.match("[A-Z]", line)]


def analyze(*arguments):
    done = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_is_hardly_exposed(unit):
    status, told = analyze(
        "security",
        "--offline=true",
        "--no-pager",
        f"--threshold={LARGEST_EXPOSURE * 10:.0f}",
        str(unit),
    )
    figure = float(re.search(r"exposure level for \S+: ([0-9.]+)", told)[1])
    assert (status, figure <= LARGEST_EXPOSURE) == (0, True), told


def test_systemd_understands_every_line(tmp_path):
    """In a copy whose commands exist on any machine; what it does not know, it names as
    `unknown`."""
    for path in UNITS.rglob("*.*"):
        if path.is_file():
            text = re.sub(r"(?m)^(ExecStart=)\S+", r"\1/bin/true", path.read_text())
            (tmp_path / path.name).write_text(re.sub(r"(?m)^WorkingDirectory=.*\n", "", text))
    kinds = (".service", ".path", ".socket")
    units = [str(path) for path in tmp_path.glob("*") if path.suffix in kinds]
    _, told = analyze("verify", "--man=no", "--recursive-errors=no", *units)
    assert str(tmp_path) not in told and "Unknown" not in told, told


@pytest.mark.parametrize("name", OURS)
def test_what_we_run_is_not_root_and_may_gain_nothing(name):
    lines = directives(UNITS / f"{name}.service")
    assert any(line in ("User=ipmanager", "User=ipmanager-agent") for line in lines)
    assert {
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "PrivateUsers=yes",
    } <= set(lines)


@pytest.mark.parametrize("name", OURS[:2])
def test_the_sudo_variant_takes_back_whatever_excludes_sudo(name):
    set_here = {line.partition("=")[0] for line in directives(UNITS / f"{name}.service")}
    taken_back = {line.partition("=")[0] for line in directives(UNITS / "sudo.conf")}
    assert set(EXCLUDES_SUDO) & set_here <= taken_back
