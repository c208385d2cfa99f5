"""No DHCP client gets a name by sending it: neither that of a machine of ours nor another one in
our zones. Shown with the real dnsmasq and its clients in network namespaces."""

import pytest

from dhcp.files.sync import sync
from dhcp.files.targets import Target
from names.models import Zone
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.dns import NXDOMAIN, ask
from tests.support.lab import POOL, laboratory

pytestmark = pytest.mark.django_db
WEB, KNOWN = "02:00:00:00:00:01", "02:00:00:00:00:02"
SPELLINGS = [
    "web",
    "WEB",
    "Web.Corp.Example",
    "web.corp.example",
    "web.corp.example.",
    "web.",
    "web.lab.example",
    "web ",
    "db",
    "db.corp.example",
]


def client_fqdn(name):
    """Option 81 (RFC 4702) with the name in DNS's own form: the client asks for A and PTR."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return {"81": (b"\x05\x00\x00" + labels + b"\0").hex()}


def names_of(conf):
    """The part of the proposed configuration that names need."""
    return conf.read_text().partition("# Names\n")[2]


@pytest.fixture
def network(settings):
    """The ledger's names in a laboratory: web, which is not there yet, and a machine without a
    name that DNS could serve."""
    Zone.objects.create(name="corp.example")
    SubnetFactory(network="10.77.0.0/24", domain="corp.example")
    ServerFactory(hostname="web", ip_address="10.77.0.9", mac_address=WEB)
    ServerFactory(hostname="infinite", ip_address="10.77.0.8", mac_address=KNOWN)
    settings.DHCP_SYNC = "worker"
    with laboratory([POOL]) as lab:
        settings.DNSMASQ_DIR, settings.DNSMASQ_LEASES = lab.files, lab.leases
        settings.DNSMASQ_RELOAD = "none"
        assert sync().good
        lab.stop()
        lab.conf.write_text(lab.conf.read_text() + names_of(Target.from_settings().conf))
        lab.start()
        settings.DNSMASQ_RELOAD, settings.DNSMASQ_DNS = lab.reload_setting, ("127.0.0.1", 53)
        with lab.inside():
            yield lab
        assert lab.alive()


def said():
    """What the server says of our names, and of what the strangers claim."""
    names = ["web.corp.example", "web", "db", "db.corp.example", "web.lab.example"]
    found = {name: ask(53, name) for name in names}
    for number in (8, 9, *range(100, 110)):
        name = f"{number}.0.77.10.in-addr.arpa"
        found[name] = ask(53, name, "PTR")
    return found


def test_a_claim_changes_no_answer(network):
    before = said()
    assert before["web.corp.example"] == ["10.77.0.9"] and before["db.corp.example"] == [NXDOMAIN]
    assert before["9.0.77.10.in-addr.arpa"] == ["web.corp.example"]
    for place, name in enumerate(SPELLINGS):
        mac = f"02:00:00:00:01:{place:02x}"
        options = client_fqdn(name.strip(" .")) if place % 2 else {}
        assert network.client.acquire(mac, hostname=name, options=options)
    assert network.client.acquire(KNOWN, hostname="web").ip == "10.77.0.8"
    after = said()
    assert after == before
    assert sync(force=True).confirmed
    assert said() == after


def test_the_machine_itself_keeps_its_name_whatever_it_sends(network):
    assert network.client.acquire(WEB, hostname="liar").ip == "10.77.0.9"
    assert ask(53, "web.corp.example") == ["10.77.0.9"]
    assert ask(53, "liar.corp.example") == [NXDOMAIN]
    assert ask(53, "9.0.77.10.in-addr.arpa", "PTR") == ["web.corp.example"]


def test_a_name_that_the_ledger_gives_away_later_is_the_ledgers(network):
    assert network.client.acquire("02:00:00:00:01:01", hostname="db")
    ServerFactory(hostname="db", ip_address="10.77.0.10", mac_address=None)
    assert sync().confirmed
    assert ask(53, "db.corp.example") == ["10.77.0.10"]
    assert ask(53, "db") != ["10.77.0.10"]
