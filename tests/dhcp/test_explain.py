"""dhcp.generations.explain: beside each line of a difference stands which change of whom is behind
it."""

import pytest
from django.contrib.auth.models import User

from dhcp.edits.decide import discard
from dhcp.files.sync import sync
from dhcp.generations.explain import explain
from dhcp.generations.rollback import release, rollback
from dhcp.models import DhcpChange, DhcpOption, DhcpScope, Generation, HandEdit
from ipam.models import Interface, Pool, Server, Subnet
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


def reasons(sources, *changes):
    """What is said of one line for each of these sources."""
    diff = "\n".join(f"+line {number}" for number in range(len(sources)))
    return [why for _text, why in explain(diff, sources, changes)]


def test_a_line_is_explained_by_the_change_of_its_row():
    said = reasons(["server 1,subnet 7", "server 2,subnet 7"], change(), change(name="shop", id=2))
    assert said == ["joe: server web changed", "joe: server shop changed"]


def test_the_nearest_row_that_was_changed_explains_it():
    keys = "interface 4,server 1,subnet 7"
    subnet = change("subnet", "10.77.0.0/24", "delete", id=7)
    assert "subnet" in reasons([keys], subnet)[0]
    assert "server web" in reasons([keys], subnet, change())[0]
    assert "interface" in reasons([keys], subnet, change(), change("interface", id=4))[0]


def test_several_changes_of_one_row_are_told_three_at_most():
    changes = [change(detail=f"hostname: {n}") for n in range(5)]
    assert reasons(["server 1"], *changes)[0].count("; ") == 2


def test_a_bulk_write_explains_what_no_single_row_does():
    bulk = change("ledger", "500 servers", id=None, who="")
    said = reasons(["server 1", "server 2", ""], change(), bulk)
    assert said == ["joe: server web changed", *["ledger 500 servers changed"] * 2]


def test_heads_and_comments_are_nobody_s_change():
    diff = "--- served\n+++ ledger\n@@ -1 +1 @@\n-# Reservations: 1\n+# Reservations: 2"
    bulk = change("ledger", "500 servers", id=None)
    assert [why for _text, why in explain(diff, [""] * 5, [bulk])] == [""] * 5


def test_where_nothing_is_known_nothing_is_claimed():
    assert reasons(["server 9", ""], change(), change(name="mail", id=2)) == ["", ""]


def test_a_generation_of_the_former_version_says_that_it_does_not_know():
    said = [why for _text, why in explain("--- served\n+line", None, [change()])]
    assert said == ["which change led to which line was not recorded", ""]


def test_thousands_of_lines_and_changes_are_no_millions_of_comparisons():
    """Comparing each with each would take minutes."""
    number = 20_000
    changes = [change(id=n, name=f"s{n}", who="") for n in range(number)]
    sources = [f"server {n},subnet 1" for n in range(number)]
    assert reasons(sources, *changes) == [f"server s{n} changed" for n in range(number)]


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
        f'+{A},10.77.0.9,www<em class="dhcp-cause">'
        "admin: server www changed (hostname: web -&gt; www)</em>" in page
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
    cause = explained()[f"-{C},10.77.0.11,new"]
    assert ": hand edit added: " in cause  # behind the name of the program


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


def test_a_scope_an_option_and_a_pool_explain_their_own_lines(ledger):
    sync()
    subnet = Subnet.objects.get()
    scope = DhcpScope.objects.create(subnet=subnet, domain="example.org")
    sync()
    DhcpOption.objects.create(scope=scope, number=26, value="1400")
    Pool.objects.create(subnet=subnet, first="10.77.0.100", last="10.77.0.120", kind="dhcp")
    said = explained()
    assert "DHCP option" in next(why for line, why in said.items() if ",26," in line)
    assert "pool" in next(why for line, why in said.items() if "10.77.0.100" in line)


def test_the_removed_lines_of_a_rollback_are_known_too(ledger):
    sync()
    first = Generation.objects.filter(result="applied").earliest("pk")
    rollback(first.pk)
    release()
    newest = Generation.objects.newest()
    server = f"server {ledger.pk},subnet {Subnet.objects.get().pk}"
    by_line = dict(zip(newest.diff.splitlines(), newest.sources, strict=True))
    assert (by_line[f"-{A},10.77.0.9,web"], by_line[f"+{A},10.77.0.9,www"]) == (server, server)
