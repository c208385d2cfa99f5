"""After a restore the leases are read and compared before an address is handed out."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core.findings import ERROR
from dhcp.files.sync import sync
from dhcp.leases import thaw
from dhcp.leases.ingest import LeaseFileWatcher
from dhcp.models import DhcpServer
from dhcp.state import health_checks
from ipam import freeze
from ipam.allocate import allocate
from ipam.models import IPAddress, Server, Sighting, Stamp, Subnet
from tests.support.remedies import follow

pytestmark = pytest.mark.django_db
LEASED = "02:00:00:00:00:0a"


@pytest.fixture
def subnet(target, settings, tmp_path, monkeypatch):
    settings.DHCP_SYNC = "worker"
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(thaw, "NEIGHBOURS", tmp_path / "arp")
    (tmp_path / "leases").touch()
    Stamp.objects.install()
    subnet = Subnet(network="10.77.0.0/24", gateway="10.77.0.1")
    subnet.static_ip_pools = ["10.77.0.2-10.77.0.20"]
    subnet.save()
    return subnet


@pytest.fixture
def restored(subnet, tmp_path):
    """The backup knows nothing of 10.77.0.2; the machine is on the network."""
    until = int((timezone.now() + timedelta(hours=1)).timestamp())
    (tmp_path / "leases").write_text(f"{until} {LEASED} 10.77.0.2 web 01:{LEASED}\n")
    freeze.freeze("restored from a backup")
    return subnet


def run(*arguments):
    output = StringIO()
    call_command("thaw", *arguments, stdout=output)
    return output.getvalue()


def status(ip):
    return IPAddress.objects.get(ip_address=ip).status


def test_an_address_that_is_leased_goes_into_quarantine_and_the_rest_is_handed_out_again(restored):
    said = run()
    assert f"10.77.0.2 {LEASED} web (lease)" in said
    assert "Released; 1 addresses are in quarantine now." in said
    assert status("10.77.0.2") == "quarantine"
    assert str(allocate(restored).row.ip_address) == "10.77.0.3"


def test_it_stays_so_when_the_lease_is_over(restored):
    run()
    Sighting.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert str(allocate(restored).row.ip_address) == "10.77.0.3"


def test_a_look_changes_nothing(restored):
    assert "Still frozen" in run("--dry-run")
    assert status("10.77.0.2") == "available"
    assert freeze.state()


def test_a_neighbour_without_a_lease_is_spared_too(restored, tmp_path):
    head = "IP address       HW type     Flags       HW address            Mask     Device\n"
    there = "10.77.0.3        0x1         0x2         02:00:00:00:00:0b     *        eth0\n"
    asked = "10.77.0.4        0x1         0x0         00:00:00:00:00:00     *        eth0\n"
    (tmp_path / "arp").write_text(head + there + asked)
    assert "10.77.0.3 02:00:00:00:00:0b (neighbour)" in run()
    assert str(allocate(restored).row.ip_address) == "10.77.0.4"


def test_an_address_of_a_large_pool_that_has_no_row_yet_is_spared_too(restored, tmp_path):
    large = Subnet(network="10.64.0.0/16")
    large.static_ip_pools = ["10.64.0.1-10.64.255.254"]
    large.save()
    until = int((timezone.now() + timedelta(hours=1)).timestamp())
    (tmp_path / "leases").write_text(f"{until} {LEASED} 10.64.0.1 web *\n")
    run()
    assert status("10.64.0.1") == "quarantine"
    assert str(allocate(large).row.ip_address) == "10.64.0.2"


def test_a_lease_as_reserved_is_no_difference(restored):
    Server.objects.create(hostname="web", mac_address=LEASED, ip_address="10.77.0.2")
    assert "in use, but free in the ledger (into quarantine): none" in run()
    assert status("10.77.0.2") == "allocated"


def test_a_lease_of_anothers_address_is_told(restored):
    Server.objects.create(hostname="db", mac_address="02:00:00:00:00:99", ip_address="10.77.0.2")
    assert "leased to another machine than the ledger says: 1" in run()


def test_without_the_leases_nothing_is_released_unless_somebody_insists(restored, tmp_path):
    (tmp_path / "leases").unlink()
    with pytest.raises(
        CommandError, match=r"leases of default have not been read.*--without default"
    ):
        run()
    assert freeze.state()
    run("--without", "default")
    assert freeze.state() is None


@pytest.mark.parametrize(
    ("conf", "released"),
    [
        ("", True),
        ("# dhcp-range=10.77.0.50,10.77.0.99\ndhcp-authoritative\n", True),
        ("dhcp-range=10.77.0.50,10.77.0.99\n", False),
        (" dhcp-range = fd00::50,fd00::99,64\n", False),
    ],
)
def test_a_new_host_without_a_range_has_no_leases_to_read(
    restored, settings, tmp_path, conf, released
):
    (tmp_path / "leases").unlink()
    settings.DNSMASQ_CONF = tmp_path / "ipmanager.conf"
    if conf:
        settings.DNSMASQ_CONF.write_text(conf)
    if released:
        assert "leases not read: none" in run()
    else:
        with pytest.raises(CommandError, match="leases of default have not been read"):
            run()
    assert (freeze.state() is None) == released


def test_an_agents_leases_count_when_it_has_read_them_since(restored, tmp_path):
    DhcpServer.objects.create(name="site-b", run_by="agent")
    with pytest.raises(CommandError, match="leases of site-b"):
        run()
    watch = LeaseFileWatcher(tmp_path / "leases", origin="site-b")
    watch.poll()
    assert "Released" in run()


def test_a_watch_that_has_read_the_file_before_reads_it_again_for_a_restored_ledger(
    subnet, tmp_path
):
    until = int((timezone.now() + timedelta(hours=1)).timestamp())
    (tmp_path / "leases").write_text(f"{until} {LEASED} 10.77.0.2 web *\n")
    now = [0.0]
    watch = LeaseFileWatcher(tmp_path / "leases", now=lambda: now[0])
    assert watch.poll()
    Sighting.objects.all().delete()  # the backup
    freeze.freeze("restored from a backup")
    now[0] += 100
    assert watch.poll().new == 1


def test_dnsmasqs_files_stay_as_they_are_until_then_and_the_difference_is_shown(subnet, target):
    Server.objects.create(hostname="new", mac_address=LEASED, ip_address="10.77.0.9")
    sync()
    Server.objects.all().delete()  # the backup
    freeze.freeze("restored from a backup")
    outcome = sync()
    assert "manage.py thaw" in outcome.reason
    assert b"10.77.0.9" in target.hosts.read_bytes()
    assert f"-{LEASED},10.77.0.9,new" in run()
    assert sync().result == "applied"
    assert b"10.77.0.9" not in target.hosts.read_bytes()


def test_where_there_are_no_files_the_ledgers_reservations_are_better_than_none(subnet, target):
    Server.objects.create(hostname="web", mac_address=LEASED, ip_address="10.77.0.9")
    freeze.freeze("restored from a backup")
    assert sync().result == "applied"


def test_the_doctor_names_it_and_his_remedy_works(restored):
    (finding,) = health_checks.restored()
    assert finding.level == ERROR and "restored from a backup" in finding.msg
    follow(finding)
    assert list(health_checks.restored()) == []


def test_the_differences_are_there_for_programs(restored):
    said = json.loads(run("--dry-run", "--json"))
    assert (said["frozen"], said["quarantined"]) == (True, 0)
    assert said["in_use_but_free"] == [
        {"ip": "10.77.0.2", "mac": LEASED, "how": "lease", "hostname": "web"}
    ]
    assert json.loads(run("--json"))["quarantined"] == 1
    assert json.loads(run("--json")) == {"frozen": False}
