"""The screens of leases: who is where he belongs, one click to a reservation, and every server's
state."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from core.errors import Conflict, Invalid
from dhcp.files.sync import sync
from dhcp.leases.adopt import adopt
from dhcp.models import Generation
from ipam.models import Interface, Server, Sighting
from tests.dhcp.records import scoped
from tests.ipam.admin_forms import messages_of, queries_of, rows_shown

pytestmark = pytest.mark.django_db

A, B, C = (f"02:00:00:00:00:0{sign}" for sign in "abc")
LIST = reverse("admin:dhcp_lease_changelist")
SERVERS = reverse("admin:ipam_server_changelist")
WHY = reverse("admin:dhcp_why")


@pytest.fixture(autouse=True)
def subnet(target):
    return scoped("10.77.0.0/24", name="Office")


def leased(number, mac=A, minutes=60, **more):
    until = timezone.now() + timedelta(minutes=minutes)
    return Sighting.objects.create(
        ip_address=f"10.77.0.{number}", mac_address=mac, source="lease", leased_until=until, **more
    )


def server(**facts):
    return Server.objects.create(
        **({"hostname": "web", "mac_address": A, "ip_address": "10.77.0.9"} | facts)
    )


def verdicts(page):
    return {str(lease.ip_address): lease.verdict for lease in rows_shown(page)}


def test_each_lease_is_judged_and_what_is_over_is_not_shown(admin_client):
    server()
    leased(9), leased(10), leased(11, B), leased(12, C, minutes=-1)
    assert verdicts(admin_client.get(LIST)) == {
        "10.77.0.9": "right",
        "10.77.0.10": "elsewhere",
        "10.77.0.11": "unknown",
    }
    assert len(verdicts(admin_client.get(LIST, {"over": "too"}))) == 4
    assert verdicts(admin_client.get(LIST, {"verdict": "unknown"})) == {"10.77.0.11": "unknown"}


def test_interfaces_are_known_too(admin_client):
    Interface.objects.create(server=server(), name="bmc", mac_address=B, ip_address="10.77.0.19")
    leased(19, B), leased(9, B)
    assert verdicts(admin_client.get(LIST)) == {"10.77.0.9": "conflict", "10.77.0.19": "right"}


def test_a_lease_of_the_other_ip_version_is_no_machine_gone_astray(admin_client):
    server()
    Sighting.objects.create(
        ip_address="fd00::9",
        mac_address=A,
        source="lease",
        leased_until=timezone.now() + timedelta(hours=1),
    )
    assert verdicts(admin_client.get(LIST)) == {"fd00::9": "known"}


@pytest.mark.parametrize("typed", ["10.77.0.9", "10.77.0.0/28", A, "printer"])
def test_the_search_finds_by_address_network_mac_and_name(admin_client, typed):
    leased(9, hostname="printer-2"), leased(99, B)
    assert list(verdicts(admin_client.get(LIST, {"q": typed}))) == ["10.77.0.9"]


def test_thirty_leases_cost_as_many_queries_as_three(admin_client):
    for number in range(10, 13):
        leased(number)
    few = queries_of(admin_client, LIST)
    for number in range(20, 50):
        leased(number)
    assert queries_of(admin_client, LIST) == few


# --- from a lease to a reservation ----------------------------------------------------------------


def reserve(client, *leases):
    data = {"action": "make_reservations", "_selected_action": [lease.pk for lease in leases]}
    return client.post(LIST, data, follow=True)


def test_a_stranger_becomes_a_server_of_its_own_name(admin_client):
    assert (
        "10.77.0.9 is reserved for"
        in messages_of(reserve(admin_client, leased(9, hostname="printer")))[0]
    )
    made = Server.objects.get()
    assert (made.hostname, made.mac_address, str(made.ip_address)) == ("printer", A, "10.77.0.9")


@pytest.mark.parametrize("name", ["", "web", "WEB", "no name at all", "x,ignore"])
def test_a_name_that_is_none_or_somebody_s_is_replaced(name):
    server(mac_address=B, ip_address="10.77.0.8")
    assert adopt(leased(9, hostname=name)).hostname == "device-02000000000a"


def test_a_known_server_without_an_address_gets_it():
    known = server(ip_address=None)
    assert adopt(leased(9)) == known
    known.refresh_from_db()
    assert str(known.ip_address) == "10.77.0.9"


def test_nobody_s_address_or_card_is_taken_away(admin_client):
    server()
    with pytest.raises(Conflict, match="web"):
        adopt(leased(9, B))
    with pytest.raises(Conflict, match=f"{A} is already a network card of web"):
        adopt(leased(10))
    with pytest.raises(Invalid, match="has no MAC address"):
        adopt(leased(11, None, duid="00:02:ab"))
    answer = reserve(admin_client, *Sighting.objects.all())
    assert len(messages_of(answer)) == 3 and Server.objects.count() == 1


def test_who_may_only_look_may_not_reserve(client):
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    reserve(client, leased(9))
    assert client.get(LIST).status_code == 200 and not Server.objects.exists()


# --- how every server fares -----------------------------------------------------------------------


def test_the_list_of_servers_tells_each_one_s_state(admin_client):
    server()
    server(hostname="off", mac_address=B, ip_address="10.77.0.10", enabled=False)
    sync()
    leased(9, C)
    page = admin_client.get(SERVERS).content.decode()
    assert "02:00:00:00:00:0c holds 10.77.0.9 until" in page and "not served" in page


def test_a_server_s_page_tells_of_all_its_cards(admin_client):
    web = server()
    Interface.objects.create(server=web, name="bmc", mac_address=B)
    sync()
    page = admin_client.get(reverse("admin:ipam_server_change", args=[web.pk])).content.decode()
    assert (
        "web bmc: It has no IP address." in page
        and "web: Its line is written. No dnsmasq is connected." in page
    )


def test_why_is_a_page(admin_client):
    server()
    sync()
    page = admin_client.get(WHY, {"q": A.upper()}).content.decode()
    verdict, remedy, step = map(
        page.index, ("web 10.77.0.9: pending.", "Connect a dnsmasq", "Whose card is it?")
    )
    assert verdict < remedy < step
    assert "is neither an IP" in admin_client.get(WHY, {"q": "<b>"}).content.decode()
    assert "No machine of the ledger has" in admin_client.get(WHY, {"q": "x"}).content.decode()


def test_the_page_has_its_own_title_and_its_place_in_the_sidebar(admin_client, client):
    page = admin_client.get(WHY).content.decode()
    assert "<title> Why this address? |" in page
    assert f'href="{WHY}"' in admin_client.get("/admin/").content.decode()
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert f'href="{WHY}"' not in client.get("/admin/").content.decode()


def test_a_search_for_any_address_is_answered_where_no_row_has_it(admin_client, subnet):
    leased(200, B, hostname="phone")
    for url in (reverse("admin:ipam_ipaddress_changelist"), "/ipam/"):
        page = admin_client.get(url, {"q": "10.77.0.200"}).content.decode()
        assert f"10.77.0.200 is leased to {B} (phone) until " in page and f'"{WHY}?q=10.' in page
        assert "10.99.0.1 is in no subnet." in admin_client.get(url, {"q": "10.99.0.1"}).text


def test_the_first_page_says_that_no_dnsmasq_is_connected(admin_client, subnet, settings):
    server()
    sync()
    assert "Files written; no dnsmasq is connected" in admin_client.get("/admin/").text
    settings.DNSMASQ_RELOAD = "generation"
    assert "so that it confirms what it has read" in admin_client.get("/admin/").text
    Generation.objects.update(confirmed=True)
    assert "dnsmasq has everything from the ledger." in admin_client.get("/admin/").text


def test_who_may_not_look_is_not_told_why(client):
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert client.get(WHY, {"mac": A}).status_code == 403


def test_names_that_machines_give_themselves_carry_no_markup(admin_client):
    server()
    sync()
    leased(9, B, hostname="<script>1</script>")
    for url in (LIST, SERVERS, f"{WHY}?mac={A}"):
        assert "<script>1" not in admin_client.get(url).content.decode()
