"""dhcp.generations.explain: beside each line of a difference stands which change of whom is behind
it."""

import pytest
from django.contrib.auth.models import User

from dhcp.edits.decide import discard
from dhcp.files.sync import sync
from dhcp.generations.explain import explain
from dhcp.models import DhcpChange, DhcpScope, Generation, HandEdit
from ipam.models import Interface, Server, Subnet
from tests.dhcp.test_command import run
from tests.ipam.admin_forms import save

pytestmark = pytest.mark.django_db

A, B, C, D = (f"02:00:00:00:00:0{sign}" for sign in "abcd")


def change(kind="server", name="web", action="change", detail="", id=1, who="joe"):
    return {
        "kind": kind,
        "id": id,
        "name": name,
        "action": action,
        "detail": detail,
        "who": who,
        "at": "",
    }


def causes(diff, *changes):
    """For each line that is no head: the names behind it."""
    lines = explain("--- served\n+++ ledger\n@@ -1 +1 @@\n" + diff, changes)
    assert not any(line.causes for line in lines[:3])
    return [[changes[number]["name"] for number in line.causes] for line in lines[3:]]


def test_a_move_explains_what_went_and_what_came():
    moved = change(detail="ip_address: 10.77.0.9 -> 10.77.0.10")
    assert causes(
        f"-{A},10.77.0.9,web\n+{A},10.77.0.10,web\n+{B},10.77.0.11,shop", moved, change(name="shop")
    ) == [
        ["web"],
        ["web"],
        ["shop"],
    ]


def test_new_and_deleted_servers_are_known_by_their_names():
    diff = f"-{A},10.77.0.9,web\n+{B},10.77.0.10,shop"
    assert causes(diff, change(name="Shop.example.org", action="add"), change(action="delete")) == [
        ["web"],
        ["Shop.example.org"],
    ]


def test_a_new_card_explains_the_line_of_the_old_one_too():
    assert causes(
        f"-{A},10.77.0.9,x\n+{B},10.77.0.9,x", change(detail=f"mac_address: {A} -> {B}")
    ) == [
        ["web"],
        ["web"],
    ]


def test_a_rename_explains_the_lines_of_the_server_s_cards():
    diff = (
        f"-{A},10.77.0.9,web\n-{B},10.77.0.19,web-bmc\n+{A},10.77.0.9,www\n+{B},10.77.0.19,www-bmc"
    )
    assert causes(diff, change(name="www", detail="hostname: web -> www")) == [["www"]] * 4


def test_an_interface_is_known_by_both_its_names():
    diff = f"-{B},10.77.0.19,web-bmc\n+{B},10.77.0.19,web-ipmi"
    assert (
        causes(diff, change("interface", "web.example.org ipmi", detail="name: bmc -> ipmi"))
        == [["web.example.org ipmi"]] * 2
    )


def test_a_subnet_explains_its_addresses_and_its_options_unless_something_nearer_does():
    subnet = change("subnet", "10.77.0.0/24 Office", "delete", id=7)
    diff = f"-{A},10.77.0.9,web\n-{B},10.77.0.10,shop\n-{C},10.78.0.9,far\n-tag:s7,option:domain-name,example.org"
    assert causes(diff, subnet, change(name="shop", action="delete")) == [
        ["10.77.0.0/24 Office"],
        ["shop"],
        [],
        ["10.77.0.0/24 Office"],
    ]


def test_a_bulk_write_explains_what_nothing_else_does():
    bulk = change("ledger", "500 servers")
    assert causes(f"+{A},10.77.0.9,web\n+{B},10.77.0.10,shop", bulk, change(name="shop")) == [
        ["500 servers"],
        ["shop"],
    ]


def test_a_server_without_a_name_in_its_line_is_the_one_that_is_left():
    assert causes(f"+{A},10.77.0.9", change(name="12h", action="add")) == [["12h"]]


def test_what_is_left_of_a_scope_s_lines_is_the_one_scope_s_that_was_changed():
    diff = f"+tag:s7,option:domain-name,example.org\n+{A},10.77.0.9,web\n+dhcp-range=set:s7,10.77.0.0,static,255.255.255.0"
    scope = change("dhcpscope", "10.99.0.0/24 Office", detail="domain:  -> example.org")
    assert causes(diff, change(action="add"), scope) == [[scope["name"]], ["web"], [scope["name"]]]
    assert causes(diff, change(action="add"), scope, change("dhcpoption", "4: x")) == [
        [],
        ["web"],
        [],
    ]


def test_where_nothing_is_known_nothing_is_claimed():
    assert causes(f"+{A},10.77.0.9,x", change(name="shop"), change(name="mail")) == [[]]


def test_thousands_of_lines_and_changes_are_no_millions_of_comparisons():
    """Comparing each with each would take minutes."""
    number = 20_000
    ips = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(number)]
    diff = "\n".join(
        f"+02:00:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x},{ip},s{n}"
        for n, ip in enumerate(ips)
    )
    changes = [change(name=f"s{n}", detail=f"ip_address: None -> {ip}") for n, ip in enumerate(ips)]
    assert [line.causes for line in explain(diff, changes)] == [[n] for n in range(number)]


# --- with the real rows, page and command ---------------------------------------------------------


@pytest.fixture
def ledger(target, admin_client):
    """Three changes of two people and of nobody's, none told yet."""
    target.prepare()
    Subnet.objects.create(network="10.77.0.0/24")
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    bmc = Interface.objects.create(server=web, name="bmc", mac_address=B, ip_address="10.77.0.19")
    DhcpScope.objects.create(subnet=Subnet.objects.get(), router="10.77.0.1")
    sync()
    url = f"/admin/ipam/server/{web.pk}/change/"
    save(admin_client, url, hostname="www")
    bmc.refresh_from_db()
    bmc.ip_address = "10.77.0.29"
    bmc.save()
    DhcpScope.objects.get().delete()
    return web


def explained():
    """line -> what is said of it."""
    lines = (line.partition("  # ") for line in run("--diff")[1].splitlines() if "  # " in line)
    return {text.strip(): why for text, _mark, why in lines}


def test_the_command_says_beside_each_line_who_did_what(ledger):
    said = explained()
    assert said[f"+{A},10.77.0.9,www"] == "admin: server www changed (hostname: web -> www)"
    assert said[f"-{A},10.77.0.9,web"] == "admin: server www changed (hostname: web -> www)"
    assert said[f"+{B},10.77.0.29,www-bmc"].endswith("(ip_address: 10.77.0.19 -> 10.77.0.29)")
    assert "DHCP scope" in next(why for line, why in said.items() if "option:router" in line)


def test_the_generation_s_page_says_the_same(ledger, admin_client):
    sync()
    page = admin_client.get(
        f"/admin/dhcp/generation/{Generation.objects.newest().pk}/change/"
    ).content.decode()
    assert (
        f'+{A},10.77.0.9,www<em class="dhcp-cause">admin: server www changed (hostname: web -&gt; www)</em>'
        in page
    )


def test_a_line_that_somebody_wrote_by_hand_is_said_to_be(ledger, target, admin_client):
    sync()
    with target.hosts.open("a") as file:
        file.write("<b>rubbish</b>\n")
    sync()
    assert HandEdit.objects.count() == 1
    page = admin_client.get(
        f"/admin/dhcp/generation/{Generation.objects.newest().pk}/change/"
    ).content.decode()
    assert '-&lt;b&gt;rubbish&lt;/b&gt;<em class="dhcp-cause">by hand: open</em>' in page


def test_a_discarded_hand_edit_is_the_cause_of_what_follows(ledger, target):
    sync()
    with target.hosts.open("a") as file:
        file.write(f"{C},10.77.0.11,new\n")
    sync()
    discard(HandEdit.objects.get(), "joe")
    assert explained()[f"-{C},10.77.0.11,new"].startswith("hand edit added: ")


def test_psql_changes_bear_their_role(target, django_user_model):
    User.objects.all().delete()
    Subnet.objects.create(network="10.77.0.0/24")
    server = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    sync()
    DhcpChange.objects.create(
        kind="server",
        object_id=server.pk,
        label="web",
        who="psql ipadmin",
        detail="ip_address: 10.77.0.9 -> 10.77.0.10",
    )
    Server._base_manager.filter(pk=server.pk).update(ip_address="10.77.0.10")
    assert explained()[f"+{A},10.77.0.10,web"].startswith("psql ipadmin: server web changed")
