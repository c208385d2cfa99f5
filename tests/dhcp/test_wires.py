"""One wire with several subnets, relays, several cards on one address: with a real dnsmasq and
scripted clients."""

from contextlib import contextmanager

import pytest
from django.core.exceptions import ValidationError

from core.findings import ERROR, WARNING
from dhcp.files import scopes, snapshot
from dhcp.files.sync import sync
from dhcp.models import DhcpScope
from dhcp.state import wire_checks
from dhcp.state.machines import states_of_servers
from ipam.models import VRF, Interface, Pool, Server, Subnet
from tests.support.lab import laboratory

pytestmark = pytest.mark.django_db(transaction=True)

A, B, C = (f"02:00:00:00:00:0{sign}" for sign in "abc")
NOBODY = {"wait": 0.3}


def subnet(network, *, pool=None, **more):
    """A subnet with its scope."""
    made = Subnet.objects.create(network=network, gateway=str(network).replace("0/24", "1"))
    if pool:
        Pool.objects.create(
            subnet=made, first=made.network[pool[0]], last=made.network[pool[1]], kind="dhcp"
        )
    DhcpScope.objects.create(subnet=made, lease_time=600, **more)
    return made


def server(name, mac, ip):
    return Server.objects.create(hostname=name, mac_address=mac, ip_address=ip)


@pytest.fixture
def served(settings, target):
    """A dnsmasq at 10.77.0.1 with what the ledger's scopes say at that moment."""

    @contextmanager
    def start():
        lines = (
            scopes.conf_file(snapshot.take().scopes, settings.DNSMASQ_DIR, "")
            .decode()
            .splitlines()[5:]
        )
        with laboratory([], lines) as lab:
            settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD = lab.files, lab.reload_setting
            sync()
            yield lab
            assert (lab.complaints(), lab.alive()) == ([], True)

    return start


# --- a shared wire --------------------------------------------------------------------------------


def test_a_second_subnet_on_the_wire_is_served_although_dnsmasq_has_no_address_in_it(served):
    office = subnet("10.77.0.0/24")
    subnet("10.88.0.0/24", wire=office, pool=(100, 109))
    server("a", A, "10.77.0.9")
    server("b", B, "10.88.0.9")
    with served() as lab:
        here, there, stranger = (lab.client.acquire(mac) for mac in (A, B, C))
        assert (here.ip, here.options["router"]) == ("10.77.0.9", "10.77.0.1")
        assert (there.ip, there.options["router"]) == ("10.88.0.9", "10.88.0.1")
        assert stranger.ip.startswith("10.88.0.10")


def test_without_the_scope_s_word_that_it_shares_the_wire_nobody_is_served_there(served):
    subnet("10.77.0.0/24")
    subnet("10.88.0.0/24", pool=(100, 109))
    server("b", B, "10.88.0.9")
    with served() as lab:
        assert lab.client.discover(B, **NOBODY) is None


def test_known_machines_only_holds_on_a_shared_wire(served):
    office = subnet("10.77.0.0/24")
    subnet("10.88.0.0/24", wire=office, pool=(100, 109), known_only=True)
    server("b", B, "10.88.0.9")
    with served() as lab:
        assert lab.client.acquire(B).ip == "10.88.0.9"
        assert lab.client.discover(C, **NOBODY) is None


def test_the_address_on_the_wire_may_be_named(served):
    office = subnet("10.77.0.0/24")
    office.gateway = None
    office.save()
    scope = subnet("10.88.0.0/24").dhcp_scope
    scope.wire = office
    with pytest.raises(ValidationError, match="has no gateway"):
        scope.save()
    scope.wire_address = "10.77.0.1"
    scope.save()
    server("b", B, "10.88.0.9")
    with served() as lab:
        assert lab.client.acquire(B).ip == "10.88.0.9"


@pytest.mark.parametrize(
    "wire, address, field",
    [
        ("itself", None, "wire"),
        ("six", None, "wire"),
        ("vrf", None, "wire"),
        ("sharing", None, "wire"),
        ("office", "10.99.0.1", "wire_address"),
        (None, "10.77.0.1", "wire_address"),
    ],
)
def test_what_is_no_wire_is_refused_at_its_field(wire, address, field, target):
    office, second = subnet("10.77.0.0/24"), subnet("10.88.0.0/24")
    choice = {
        None: None,
        "office": office,
        "itself": second,
        "six": Subnet.objects.create(network="fd00::/64", gateway="fd00::1"),
        "vrf": Subnet.objects.create(network="10.90.0.0/24", vrf=VRF.objects.create(name="x")),
        "sharing": subnet("10.89.0.0/24", wire=office, interface="eth0"),
    }
    scope = second.dhcp_scope
    scope.wire, scope.wire_address = choice[wire], address
    with pytest.raises(ValidationError) as refused:
        scope.save()
    assert list(refused.value.error_dict) == [field]


def test_a_wire_that_is_deleted_is_forgotten(target):
    office = subnet("10.77.0.0/24")
    scope = subnet("10.88.0.0/24", wire=office).dhcp_scope
    assert "shared-network=10.77.0.1,10.88.0.0\n" in target.conf.read_text()
    office.delete()
    scope.refresh_from_db()
    assert scope.wire is None and "shared-network" not in target.conf.read_text()


def test_a_changed_gateway_of_the_wire_is_a_new_proposal(target):
    office = subnet("10.77.0.0/24")
    subnet("10.88.0.0/24", wire=office)
    office.gateway = "10.77.0.2"
    office.save()
    assert "shared-network=10.77.0.2,10.88.0.0\n" in target.conf.read_text()


# --- its interface --------------------------------------------------------------------------------


@contextmanager
def two_interfaces(settings):
    """A dnsmasq at 10.77.0.1 on eth0 and 10.99.0.1 on eth1, with what the ledger's scopes say."""
    lines = scopes.conf_file(snapshot.take().scopes, settings.DNSMASQ_DIR, "").decode()
    with laboratory([], ["interface=eth1", *lines.splitlines()[5:]]) as lab:
        settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD = lab.files, lab.reload_setting
        other = lab.second_wire("10.99.0.1/24")
        sync()
        yield lab, other
        assert (lab.complaints(), lab.alive()) == ([], True)


@pytest.fixture
def crossed(target):
    """A shared wire on eth0, and another one."""
    office = subnet("10.77.0.0/24")
    subnet("10.88.0.0/24", wire=office, pool=(100, 109), known_only=True, interface="eth0")
    subnet("10.99.0.0/24", pool=(100, 109))
    server("b", B, "10.88.0.9")


def test_a_shared_wire_is_given_out_on_its_own_interface_only(crossed, settings):
    with two_interfaces(settings) as (lab, other):
        assert lab.client.acquire(B).ip == "10.88.0.9"
        assert lab.client.discover(C, **NOBODY) is None  # known machines only
        stranger = other.acquire(C)
        assert stranger.ip.startswith("10.99.0.10") and stranger.options["router"] == "10.99.0.1"
        # dnsmasq finds the reservation, and may not give it out here: it says nothing.
        assert other.discover(B, **NOBODY) is None


def test_without_its_interface_it_would_be_given_out_everywhere(crossed, settings):
    """Why it is refused: what the form's * does, on purpose."""
    DhcpScope.objects.filter(interface="eth0").update(interface="*")
    with two_interfaces(settings) as (_lab, other):
        assert other.discover(B).ip == "10.88.0.9"
    (finding,) = wire_checks.shared_wires()
    assert finding.level == WARNING and "10.88.0.0/24" in finding.msg


def test_while_its_interface_is_unknown_it_is_refused_with_the_reason(crossed, target):
    scope = DhcpScope.objects.get(interface="eth0")
    scope.interface = ""
    with pytest.raises(ValidationError) as refused:
        scope.save()
    assert list(refused.value.error_dict) == ["interface"]
    DhcpScope.objects.filter(pk=scope.pk).update(interface="")
    outcome = sync()
    assert "10.88.0" not in target.conf.read_text()
    (problem,) = outcome.problems
    assert (problem.field, problem.record.kind) == ("interface", "dhcpscope")
    (finding,) = wire_checks.shared_wires()
    assert finding.level == ERROR and "10.88.0.0/24 is not served" in finding.msg
    machine = Server.objects.get(hostname="b")
    state = states_of_servers([machine])[machine.pk]
    assert state.kind == "unserved" and "shares the wire" in state.reason


def test_another_wire_is_refused_while_a_shared_one_has_no_interface(target):
    office = subnet("10.77.0.0/24")
    shared = subnet("10.88.0.0/24", wire=office).dhcp_scope
    with pytest.raises(ValidationError, match=r"10\.88\.0\.0/24 shares a wire"):
        subnet("10.99.0.0/24")
    office.dhcp_scope.interface = "eth0"  # that of its wire is the scope's, too
    office.dhcp_scope.save()
    shared.refresh_from_db()
    DhcpScope(subnet=Subnet.objects.get(network="10.99.0.0/24")).save()
    assert f"dhcp-range=tag:eth0,set:s{shared.subnet_id},10.88.0.0," in target.conf.read_text()


@pytest.mark.parametrize("name", ["known", "s1", "a b", "-x", "eth0,set:x", "a" * 16])
def test_what_is_no_interface_is_refused(name, target):
    scope = subnet("10.77.0.0/24").dhcp_scope
    scope.interface = name
    with pytest.raises(ValidationError) as refused:
        scope.save()
    assert list(refused.value.error_dict) == ["interface"]


# --- relays ---------------------------------------------------------------------------------------


def test_a_relay_s_clients_get_addresses_of_its_subnet(served):
    subnet("10.77.0.0/24", pool=(100, 109))
    subnet("10.99.0.0/24", pool=(100, 109))
    server("a", A, "10.99.0.9")
    with served() as lab:
        lab.route("10.99.0.0/24")
        there, stranger = (lab.client.acquire(mac, giaddr="10.99.0.1") for mac in (A, B))
        assert (there.ip, there.options["router"]) == ("10.99.0.9", "10.99.0.1")
        assert stranger.ip.startswith("10.99.0.10")
        assert lab.client.acquire(C).ip.startswith("10.77.0.10")


def test_known_machines_only_holds_behind_a_relay_in_the_midst_of_the_pool_too(served):
    subnet("10.99.0.0/24", pool=(100, 109), known_only=True)
    server("a", A, "10.99.0.105")
    with served() as lab:
        lab.route("10.99.0.0/24")
        assert lab.client.acquire(A, giaddr="10.99.0.1").ip == "10.99.0.105"
        assert lab.client.discover(C, giaddr="10.99.0.1", **NOBODY) is None


def test_two_subnets_behind_one_relay(served):
    first = subnet("10.99.0.0/24")
    subnet("10.98.0.0/24", wire=first)
    server("a", A, "10.99.0.9")
    server("b", B, "10.98.0.9")
    with served() as lab:
        lab.route("10.99.0.0/24")
        assert [lab.client.acquire(mac, giaddr="10.99.0.1").ip for mac in (A, B)] == [
            "10.99.0.9",
            "10.98.0.9",
        ]


# --- several cards, one address -------------------------------------------------------------------


def test_a_laptop_has_one_address_in_its_dock_and_out_of_it(served):
    subnet("10.77.0.0/24", pool=(100, 109))
    laptop = server("laptop", A, "10.77.0.9")
    Interface.objects.create(server=laptop, name="dock", mac_address=B, ip_address="10.77.0.9")
    with served() as lab:
        assert lab.hosts.read_text().splitlines()[-1] == f"{A},{B},10.77.0.9,laptop"
        assert [lab.client.acquire(mac).ip for mac in (A, B, A)] == ["10.77.0.9"] * 3
        assert lab.lease_names() == {"10.77.0.9": "laptop"}


def test_a_reserved_address_in_the_midst_of_a_pool_is_nobody_else_s(served):
    subnet("10.77.0.0/24", pool=(100, 101))
    server("a", A, "10.77.0.100")
    with served() as lab:
        assert lab.client.acquire(B).ip == "10.77.0.101"
        assert lab.client.discover(C, **NOBODY) is None
        assert lab.client.acquire(A).ip == "10.77.0.100"
