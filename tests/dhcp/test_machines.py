"""dhcp.state.machines: one state for every machine, with the reason that a person can act on."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dhcp.files.sync import sync
from dhcp.leases.ingest import LeaseFileWatcher
from dhcp.leases.lease_file import FOREVER
from dhcp.models import DhcpChange, DhcpScope, Generation, Lease
from dhcp.state import machines
from ipam.models import VRF, Interface, Server, Sighting
from tests.dhcp.records import scoped, sync_and_confirm
from tests.ipam.admin_forms import queries_in
from tests.ipam.factories import ServerFactory
from tests.support.lab import POOL

pytestmark = pytest.mark.django_db

A, B, C = (f"02:00:00:00:00:0{sign}" for sign in "abc")
SOON = timezone.now() + timedelta(hours=1)


@pytest.fixture
def subnet(target):
    return scoped("10.77.0.0/24")


@pytest.fixture
def web(subnet):
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    sync_and_confirm()
    return web


def leased(ip, mac, until=SOON, **more):
    return Sighting.objects.create(
        ip_address=ip, mac_address=mac, source="lease", leased_until=until, **more
    )


def state_of(server):
    return machines.states_of_servers([server])[server.pk]


def kind_and_reason(server):
    return state_of(server).kind, state_of(server).reason


def test_a_machine_is_told_once_dnsmasq_has_confirmed_and_live_once_a_lease_shows_it(web):
    assert state_of(web).kind == "told" and state_of(web).seen_at is None
    assert state_of(web).reason.startswith("dnsmasq has confirmed its line (generation ")
    lease = leased("10.77.0.9", A)
    assert (state_of(web).kind, state_of(web).until, state_of(web).seen_at) == (
        "live",
        SOON,
        lease.seen_at,
    )
    assert state_of(web).reason.startswith("It uses its address, until ")


def test_what_nobody_has_confirmed_is_pending_and_says_how_to_connect_a_dnsmasq(web, settings):
    Generation.objects.update(confirmed=None)
    assert kind_and_reason(web) == ("pending", "Its line is written. No dnsmasq is connected.")
    assert "IPMANAGER_DNSMASQ_RELOAD" in state_of(web).remedy and state_of(web).is_written
    settings.DNSMASQ_RELOAD = "generation"
    assert "dnsmasq was not asked to confirm it." in state_of(web).reason


def test_an_answer_from_the_address_shows_it_and_one_of_another_machine_is_in_its_way(web):
    answer = Sighting.objects.create(ip_address="10.77.0.9", mac_address=A, source="arp")
    assert (state_of(web).kind, state_of(web).seen_at) == ("live", answer.seen_at)
    Sighting.objects.create(ip_address="10.77.0.9", mac_address=B, source="arp")
    assert (state_of(web).kind, state_of(web).holder) == ("pending", B)
    Sighting.objects.update(seen_at=timezone.now() - timedelta(hours=2))
    assert state_of(web).kind == "told"


def test_a_subnet_without_or_with_a_disabled_scope_is_not_served_and_names_the_page(web):
    scope = web_scope()
    scope.enabled = False
    scope.save()
    sync_and_confirm()
    found = state_of(web)
    assert (found.kind, found.reason) == (
        "unserved",
        "The DHCP scope of its subnet is disabled.",
    )
    assert found.url == f"/admin/dhcp/dhcpscope/{scope.pk}/change/"
    scope.delete()
    sync_and_confirm()
    found = state_of(web)
    assert found.reason == "10.77.0.0/24 has no DHCP scope, so dnsmasq has no range for it."
    assert found.url.startswith("/admin/dhcp/dhcpscope/add/?subnet=")
    leased("10.77.0.9", A)  # a range of somebody else's
    assert state_of(web).kind == "live"


def web_scope():
    return DhcpScope.objects.get(subnet__network="10.77.0.0/24")


def test_dnsmasq_hands_its_own_address_to_nobody(web, settings):
    settings.DNSMASQ_DNS = ("10.77.0.9", 53)
    assert state_of(web).kind == "unserved"
    assert state_of(web).reason.startswith("dnsmasq's own host has 10.77.0.9")


def test_a_name_that_is_left_off_is_said(subnet):
    odd = Server.objects.create(hostname="12h", mac_address=A, ip_address="10.77.0.9")
    sync_and_confirm()
    assert state_of(odd).kind == "told"
    assert "Its name is left out: dnsmasq takes '12h' for a lease time." in state_of(odd).reason


def test_a_change_that_waits_is_pending(web):
    DhcpChange.objects.create(kind="server", object_id=web.pk)
    assert kind_and_reason(web) == ("pending", "dnsmasq does not have it yet.")
    DhcpChange.objects.all().delete()
    DhcpChange.objects.create(kind="server", object_id=web.pk + 1)
    assert state_of(web).kind == "told"
    DhcpChange.objects.create(kind="ledger", label="many")
    assert state_of(web).kind == "pending"


def test_a_failure_is_the_reason_of_what_waits(web, settings):
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    web.ip_address = "10.77.0.10"
    web.save()
    sync()
    assert state_of(web).kind == "pending" and "cannot read /nowhere" in state_of(web).reason


def test_an_address_that_another_still_holds_is_pending_until_then(web):
    leased("10.77.0.9", B, hostname="phone")
    found = state_of(web)
    assert (found.kind, found.until, found.holder) == ("pending", SOON, B)
    assert found.reason.startswith(f"{B} (phone) holds 10.77.0.9 until ")


def test_a_lease_that_is_over_holds_nothing(web):
    leased("10.77.0.9", B, timezone.now() - timedelta(seconds=1))
    assert state_of(web).kind == "told"


def test_a_machine_that_still_uses_its_old_address_is_pending(web):
    leased("10.77.0.33", A)
    assert state_of(web).kind == "pending" and "It uses 10.77.0.33, until " in state_of(web).reason


def test_a_machine_that_asks_from_another_subnet_is_on_another_wire(web):
    scoped("10.78.0.0/24")
    sync_and_confirm()
    leased("10.78.0.33", A)
    assert state_of(web).kind == "unserved"
    assert state_of(web).reason.startswith("It is on another wire: it uses 10.78.0.33, until ")


def test_a_laptop_s_own_address_in_another_subnet_says_nothing_about_this_one(web):
    scoped("10.78.0.0/24")
    Interface.objects.create(server=web, name="dock", mac_address=A, ip_address="10.78.0.33")
    sync_and_confirm()
    leased("10.78.0.33", A)
    assert state_of(web).kind == "told"


def test_a_lease_without_end_reads_well(web):
    leased("10.77.0.9", B, FOREVER)
    assert state_of(web).reason == f"{B} holds 10.77.0.9 until it is released."


def test_cards_of_one_server_may_share_its_address(web):
    Interface.objects.create(server=web, name="wifi", mac_address=C, ip_address="10.77.0.9")
    sync_and_confirm()
    leased("10.77.0.9", C)
    assert [(card.name, found.kind) for card, found in machines.states_of_server(web)] == [
        ("web", "live"),
        ("web wifi", "live"),
    ]


def test_only_an_ignored_machine_is_blocked_and_until_its_lease_is_over_at_most(web):
    web.enabled = False
    web.save()
    assert state_of(web).reason == "It is disabled. dnsmasq does not know that yet."
    sync_and_confirm()
    assert kind_and_reason(web) == (
        "unserved",
        "It is disabled. It has no reservation, and may get an address of a pool.",
    )
    web.when_disabled = "ignored"
    web.save()
    sync_and_confirm()
    leased("10.77.0.9", A)
    assert (state_of(web).kind, state_of(web).until) == ("blocked", SOON)


@pytest.mark.parametrize(
    "facts, reason",
    [
        ({"ip_address": "10.77.0.20"}, "It has no MAC address."),
        ({"mac_address": C}, "It has no IP address."),
        ({"mac_address": C, "ip_address": "10.99.0.1"}, "No subnet contains 10.99.0.1."),
    ],
)
def test_what_is_missing_is_named(subnet, facts, reason):
    assert kind_and_reason(Server.objects.create(hostname="odd", **facts)) == ("unserved", reason)


def test_other_address_spaces_are_not_served(subnet):
    far = Server.objects.create(
        hostname="far", mac_address=A, ip_address="10.77.0.9", vrf=VRF.objects.create(name="x")
    )
    assert kind_and_reason(far) == (
        "unserved",
        "It is in a VRF. DHCP serves the global address space only.",
    )


def test_a_record_that_was_left_out_says_why(web):
    Interface.objects.create(server=web, name="eth1", mac_address=A, ip_address="10.77.0.10")
    sync()
    found = {card.kind: found for card, found in machines.states_of_server(web)}["interface"]
    assert found.kind == "unserved" and f"{A} already has 10.77.0.9" in found.reason


def test_fifty_states_cost_as_many_queries_as_five(subnet):
    servers = [ServerFactory(ip_address=f"10.77.0.{number}") for number in range(10, 60)]
    few = queries_in(lambda: machines.states_of_servers(servers[:5]))
    assert queries_in(lambda: machines.states_of_servers(servers)) == few <= 15


# --- with a real dnsmasq and real clients: each class of conflict, and its end --------------------


@pytest.fixture
def seen(lab, settings):
    """Bring the lease file into the ledger; then, the states of all servers by their names."""

    def look():
        LeaseFileWatcher(settings.DNSMASQ_LEASES).poll()
        servers = list(Server.objects.all())
        return {
            server.hostname: machines.states_of_servers(servers)[server.pk] for server in servers
        }

    return look


def verdicts():
    return {str(lease.ip_address): lease.verdict for lease in Lease.objects.live().judged()}


real = pytest.mark.django_db(transaction=True)
with_pool = pytest.mark.parametrize("lab", [[POOL]], indirect=True)


@real
@with_pool
def test_a_stranger_is_unknown_and_a_machine_without_an_address_known(lab, subnet, seen):
    Server.objects.create(hostname="known", mac_address=B)
    stranger, known = lab.client.acquire(A).ip, lab.client.acquire(B).ip
    seen()
    assert verdicts() == {stranger: "unknown", known: "known"}


@real
@with_pool
def test_a_machine_that_is_reserved_an_address_later_is_elsewhere_until_it_renews(
    lab, subnet, seen
):
    at_first = lab.client.acquire(A).ip
    Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    assert seen()["web"].kind == "pending" and verdicts() == {at_first: "elsewhere"}
    assert lab.client.renew(A, at_first).type == "NAK"
    lab.client.acquire(A)
    assert seen()["web"].kind == "live" and verdicts() == {"10.77.0.9": "right"}


@real
@with_pool
def test_an_address_given_to_another_machine_is_a_conflict_until_its_holder_lets_go(
    lab, subnet, seen
):
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    lab.client.acquire(A)
    web.mac_address = B
    web.save()
    found = seen()["web"]
    assert (found.kind, found.holder) == ("pending", A) and verdicts() == {"10.77.0.9": "conflict"}
    lab.client.release(A, "10.77.0.9")
    lab.wait(lambda: lab.lease_names() == {}, "the lease stays")
    assert lab.client.acquire(B).ip == "10.77.0.9"
    assert seen()["web"].kind == "live" and verdicts() == {"10.77.0.9": "right"}
