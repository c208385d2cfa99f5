"""dhcp.leases.evict: a lease of another machine's address is ended, by root's helper or D-Bus;
who believes in it is shown."""

import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from core.errors import Conflict, Invalid, Unavailable
from dhcp.files.sync import sync
from dhcp.leases import evict as module
from dhcp.leases.evict import evict
from dhcp.leases.ingest import LeaseFileWatcher
from dhcp.models import DhcpServer, Eviction, Lease
from dhcp.state import machines
from ipam.models import Server, Sighting, Subnet
from tests.dhcp.records import scoped
from tests.ipam.admin_forms import messages_of
from tests.support import require
from tests.support.lab import STATIC, laboratory, stop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
HELPER = Path(__file__).parents[2] / "deploy" / "ipmanager-evict"
LEASES, EVICT, SERVERS = "/admin/dhcp/lease/", "/admin/dhcp/lease/evict/", "/admin/ipam/server/"


def ledger():
    scoped("10.77.0.0/24")
    return Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")


def stale_lease(lab, web):
    """A has leased the address that the ledger gives to B now; its lease as the ledger knows it."""
    assert lab.client.acquire(A).ip == "10.77.0.9"
    web.mac_address = B
    web.save()
    LeaseFileWatcher(lab.leases).poll()
    return Lease.objects.live().judged().get()


def state_of(server):
    return machines.states_of_servers([server])[server.pk]


# --- for real -------------------------------------------------------------------------------------


@contextmanager
def helper(lab):
    """Stands for systemd's path unit: runs the helper, in the server's network, whenever there is a
    request."""
    command = [
        "ip",
        "netns",
        "exec",
        lab.server,
        sys.executable,
        "-I",
        str(HELPER),
        "--interface",
        "eth0",
        "--directory",
        str(lab.files),
        "--leases",
        str(lab.leases),
    ]
    ended, said = threading.Event(), []

    def watch():
        while not ended.wait(0.01):
            if (lab.files / "evict").is_dir() and any((lab.files / "evict").iterdir()):
                said.append(
                    subprocess.run(command, capture_output=True, text=True, check=True).stdout
                )

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield said
    finally:
        ended.set()
        thread.join()


@pytest.mark.needs("dhcp_release")
def test_the_helper_frees_the_address_for_its_machine_and_the_holder_is_shown_until_he_knows(
    lab, settings
):
    settings.DNSMASQ_EVICT = "helper"
    web = ledger()
    lease = stale_lease(lab, web)
    assert state_of(web).holder == A and lease.verdict == "conflict"
    with helper(lab) as said:
        evict(lease, "joe")
    assert said == [f"ipmanager-evict: released 10.77.0.9, which {A} held\n"]
    assert lab.client.acquire(B).ip == "10.77.0.9"
    LeaseFileWatcher(lab.leases).poll()
    assert (
        state_of(web).kind == "pending"
        and A in state_of(web).reason
        and "may use it until" in state_of(web).reason
    )
    assert lab.client.renew(A, "10.77.0.9").type == "NAK"
    assert not any((lab.files / "evict").iterdir())


def test_a_helper_that_does_not_run_is_the_reason_and_nothing_is_done_later(
    lab, settings, monkeypatch
):
    settings.DNSMASQ_EVICT = "helper"
    monkeypatch.setattr(module, "WAIT", 0.05)
    lease = stale_lease(lab, ledger())
    with pytest.raises(Unavailable, match="still has the lease of 10.77.0.9"):
        evict(lease)
    assert not any((lab.files / "evict").iterdir()) and not Eviction.objects.exists()


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/><allow user="*"/></policy>
</busconfig>"""


@pytest.fixture
def bus(tmp_path_factory, monkeypatch):
    """A system bus of this test's own."""
    require.part("dbus")
    home = tmp_path_factory.mktemp("bus")
    for directory in (home, *home.parents[:2]):
        directory.chmod(0o755)  # dnsmasq is not root
    (home / "conf").write_text(BUS.format(path=home / "socket"))
    command = [
        "dbus-daemon",
        f"--config-file={home / 'conf'}",
        "--nofork",
        "--nopidfile",
        "--print-address",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", process.stdout.readline().strip())
        yield
    finally:
        stop(process)
        process.stdout.close()


def test_dbus_frees_it_too(bus, settings, target):
    with laboratory([STATIC], ["enable-dbus"]) as lab:
        settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD = lab.files, lab.reload_setting
        settings.DNSMASQ_LEASES, settings.DNSMASQ_EVICT = lab.leases, "dbus"
        web = ledger()
        evict(stale_lease(lab, web))
        assert lab.client.acquire(B).ip == "10.77.0.9"
        assert lab.complaints() == []


def test_a_bus_that_dnsmasq_is_not_on_is_the_reason(bus, lab, settings):
    settings.DNSMASQ_EVICT = "dbus"
    lease = stale_lease(lab, ledger())
    with pytest.raises(Unavailable, match="dnsmasq does not end it: .*uk.org.thekelleys.dnsmasq"):
        evict(lease)
    assert "10.77.0.9" in lab.leases.read_text()


# --- what may be ended ----------------------------------------------------------------------------


@pytest.fixture
def possible(settings, target):
    """There is a way, and the lease is gone already when it is looked for."""
    settings.DNSMASQ_EVICT = "helper"
    settings.DNSMASQ_LEASES.touch()


def leased(ip="10.77.0.9", mac=B, **more):
    until = timezone.now() + timedelta(hours=1)
    made = Sighting.objects.create(
        ip_address=ip, mac_address=mac, source="lease", leased_until=until, **more
    )
    return Sighting.objects.get(pk=made.pk)


def test_where_there_is_no_way_the_setting_is_named(target):
    ledger()
    with pytest.raises(Unavailable, match="IPMANAGER_DNSMASQ_EVICT"):
        evict(leased())


@pytest.mark.parametrize("facts", [{"mac": A}, {"ip": "10.77.0.99"}], ids=["its own", "nobody's"])
def test_a_lease_that_is_in_nobody_s_way_stays(possible, facts):
    ledger()
    with pytest.raises(Conflict, match="does not belong to another machine"):
        evict(leased(**facts))


def test_a_lease_without_a_mac_or_of_ipv6_runs_out_by_itself(possible):
    for lease in (leased("fd00::9"), leased(mac=None, duid="00:02:ab")):
        with pytest.raises(Invalid, match="Only IPv4"):
            evict(lease)


def test_a_lease_that_is_gone_already_needs_no_helper(possible):
    web = ledger()
    eviction = evict(leased(), "joe")
    assert (eviction.mac_address, eviction.who) == (B, "joe")
    assert not Lease.objects.live().exists() and state_of(web).holder == B


def test_a_server_on_another_host_is_named(possible):
    far = DhcpServer.objects.create(name="far", site="far", run_by="agent")
    ledger()
    Subnet.objects.update(site="far")
    lease = leased()
    with pytest.raises(Unavailable, match="far runs on another host"):
        evict(lease)
    DhcpServer.objects.filter(pk=far.pk).update(run_by="local")
    with pytest.raises(Unavailable, match="lease file of far is not known"):
        evict(lease)


def test_a_lease_file_that_cannot_be_read_is_named(possible, settings):
    ledger()
    settings.DNSMASQ_LEASES.unlink()
    with pytest.raises(Unavailable, match="leases: No such file"):
        evict(leased())
    assert not Eviction.objects.exists()


def test_who_has_another_address_by_now_is_in_nobody_s_way(possible):
    web = ledger()
    sync()
    evict(leased())
    assert state_of(web).kind == "pending"
    leased("10.77.0.50")
    assert state_of(web).is_served


def test_what_was_believed_in_ends_with_the_lease_s_time(possible):
    web = ledger()
    sync()
    evict(leased())
    Eviction.objects.update(until=timezone.now())
    assert state_of(web).is_served


# --- the pages ------------------------------------------------------------------------------------


def test_the_pages_lead_to_the_question_and_the_question_warns(possible, admin_client):
    web, lease = ledger(), leased(hostname="<script>1</script>")
    sync()
    link = f'href="{EVICT}?id={lease.pk}"'
    assert link in admin_client.get(LEASES).content.decode()
    assert link in admin_client.get(f"{SERVERS}{web.pk}/change/").content.decode()
    page = admin_client.get(f"{EVICT}?id={lease.pk}").content.decode()
    assert "both machines may use the address" in page and "<script>1" not in page
    assert not Eviction.objects.exists()


def test_a_confirmed_question_ends_the_lease(possible, admin_client):
    ledger()
    answer = admin_client.post(f"{EVICT}?id={leased().pk}", follow=True)
    assert "is free for its machine" in messages_of(answer)[0]
    assert Eviction.objects.get().who == "admin"


def test_several_can_be_chosen_and_only_those_in_the_way_are_asked_about(possible, admin_client):
    ledger()
    one, other = leased(), leased("10.77.0.50", "02:00:00:00:00:0c")
    chosen = {"action": "end_chosen", "_selected_action": [one.pk, other.pk]}
    page = admin_client.get(admin_client.post(LEASES, chosen).url)
    assert [lease for lease, _machine in page.context["leases"]] == [one]
    assert admin_client.get(f"{EVICT}?id={other.pk}").url == LEASES


@pytest.mark.parametrize("query", ["", "?id=x", f"?id={10**20}", "?id=-1"])
def test_a_crafted_address_leads_back(possible, admin_client, query):
    assert admin_client.get(EVICT + query).url == LEASES


def test_nobody_ends_leases_without_the_right_or_a_way(possible, client, admin_client, settings):
    ledger()
    lease = leased()
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    assert client.post(f"{EVICT}?id={lease.pk}").status_code == 403
    settings.DNSMASQ_EVICT = "none"
    assert admin_client.post(f"{EVICT}?id={lease.pk}").status_code == 403
    assert "End its lease" not in admin_client.get(LEASES).content.decode()


# --- the helper by itself -------------------------------------------------------------------------


@pytest.fixture
def asked(tmp_path):
    """Run the helper with these requests (name -> bytes); what it says. Its dhcp_release must not
    be reached."""
    directory = tmp_path / "evict"
    directory.mkdir()
    (tmp_path / "leases").write_text(
        f"4102444800 {B} 127.0.0.9 * *\n4102444800 {B} 127.0.0.300 * *\n"
    )

    def run(*data, interface="lo"):
        for number, text in enumerate(data):
            (directory / f"{number:032x}").write_bytes(text)
        command = [
            sys.executable,
            "-I",
            HELPER,
            "--directory",
            tmp_path,
            "--leases",
            tmp_path / "leases",
            "--interface",
            interface,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.replace("ipmanager-evict: ", "").splitlines()

    run.directory = directory
    return run


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "no line"),
        (f"release 127.0.0.9 {B}", "no line"),
        (f"release 127.0.0.9 {B}\nrelease 127.0.0.9 {B}\n", "no line"),
        (f"release 127.0.0.9 {B.upper()}\n", "no line"),
        (f"release 127.0.0.9; {B}\n", "no line"),
        (f"release -h {B}\n", "no line"),
        (f"release 127.0.0.300 {B}\n", "not permitted"),
        (f"release 127.0.0.010 {B}\n", "Leading zeros"),
        (f"release 127.0.0.1 {B}\n", "own address"),
        (f"release 10.9.9.9 {B}\n", "lies in no network of lo"),
        (f"release 127.0.0.8 {B}\n", "holds no lease of 127.0.0.8"),
        (f"release 127.0.0.9 {A}\n", "holds no lease of 127.0.0.9"),
        ("x" * 5000, "no line"),
    ],
)
def test_root_does_nothing_but_what_the_lease_file_says(asked, text, reason):
    (answer,) = asked(text.encode())
    assert answer.startswith("refused: ") and reason in answer
    assert not any(asked.directory.iterdir())


def test_links_pipes_and_directories_are_no_requests(asked, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(f"release 127.0.0.9 {B}\n")
    (asked.directory / "a".rjust(32, "0")).symlink_to(secret)
    subprocess.run(["mkfifo", asked.directory / "b".rjust(32, "0")], check=True)
    (asked.directory / "c".rjust(32, "0")).mkdir()
    (asked.directory / "other").touch()
    assert asked() == ["refused: no line `release IP MAC`"] * 2
    assert secret.exists() and sorted(path.name for path in asked.directory.iterdir()) == [
        "c".rjust(32, "0"),
        "other",
    ]


def test_a_flood_is_thrown_away(asked):
    assert len(asked(*[b"x"] * 300)) == 100
    assert not any(asked.directory.iterdir())


def test_an_interface_s_name_is_no_way_in():
    done = subprocess.run(
        [sys.executable, "-I", HELPER, "--directory", "/", "--leases", "/x", "--interface", "a b"],
        capture_output=True,
    )
    assert done.returncode == 2
