"""Who had this address at that time? One answer of ledger, leases, sightings and files."""

from datetime import timedelta

import pytest
from django.utils import timezone

from client.commands import _who_had_lines
from dhcp.leases.intervals.models import LeaseInterval
from dhcp.models import DhcpTransaction
from ipam.models import Server, Sighting
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import staff, with_session, with_token

pytestmark = pytest.mark.django_db
URL = "/api/v1/who-had/"
MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
IP = "10.1.0.10"


@pytest.fixture
def api():
    return with_token("admin")


def now():
    return timezone.now().isoformat()


def server(name, mac=MAC):
    return ServerFactory(hostname=name, ip_address=IP, mac_address=mac)


def lease(mac, *, hours_ago=1, lasts=2):
    began = timezone.now() - timedelta(hours=hours_ago)
    return LeaseInterval.objects.create(
        ip_address=IP,
        mac_address=mac,
        started_at=began,
        last_seen=began,
        leased_until=began + timedelta(hours=lasts),
    )


def ask(api, **query):
    response = api.get(URL, {"ip": IP, **query})
    assert response.status_code == 200, response.content
    return response.json()


@pytest.mark.parametrize(
    ("ip", "text", "free", "kind"),
    [
        (
            "10.1.0.10",
            "was free, in the static pool 10.1.0.9-10.1.0.12 of 10.1.0.0/24 lab",
            True,
            1,
        ),
        ("10.1.0.20", "was free, in the DHCP pool 10.1.0.20-10.1.0.29 of {}", True, 1),
        ("10.1.0.99", "was free, in {} and in no pool", True, 0),
        ("10.1.0.1", "belonged to nobody: it is never handed out in {}", False, 0),
        ("10.1.0.255", "belonged to nobody: it is never handed out in {}", False, 0),
        ("10.9.0.1", "belonged to nobody and lay in no subnet", False, 0),
    ],
)
def test_where_an_address_was_free_that_nobody_held(api, ip, text, free, kind):
    """As subnets and pools were then, not as they are."""
    subnet = SubnetFactory(network="10.1.0.0/24", name="lab", gateway="10.1.0.1")
    PoolFactory(subnet=subnet, first="10.1.0.9", last="10.1.0.12")
    PoolFactory(subnet=subnet, first="10.1.0.20", last="10.1.0.29", kind="dhcp")
    then = now()
    subnet.delete()
    found = ask(api, at=then, ip=ip)
    assert found["sentence"] == f"{ip} {text.format('10.1.0.0/24 lab')}."
    assert (found["place"]["free"], bool(found["place"]["pool"])) == (free, bool(kind))
    told = [one["source"] for one in found["statements"]]
    assert told == ["ledger"] * (found["place"]["subnet"] is not None)
    assert ask(api, at=now(), ip=ip)["sentence"] == f"{ip} belonged to nobody and lay in no subnet."


def test_who_may_not_see_subnets_is_not_told_where_an_address_was_free():
    SubnetFactory(network="10.1.0.0/24", name="lab")
    few = with_session(staff("ipam.view_ipaddress"))
    around = with_token("read", subnets=["10.1.0.0/28"])
    within = with_token("read", subnets=["10.1.0.0/16"])
    for reader in (few, around):
        found = ask(reader, at=now())
        assert found["place"] is None
        assert "lab" not in str(found)
        assert "The ledger knows of nobody who held it." in found["unknown"]
    assert ask(within, at=now())["place"]["free"]


def test_the_holder_of_that_time_is_named_with_its_time(api):
    SubnetFactory(network="10.1.0.0/24")
    one = server("web-1")
    then = now()
    one.delete()
    after = now()
    server("web-2", OTHER)
    found = ask(api, at=then)
    assert found["sentence"].startswith(f"{IP} belonged to server “web-1” ({MAC}) from ")
    assert found["holder"]["until"] < after
    assert found["statements"][0]["evidence"].startswith("ipam.ipaddress:")
    assert ask(api, at=after)["holder"] is None
    assert ask(api, at=now())["holder"]["name"] == "web-2"


def test_a_lease_of_that_time_is_in_the_sentence(api):
    SubnetFactory(network="10.1.0.0/24")
    server("web-1")
    lease(MAC)
    found = ask(api, at=now())
    assert f"dnsmasq leased it to {MAC} from " in found["sentence"]
    assert found["disagreements"] == []


def test_where_ledger_and_network_disagree_is_said(api):
    SubnetFactory(network="10.1.0.0/24")
    server("web-1")
    lease(OTHER)
    [text] = ask(api, at=now())["disagreements"]
    assert text == f"DHCP leased it to {OTHER}, but the ledger gave it to server “web-1” ({MAC})."
    Server.objects.all().delete()
    [text] = ask(api, at=now())["disagreements"]
    assert text.endswith("but the ledger gave it to nobody.")


def test_sightings_and_messages_are_evidence_until_then_only(api):
    moment = timezone.now()
    Sighting.objects.create(ip_address=IP, mac_address=MAC, source="arp")
    DhcpTransaction.objects.create(
        ip_address=IP, mac_address=MAC, kind="ack", at=moment - timedelta(minutes=5)
    )
    sources = [one["source"] for one in ask(api, at=now())["statements"]]
    assert sources == ["dhcp_log", "arp"]
    earlier = ask(api, at=(moment - timedelta(minutes=1)).isoformat())
    assert [one["source"] for one in earlier["statements"]] == ["dhcp_log"]
    assert "Nobody was seen at this address." in earlier["unknown"]


def test_without_a_time_all_holders_are_told_newest_first(api):
    SubnetFactory(network="10.1.0.0/24")
    for name in ("web-1", "web-2"):
        server(name).delete()
    lease(MAC)
    found = ask(api)
    assert [one["name"] for one in found["holders"]] == ["web-2", "web-1"]
    assert [one["mac_address"] for one in found["leases"]] == [MAC]
    assert found["older"] is None
    assert next(iter(_who_had_lines(found))).startswith("ledger: server “web-2”")


def test_each_address_space_has_its_own_holders(api):
    vrf = VRFFactory()
    SubnetFactory(network="10.1.0.0/24", vrf=vrf)
    ServerFactory(hostname="web-1", ip_address=IP, vrf=vrf)
    assert ask(api, at=now())["holder"] is None
    assert ask(api, at=now(), vrf=vrf.name)["holder"]["name"] == "web-1"
    assert ask(api, at=now(), vrf=vrf.pk)["holder"]["name"] == "web-1"


@pytest.mark.parametrize(
    ("query", "name"),
    [({"ip": "nobody"}, "ip"), ({"ip": ""}, "ip"), ({"at": "soon"}, "at"), ({"was": "1"}, "was")],
)
def test_what_cannot_be_asked_is_refused_by_name(api, query, name):
    response = api.get(URL, {"ip": IP, **query})
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]


def test_each_part_needs_its_own_right():
    SubnetFactory(network="10.1.0.0/24")
    server("web-1")
    lease(MAC)
    assert with_session(staff()).get(URL, {"ip": IP}).status_code == 403
    found = ask(with_session(staff("ipam.view_ipaddress")), at=now())
    assert found["holder"]["name"] == "web-1"
    assert (found["lease"], found["dhcp"]) == (None, None)
    assert [one["source"] for one in found["statements"]] == ["ledger"]


def test_a_confined_token_asks_for_its_own_addresses_only():
    confined = with_token("admin", subnets=["10.1.0.0/16"])
    SubnetFactory(network="10.1.0.0/24")
    SubnetFactory(network="10.2.0.0/24")
    one = server("web-1")
    then = now()
    assert confined.get(URL, {"ip": "10.2.0.10"}).status_code == 403
    assert ask(confined, at=then)["holder"]["name"] == "web-1"
    one.ip_address = "10.2.0.10"
    one.save()
    hidden = ask(confined, at=then)
    assert hidden["holder"] is None
    assert "web-1" not in str(hidden)
    assert "web-1" not in str(ask(confined))


def test_the_page_names_its_sources_in_the_reader_s_language(admin_client):
    server("web")
    page = admin_client.get(f"/admin/who-had/?ip={IP}&at=now", headers={"Accept-Language": "de"})
    assert '<span class="ipm-badge">Adressverzeichnis</span>' in page.content.decode()
