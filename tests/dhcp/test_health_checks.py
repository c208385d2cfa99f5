"""Health checks on broken DHCP installations: each finding names the cause, and its printed
commands mend it."""

import os
import pwd
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from core.findings import ERROR, INFO, WARNING
from dhcp.daemon import known_faults, process
from dhcp.daemon.options import Options, read_options
from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.models import DhcpChange, DhcpScope, DhcpServer, HandEdit
from dhcp.state import health_checks
from ipam.models import Server
from ops import doctor
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.support.disk import tiny_disk
from tests.support.remedies import as_user, follow

pytestmark = pytest.mark.django_db
MAC = "02:00:00:00:00:01"


@pytest.fixture
def well(lab):
    """A real dnsmasq with a reservation of ours, and nothing to find."""
    SubnetFactory(network="10.77.0.0/24")
    ServerFactory(hostname="web", mac_address=MAC, ip_address="10.77.0.9")
    sync()
    assert findings() == {}
    return lab


def findings():
    """What is wrong: the first finding of each check, by its name."""
    found = {}
    for result in [*doctor.run_checks("dhcp", slow=True), *doctor.run_checks("ledger")]:
        if result.level in ("warning", "error"):
            found.setdefault(result.check.name, result.message)
    return found


def test_a_dnsmasq_that_is_down(well):
    well.stop()
    found = findings()
    assert set(found) == {"dnsmasq"}
    assert found["dnsmasq"].msg == "dnsmasq does not run."
    follow(found["dnsmasq"], well)
    assert findings() == {}
    assert well.client.acquire(MAC).ip == "10.77.0.9"


def test_a_dnsmasq_that_reads_another_hosts_file(well):
    other = well.home / "elsewhere"
    other.touch()
    well.conf.write_text(
        well.conf.read_text().replace(f"hostsfile={well.hosts}", f"hostsfile={other}")
    )
    well.stop()
    well.process = None
    start_without_our_hosts(well)
    found = findings()
    assert set(found) == {"dnsmasq's files"}
    assert (
        found["dnsmasq's files"].msg
        == f"dnsmasq reads {other} ({well.conf}:8), not our {well.hosts}."
    )
    follow(found["dnsmasq's files"], well)
    assert findings() == {}
    assert well.client.acquire(MAC).ip == "10.77.0.9"


def start_without_our_hosts(lab):
    """`lab.start` waits for our file; this dnsmasq never reads it."""
    reads, lab.reads = lab.reads, lambda: lab.log().count("elsewhere")
    try:
        lab.start()
    finally:
        lab.reads = reads


def test_a_dnsmasq_without_any_hosts_file(well, settings):
    """What is to be installed is the configuration that we propose."""
    place = well.home / "conf.d"
    place.mkdir()
    settings.DNSMASQ_CONF = place / "ipmanager.conf"
    kept = [line for line in well.conf.read_text().splitlines() if "dhcp-hostsfile" not in line]
    ours = ("dhcp-optsfile", "addn-hosts")
    kept = [line for line in kept if not line.startswith(ours)]
    well.conf.write_text("\n".join([*kept, f"conf-dir={place},*.conf"]) + "\n")
    (place / "ipmanager.conf.bak").write_text(f"dhcp-hostsfile={well.hosts}\n")  # not read
    well.stop()
    reads, well.reads = well.reads, lambda: well.log().count("started, version")
    well.start()
    well.reads = reads
    sick = findings()["dnsmasq's files"]
    assert "has none of our reservations" in sick.msg
    follow(sick, well)
    assert "dnsmasq's files" not in findings()
    assert well.client.acquire(MAC).ip == "10.77.0.9"


def test_a_hosts_file_that_dnsmasq_may_not_read(well):
    well.hosts.chmod(0o600)
    found = findings()
    assert set(found) == {"readable files"}
    assert str(well.hosts) in found["readable files"].msg
    follow(found["readable files"], well)
    assert findings() == {}
    well.reload()
    assert well.client.acquire(MAC).ip == "10.77.0.9"


def test_a_directory_that_dnsmasq_may_not_enter(well):
    well.files.chmod(0o700)
    found = findings()
    assert found["readable files"].msg == f"dnsmasq's user cannot enter {well.files}."
    follow(found["readable files"], well)
    assert findings() == {}


def test_a_directory_that_we_may_not_write(well):
    nobody = pwd.getpwnam("nobody")
    target = Target.from_settings()
    sick = as_user(nobody.pw_uid, lambda: list(health_checks.writable(target)))
    assert sick[0].msg == f"Nothing can be written into {well.files}: Permission denied."
    follow(sick[0], well)
    assert as_user(nobody.pw_uid, lambda: list(health_checks.writable(target))) == []


def test_a_disk_that_is_full(well):
    kept = {path.name: path.read_bytes() for path in well.files.iterdir()}
    with tiny_disk(well.files, 16 * 1024):
        well.files.chmod(0o755)
        for name, data in kept.items():
            (well.files / name).write_bytes(data)
        fill(well.files / "somebodys.iso")
        sick = findings()["writable files"]
        assert sick.msg == f"Nothing can be written into {well.files}: No space left on device."
        biggest = follow(sick, well).splitlines()[-1].split()[1]
        assert biggest == str(well.files)
        (well.files / "somebodys.iso").unlink()
        assert findings() == {}


def fill(path):
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            return


def test_changes_that_wait(well):
    DhcpChange.objects.create(label="x", at=timezone.now() - timedelta(minutes=5))
    found = findings()
    assert set(found) == {"waiting changes"}
    assert found["waiting changes"].msg == "1 change waits for dnsmasq, since 300 s."
    follow(found["waiting changes"], well)
    assert findings() == {}


def test_a_sync_that_fails_is_found_with_its_reason(well):
    well.stop()
    DhcpChange.objects.create(label="x")
    Server.objects.update(hostname="other")  # no signal: what follows is this sync's
    sync()
    assert "dnsmasq.pid: No such file" in findings()["in step"].msg
    follow(findings()["dnsmasq"], well)
    follow(findings()["in step"], well)
    assert findings() == {}


def test_a_file_that_somebody_has_removed(well):
    well.hosts.unlink()
    sick = findings()["in step"]
    assert (sick.level, sick.msg) == (WARNING, "dnsmasq's files do not say what the ledger says.")
    follow(sick, well)
    assert findings() == {}


def test_a_lease_file_that_is_gone(well):
    well.leases.unlink()
    found = findings()
    assert set(found) == {"leases"}
    assert f"no lease file {well.leases}" in found["leases"].msg
    follow(found["leases"], well)
    assert findings() == {}


@pytest.fixture
def fresh(target, settings, tmp_path):
    """An installation whose root has installed the configuration, before the first scope."""
    settings.DNSMASQ_RELOAD = "generation"
    settings.DNSMASQ_CONF = tmp_path / "ipmanager.conf"
    sync()
    settings.DNSMASQ_CONF.write_bytes(target.conf.read_bytes())
    return Target.from_settings()


def test_a_fresh_installation_without_a_range_is_healthy(fresh, monkeypatch):
    monkeypatch.setattr(health_checks, "find", lambda target: None)
    (found,) = health_checks.leases(fresh)
    assert (found.level, found.msg) == (INFO, "No range yet: dnsmasq hands out no address.")
    assert "Create a DHCP scope" in found.hint


def test_a_lease_file_is_missed_as_soon_as_there_is_a_range(fresh, monkeypatch):
    monkeypatch.setattr(health_checks, "find", lambda target: None)
    subnet = SubnetFactory(network="10.77.0.0/24")
    PoolFactory(subnet=subnet, first="10.77.0.50", last="10.77.0.99", kind="dhcp")
    DhcpScope.objects.create(subnet=subnet)
    sync()
    fresh.installed.write_bytes(fresh.conf.read_bytes())
    (found,) = health_checks.leases(fresh)
    assert (found.level, "no lease file" in found.msg) == (ERROR, True)


def test_a_lease_file_by_another_name(well, settings):
    settings.DNSMASQ_LEASES = well.home / "typo"
    sick = findings()["leases"]
    assert (
        sick.msg
        == f"dnsmasq writes its leases to {well.leases}; IPManager reads {well.home / 'typo'}."
    )
    assert f"IPMANAGER_DNSMASQ_LEASES={well.leases}," in sick.hint
    settings.DNSMASQ_LEASES = well.leases
    assert findings() == {}


def test_a_lease_file_from_the_future(well):
    os.utime(well.leases, (time.time() + 3600,) * 2)
    assert "clock is behind" in findings()["leases"].msg


def test_a_configuration_that_was_changed_since_dnsmasq_was_started(well):
    os.utime(well.conf, (time.time() + 60,) * 2)
    sick = findings()["dnsmasq's files"]
    assert (sick.level, sick.commands) == (WARNING, ("systemctl restart dnsmasq",))


def test_a_tag_in_a_hosts_file_is_deadly_below_2_91(well):
    found = list(health_checks.version(Target.from_settings()))
    if (
        known_faults.parse_version(process.version(process.program()))
        >= known_faults.SURVIVES_RELOADS
    ):
        assert found == []
        return
    assert found[-1].level == INFO
    well.hosts.write_text(f"{well.hosts.read_text()}02:00:00:00:00:02,set:x,10.77.0.10\n")
    assert list(health_checks.version(Target.from_settings()))[-1].level == ERROR


def test_known_faults_are_those_that_neither_version_nor_package_has_fixed():
    assert known_faults.unfixed("2.93", "") == []
    assert "CVE-2026-2291" in known_faults.unfixed("2.92", "")
    assert known_faults.unfixed("2.92", " ".join(known_faults.FIXED_IN[2, 93])) == []
    assert "CVE-2017-14491" in known_faults.unfixed("2.77", "")
    assert "CVE-2023-28450" in known_faults.unfixed("2.89rc1", "")


def test_hand_edits_and_silent_agents_are_found(target):
    HandEdit.objects.create(line="x")
    DhcpServer.objects.create(name="berlin", site="Berlin", run_by="agent")
    found = findings()
    assert found["hand edits"].msg == "1 edit by hand waits for a decision."
    assert "berlin" in found["agents"].msg


def test_without_a_reload_method_nothing_is_wrong(target):
    sync()
    assert findings() == {}
    assert [finding.level for finding in health_checks.process(target)] == [INFO]


def test_a_finding_about_another_server_names_it(target, settings):
    settings.DNSMASQ_RELOAD = "pidfile:/none"
    DhcpServer.objects.create(name="berlin", site="Berlin", reload="pidfile:/nothing")
    said = [one.text for one in doctor.run_checks("dhcp") if one.check.name == "dnsmasq"]
    assert said == ["dnsmasq does not run.", "berlin: dnsmasq does not run."]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dhcp-hostsfile=/a # why", ("dhcp-hostsfile", "/a")),
        ("  dhcp-hostsfile = /a#b ", ("dhcp-hostsfile", "/a#b")),
        ("# dhcp-hostsfile=/a", None),
        ("bind-dynamic", ("bind-dynamic", "")),
    ],
)
def test_a_configuration_is_read_as_dnsmasq_reads_it(tmp_path, line, said):
    conf = tmp_path / "conf"
    conf.write_text(f"{line}\n")
    found = [(one.name, one.value) for one in Options()._options_in(conf)]
    assert found == ([said] if said else [])


def test_a_command_line_is_read_as_dnsmasq_reads_it(tmp_path):
    (tmp_path / "a.conf").write_text("dhcp-hostsfile=/a\n")
    (tmp_path / "b.dpkg-old").write_text("dhcp-hostsfile=/b\n")
    (tmp_path / ".c.conf").write_text("dhcp-hostsfile=/c\n")
    words = [
        "-C/none",
        "-7",
        f"{tmp_path},.dpkg-old",
        "--dhcp-leasefile=/l",
        "--dhcp-hostsfile",
        "/d",
        "-k",
    ]
    found = read_options(words).options
    assert [one.value for one in found if one.name == "dhcp-hostsfile"] == ["/a", "/d"]
    assert [one.value for one in found if one.name == "dhcp-leasefile"] == ["/l"]
