"""dhcp.state.probe: dnsmasq is asked for what it was told;
its answer, or silence, is noted, and no machine is disturbed."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from django.utils import timezone

from dhcp.files.sync import sync
from dhcp.models import Generation
from dhcp.state import machines, probe
from dhcp.worker import DhcpWorker
from ipam.models import Server
from tests.dhcp.records import scoped
from tests.support.lab import enter

pytestmark = pytest.mark.django_db(transaction=True)

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture
def subnet(target, settings):
    settings.DHCP_PROBE = "eth0"
    return scoped("10.77.0.0/24")


def server(number=9, mac=A, name="web", **more):
    return Server.objects.create(
        hostname=name, mac_address=mac, ip_address=f"10.77.0.{number}", **more
    )


@contextmanager
def among_the_clients(lab):
    """Sockets that this thread opens in the block belong to the clients' network."""
    with (
        open("/proc/thread-self/ns/net") as home,
        Path(f"/run/netns/{lab.clients}").open() as there,
    ):
        enter(there.fileno())
        try:
            yield
        finally:
            enter(home.fileno())


def probed(lab):
    with among_the_clients(lab):
        probe.probe_newest()
    return Generation.objects.newest().probes


def test_what_is_offered_is_proof_with_its_time(lab, subnet):
    web = server()
    (result,) = probed(lab)
    assert (result["name"], result["mac"], result["wanted"]) == ("web", A, "10.77.0.9")
    assert (result["offered"], result["by"], result["reason"]) == ("10.77.0.9", "10.77.0.1", "")
    assert 0 < result["ms"] <= probe.WAIT * 1000 and result["after_ms"] >= result["ms"] - 1
    assert "offered its address to a probe" in machines.states_of_servers([web])[web.pk].reason


def test_no_lease_comes_of_it_and_the_machine_gets_its_address_afterwards(lab, subnet):
    server()
    probed(lab)
    assert lab.leases.read_text() == ""
    assert lab.client.acquire(A).ip == "10.77.0.9"
    assert lab.client.renew(A, "10.77.0.9").type == "ACK"


def test_the_frame_bears_our_own_card_s_address_and_asks_for_a_broadcast():
    ours = bytes.fromhex("02ffffffff01")
    packet = probe.ethernet_frame(ours, probe.discover_message(A, 7))
    assert packet[:12] == b"\xff" * 6 + ours
    assert packet[42 + 10 : 42 + 12] == b"\x80\x00" and packet[42 + 28 : 42 + 34].hex(":") == A


def test_a_dnsmasq_that_does_not_answer_is_said(lab, subnet, monkeypatch):
    monkeypatch.setattr(probe, "WAIT", 0.2)
    server()
    lab.stop()
    (result,) = probed(lab)
    lab.start()
    assert (result["reason"], result["offered"], result["after_ms"]) == (
        "no answer within 0.2 s",
        None,
        None,
    )


def test_another_address_than_the_reserved_one_is_said_with_who_offers_it(
    lab, subnet, settings, monkeypatch
):
    monkeypatch.setattr(probe, "WAIT", 0.3)
    lab.write_hosts(f"{A},10.77.0.66,web\n")
    lab.reload()
    settings.DNSMASQ_RELOAD = "none"
    server()
    (result,) = probed(lab)
    assert result["reason"] == "10.77.0.1 offers 10.77.0.66 instead"


def test_each_generation_is_probed_once_and_a_few_of_its_machines_only(lab, subnet):
    Server.objects.bulk_create(
        Server(hostname=f"s{n}", mac_address=f"02:00:00:00:01:{n:02x}", ip_address=f"10.77.0.{n}")
        for n in range(20, 40)
    )
    assert len(probed(lab)) == probe.MOST and all(not one["reason"] for one in probed(lab))
    asked = lab.log().count("DHCPDISCOVER")
    probed(lab)
    assert asked == probe.MOST == lab.log().count("DHCPDISCOVER")


def test_what_somebody_is_in_the_way_of_is_not_asked_for(lab, subnet):
    """dnsmasq would complain of it in its log, and the state says so anyway."""
    web = server()
    lab.client.acquire(A)
    DhcpWorker().tick_all()  # reads the lease
    web.mac_address = B
    web.save()
    assert probed(lab) == []


def test_machines_of_another_network_cannot_be_asked_for_from_here(subnet):
    scoped("10.78.0.0/24")
    Server.objects.create(hostname="far", mac_address=B, ip_address="10.78.0.9")
    server()
    sync()
    both = Generation(
        diff=f"+{A},10.77.0.9,web\n+{B},10.78.0.9,far\n-{A},10.77.0.8,web\n+++ ledger"
    )
    assert {one.name for one in probe.choose_reservations(both, None)} == {"web", "far"}
    assert [
        one.name for one in probe.choose_reservations(both, probe.IPv4Network("10.77.0.0/24"))
    ] == ["web"]


@pytest.mark.parametrize("interface, reason", [("nosuch0", "not probed: nosuch0: No such device")])
def test_an_interface_that_is_not_there_is_the_reason(subnet, settings, interface, reason):
    settings.DHCP_PROBE = interface
    server()
    probe.probe_newest()
    assert Generation.objects.newest().probes[0]["reason"] == reason


def test_a_missing_right_is_the_reason(subnet, monkeypatch):
    def forbidden(*args):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(probe.socket, "socket", forbidden)
    monkeypatch.setattr(probe, "network_of", lambda interface: None)
    server()
    probe.probe_newest()
    assert Generation.objects.newest().probes[0]["reason"] == "not probed: that needs CAP_NET_RAW"


def test_nothing_is_asked_without_the_setting_for_the_past_or_after_a_failure(
    subnet, settings, monkeypatch
):
    monkeypatch.setattr(probe, "collect_offers", lambda *_: pytest.fail("nobody may be asked"))
    server()
    settings.DHCP_PROBE = ""
    probe.probe_newest()
    settings.DHCP_PROBE = "lo"
    Generation.objects.update(created_at=timezone.now() - 2 * probe.FRESH)
    probe.probe_newest()
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    server(10, B, "other")
    assert Generation.objects.newest().result == "failed"
    probe.probe_newest()


def test_a_request_never_probes(lab, subnet, admin_client, monkeypatch):
    monkeypatch.setattr(probe, "probe_newest", lambda *_: pytest.fail("only the worker may"))
    server()
    admin_client.get("/admin/ipam/server/")
    assert Generation.objects.newest().probes is None


def test_the_worker_probes_and_survives_whatever_comes(lab, subnet, monkeypatch):
    server()
    with among_the_clients(lab):
        DhcpWorker().tick_all()
    assert Generation.objects.newest().probes[0]["reason"] == ""
    Generation.objects.update(probes=None)
    monkeypatch.setattr(probe, "probe", lambda *_: 1 / 0)
    working = DhcpWorker()
    working.tick_all()
    assert [server.delay for server in working.servers.values()] == [0.0]


def test_the_generation_s_page_tells_of_it(lab, subnet, admin_client):
    server(name="web")
    probed(lab)
    newest = Generation.objects.newest()
    page = admin_client.get(f"/admin/dhcp/generation/{newest.pk}/change/").content.decode()
    assert "web 10.77.0.9: live after" in page


@pytest.mark.parametrize("length", [0, 10, 34, 42, 60, 281, 282, 300])
def test_no_packet_can_break_it(length):
    for filling in (b"\0", b"\xff", b"\x45", b"\x11"):
        assert probe.parse_offer(filling * length) is None
