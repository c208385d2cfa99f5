"""IPv6: reservations by MAC, by DUID, by both, by the end of the address; who is told to ask;
leases that come back."""

import shutil
import subprocess

import pytest
from django.core.exceptions import ValidationError

from dhcp.files import effective_scope, scopes, snapshot
from dhcp.files.sync import sync
from dhcp.leases import ingest, lease_file
from dhcp.models import DhcpScope, Lease
from dhcp.state import machines
from dhcp.state.why import why
from ipam.models import Interface, Pool, Server, Subnet
from tests.support import require
from tests.support.lab import STATIC, laboratory

pytestmark = pytest.mark.django_db(transaction=True)

A, B, C, D = (f"02:00:00:00:00:0{sign}" for sign in "abcd")
LLT = "00:01:00:01:aa:bb:cc:dd:02:00:00:00:00:ee"  # made of a card that the machine has no more
EN = "00:02:00:00:ab:11:5e:af:00:11:22:33:44:55"  # names no card at all
NOTHING = 2  # NoAddrsAvail


@pytest.fixture
def subnet(target):
    return Subnet.objects.create(
        network="fd00::/64", dns_servers=["fd00::53"], domain="lab.example"
    )


@pytest.fixture
def scope(subnet):
    return DhcpScope.objects.create(subnet=subnet, lease_time=600)


@pytest.fixture
def served(settings, scope):
    """A dnsmasq with the ranges and further lines of all scopes as they are when it is called."""
    open_labs = []

    def start():
        lines = (
            scopes.conf_file(snapshot.take().scopes, settings.DNSMASQ_DIR, "")
            .decode()
            .splitlines()[5:]
        )
        own = laboratory([STATIC], lines, further=["fd00::1/64"])
        lab = own.__enter__()
        open_labs.append((own, lab))
        settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD, settings.DNSMASQ_LEASES = (
            lab.files,
            lab.reload_setting,
            lab.leases,
        )
        sync()
        return lab

    yield start
    for own, lab in open_labs:
        complaints, alive = lab.complaints(), lab.alive()
        own.__exit__(None, None, None)
        assert (complaints, alive) == ([], True)


def server(name="web", mac=A, ip="fd00::50"):
    return Server.objects.create(hostname=name, mac_address=mac, ip_address=ip)


def card(of, name, ip, mac=None, duid=""):
    return Interface.objects.create(server=of, name=name, mac_address=mac, duid=duid, ip_address=ip)


def lines(target):
    return [line for line in target.hosts.read_text().splitlines() if not line.startswith("#")]


# --- what is written ------------------------------------------------------------------------------


def test_each_way_to_know_a_machine_has_its_line(scope, target):
    web = server(mac=A, ip="fd00::51")
    card(web, "uuid", "fd00::50", duid=LLT.upper())
    card(web, "both", "fd00::52", B, EN)
    assert lines(target) == [
        f"id:{LLT},[fd00::50],web-uuid",
        f"{A},[fd00::51],web",
        f"id:{EN},{B},[fd00::52],web-both",
    ]


def test_a_server_has_an_address_of_each_version_under_one_card(scope, target):
    Subnet.objects.create(network="10.77.0.0/24")
    card(server(ip="10.77.0.9"), "v6", "fd00::9", A)
    assert lines(target) == [f"{A},10.77.0.9,web", f"{A},[fd00::9],web-v6"]


def test_a_duid_alone_serves_no_ipv4_address(scope, target):
    Subnet.objects.create(network="10.77.0.0/24")
    nic = card(server(), "x", "10.77.0.9", duid=EN)
    assert lines(target) == [f"{A},[fd00::50],web"]
    assert (
        machines.states_of_cards([machines.NetworkCard.of_interface(nic)])[
            "interface", nic.pk
        ].reason
        == "It has no MAC address."
    )


def test_by_the_end_lines_lose_their_prefix_and_the_switch_is_live(scope, target):
    server(ip="fd00::52")
    scope.by_end = True
    scope.save()
    assert lines(target) == [f"{A},[::52],web"]


def test_two_cards_with_a_duid_each_share_an_address_by_mac_and_one_duid(scope, target):
    web = server()
    card(web, "dock", "fd00::50", B, EN)
    card(web, "wifi", "fd00::50", C, LLT)
    assert lines(target) == [f"id:{EN},{A},{B},{C},[fd00::50],web"]


def test_a_duid_too_many_is_named(scope, target):
    web = server()
    card(web, "dock", "fd00::50", duid=EN)
    card(web, "wifi", "fd00::50", duid=LLT)
    problem = sync().problems[0]
    assert (problem.field, "already reserved" in problem.reason) == ("ip", True)
    assert lines(target) == [f"id:{EN},{A},[fd00::50],web"]


def conf_of(scope):
    record, _problems = effective_scope.record(DhcpScope.objects.served().get(pk=scope.pk))
    return scopes.conf_file([record], "/srv/dnsmasq", "").decode().splitlines()[5:]


@pytest.mark.parametrize(
    "advertises, written",
    [
        ("", ["dhcp-range=set:{tag},fd00::100,fd00::1ff,64,600"]),
        ("managed", ["enable-ra", "dhcp-range=set:{tag},fd00::100,fd00::1ff,64,600"]),
        ("slaac", ["dhcp-range=set:{tag},fd00::100,fd00::1ff,slaac,64,600"]),
    ],
)
def test_pools_lease_time_prefix_length_and_advertisement_make_the_range(
    scope, subnet, advertises, written
):
    Pool.objects.create(subnet=subnet, first="fd00::100", last="fd00::1ff", kind="dhcp")
    scope.advertises = advertises
    scope.save()
    assert conf_of(scope) == [line.format(tag=f"s{subnet.pk}") for line in written]


@pytest.mark.parametrize(
    "network, field, value",
    [
        ("10.77.0.0/24", "advertises", "managed"),
        ("10.77.0.0/24", "by_end", True),
        ("fd01::/112", "by_end", True),
        ("fd01::/64", "advertises", "sometimes"),
    ],
)
def test_what_a_scope_of_another_kind_cannot_do_is_refused_at_its_field(
    network, field, value, target
):
    scope = DhcpScope(subnet=Subnet.objects.create(network=network), **{field: value})
    with pytest.raises(ValidationError) as refused:
        scope.save()
    assert list(refused.value.error_dict) == [field]


# --- with a real dnsmasq --------------------------------------------------------------------------


def test_mac_duid_and_both_get_their_addresses_and_a_change_is_live(served):
    lab = served()
    web = server(ip="fd00::51")
    card(web, "uuid", "fd00::50", duid=EN)
    card(web, "both", "fd00::52", B, LLT)
    ask = lab.client6.acquire
    assert [ask(A).ips, ask(C, duid=EN).ips, ask(B).ips] == [
        ["fd00::51"],
        ["fd00::50"],
        ["fd00::52"],
    ]
    assert ask(A).seconds == [600] and ask(D).status == NOTHING
    web.ip_address = "fd00::99"
    web.save()
    lab.wait(lambda: "fd00::99" in ask(A).ips, "the new address is not offered")


def test_an_end_is_enough_and_outlives_a_change_of_the_prefix(served, scope, subnet, target):
    scope.by_end = True
    scope.save()
    server(ip="fd00::52")
    assert served().client6.acquire(A).ips == ["fd00::52"]


def test_both_versions_at_once(served, scope):
    four = Subnet.objects.create(network="10.77.0.0/24")
    lab = served()
    card(server(ip=four.network[9]), "v6", "fd00::9", A)
    assert (lab.client.acquire(A).ip, lab.client6.acquire(A).ips) == ("10.77.0.9", ["fd00::9"])


def test_strangers_get_an_address_of_the_pool_unless_only_known_machines_do(served, scope, subnet):
    Pool.objects.create(subnet=subnet, first="fd00::100", last="fd00::1ff", kind="dhcp")
    server()
    assert served().client6.acquire(B).ips[0].startswith("fd00::1")
    scope.known_only = True
    scope.save()
    lab = served()
    assert (lab.client6.acquire(B).status, lab.client6.acquire(A).ips) == (NOTHING, ["fd00::50"])


def test_machines_are_told_dns_and_search_list(served):
    server()
    told = served().client6.acquire(A).options
    assert told["23"] == "fd000000000000000000000000000053"
    assert bytes.fromhex(told["24"]) == b"\3lab\7example\0"


@pytest.mark.parametrize(
    "advertises, managed, by_itself", [("managed", True, False), ("slaac", True, True)]
)
def test_a_router_advertisement_says_what_the_scope_says(
    served, scope, advertises, managed, by_itself
):
    scope.advertises = advertises
    scope.save()
    told = served().client6.routers(A)
    assert (told["managed"], told["prefixes"]) == (managed, {"fd00::/64": {"by_itself": by_itself}})


def test_by_default_the_network_s_router_advertises_and_dnsmasq_does_not(served):
    assert served().client6.routers(A, wait=0.5) is None


def test_the_longest_duid_and_the_most_macs_fit_on_a_line(served):
    lab = served()
    longest = ":".join(["ab"] * 128)
    web = server(mac="02:00:00:00:01:00")
    for n in range(1, 16):
        card(web, f"n{n}", "fd00::50", f"02:00:00:00:01:{n:02x}", longest if n == 1 else "")
    server("next", B, "fd00::60")
    assert lab.client6.acquire(B).ips == ["fd00::60"]
    assert lab.client6.acquire(C, duid=longest).ips == ["fd00::50"]


def test_debian_s_own_client_gets_it_too(served):
    require.part("dhclient")
    lab = served()
    server(ip="fd00::51")
    subprocess.run(
        ["ip", "-n", lab.clients, "link", "set", "dev", "eth0", "address", A], check=True
    )
    files = ["-lf", str(lab.home / "dhclient.leases"), "-pf", str(lab.home / "dhclient.pid")]
    wait_for_link_local(lab)
    command = [shutil.which("dhclient"), "-6", "-1", "-d", "-sf", "/bin/true", *files, "eth0"]
    process = subprocess.Popen(
        ["ip", "netns", "exec", lab.clients, *command], stderr=subprocess.DEVNULL
    )
    try:
        lab.wait(lambda: "fd00::51" in lab.leases.read_text(), "dhclient got nothing")
    finally:
        process.terminate()
        process.wait(10)


def wait_for_link_local(lab):
    def is_there():
        command = [
            "ip",
            "-n",
            lab.clients,
            "-6",
            "address",
            "show",
            "dev",
            "eth0",
            "scope",
            "link",
            "-tentative",
        ]
        return "inet6" in subprocess.run(command, capture_output=True, text=True).stdout

    lab.wait(is_there, "no link-local address")


# --- leases come back in --------------------------------------------------------------------------


def read_leases(lab, *ips):
    lab.wait(
        lambda: all(f" {ip} " in lab.leases.read_text() for ip in ips),
        "a lease is not written down",
    )
    ingest.ingest(lease_file.parse_leases(lab.leases.read_bytes()))
    return {str(lease.ip_address): lease.verdict for lease in Lease.objects.live().judged()}


def states(of):
    return {str(card.ip): state.kind for card, state in machines.states_of_server(of)}


def test_leases_by_mac_by_duid_and_by_a_duid_that_names_no_card_are_right(served):
    lab = served()
    web = server(ip="fd00::51")
    card(web, "uuid", "fd00::50", duid=EN)
    card(web, "old", "fd00::52", B)
    lab.client6.acquire(A)
    lab.client6.acquire(C, duid=EN)
    lab.client6.acquire(B, duid=LLT.replace("ee", "0a"))  # made of its other card
    three = ["fd00::50", "fd00::51", "fd00::52"]
    assert read_leases(lab, *three) == dict.fromkeys(three, "right")
    assert states(web) == dict.fromkeys(three, "live")


def test_dnsmasq_is_believed_where_a_duid_tells_nothing(served):
    lab = served()
    web = server()
    lab.client6.acquire(A, duid=EN)
    assert read_leases(lab, "fd00::50") == {"fd00::50": "right"} and states(web) == {
        "fd00::50": "live"
    }


def test_another_machine_on_the_address_is_a_conflict(served):
    lab = served()
    web = server()
    lab.client6.acquire(A)
    web.mac_address = B
    web.save()
    assert read_leases(lab, "fd00::50") == {"fd00::50": "conflict"}
    ((_card, state),) = machines.states_of_server(web)
    assert (state.kind, state.holder) == ("pending", A)


def test_why_does_not_take_a_machine_s_own_duid_for_somebody_else(served):
    lab = served()
    web = server()
    card(web, "uuid", "fd00::50", duid=EN)
    lab.client6.acquire(C, duid=EN)
    read_leases(lab, "fd00::50")
    assert "Who else uses its address?" not in [step.question for step in why(A).steps]
