"""Hand edits in the admin and at the prompt: seen, decided with a second look, never by
accident."""

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.models import DhcpServer, HandEdit
from ipam.models import Server, Subnet
from tests.dhcp.test_command import run
from tests.ipam.admin_forms import messages_of, queries_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]

A, B, C = (f"02:00:00:00:00:0{sign}" for sign in "abc")
WEB, NEW = f"{A},10.77.0.9,web", f"{C},10.77.0.11,new"
LIST, DECIDE = "/admin/dhcp/handedit/", "/admin/dhcp/handedit/decide/"


@pytest.fixture
def edits(target):
    """An added line, and one that dnsmasq must not read."""
    Subnet.objects.create(network="10.77.0.0/24")
    Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    sync()
    with target.hosts.open("a") as file:
        file.write(f"{NEW}\n<script>1</script>\n")
    sync()
    return list(HandEdit.objects.undecided())


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def decide(client, verb, *edits, follow=True):
    query = f"?verb={verb}" + "".join(f"&id={edit.pk}" for edit in edits)
    page = text(client.get(DECIDE + query))
    return page, client.post(DECIDE + query, follow=follow)


def test_the_list_shows_what_waits_and_the_page_what_was_typed(admin_client, edits):
    page = text(admin_client.get(LIST))
    assert f"+{NEW}" in page and "not served" in page and "<script>1" not in page
    page = text(admin_client.get(reverse("admin:dhcp_handedit_change", args=[edits[1].pk])))
    assert "&lt;script&gt;1" in page and "not MAC,IP[,name]" in page


def test_the_first_page_says_that_a_decision_waits(admin_client, edits):
    assert "2 edits by hand wait for a decision" in text(admin_client.get("/admin/"))
    HandEdit.objects.all().delete()
    assert "by hand wait" not in text(admin_client.get("/admin/"))


def test_adopting_asks_first(admin_client, edits):
    page, answer = decide(admin_client, "adopt", edits[0])
    assert "A server with this address and MAC is created" in page
    assert messages_of(answer) == ["1 hand edit is in the ledger now."]
    assert Server.objects.get(mac_address=C).hostname == "new"
    assert HandEdit.objects.get(pk=edits[0].pk).decided_by == "admin"


def test_looking_at_the_question_decides_nothing(admin_client, edits):
    text(admin_client.get(f"{DECIDE}?verb=discard&id={edits[0].pk}"))
    assert HandEdit.objects.undecided().count() == 2


def test_several_are_discarded_at_once(admin_client, edits, target):
    action = {"action": "discard_chosen", "_selected_action": [edit.pk for edit in edits]}
    asked = admin_client.post(LIST, action)
    assert messages_of(admin_client.post(asked.url, follow=True)) == ["2 hand edits are discarded."]
    assert NEW not in target.hosts.read_text()


def test_a_row_has_both_buttons(admin_client, edits):
    for verb in ("adopt", "discard"):
        answer = admin_client.get(reverse(f"admin:dhcp_handedit_{verb}_row", args=[edits[0].pk]))
        assert answer.url == f"{DECIDE}?verb={verb}&id={edits[0].pk}"


def test_a_conflict_is_told_with_its_holder(admin_client, edits):
    Server.objects.create(hostname="quicker", mac_address=B, ip_address="10.77.0.11")
    _page, answer = decide(admin_client, "adopt", edits[0])
    assert "quicker" in messages_of(answer)[0]
    assert HandEdit.objects.undecided().count() == 2


def test_what_cannot_be_adopted_has_no_button_for_it(admin_client, edits):
    page = text(admin_client.get(f"{DECIDE}?verb=adopt&id={edits[1].pk}"))
    assert "Yes, adopt" not in page and "Change the ledger yourself" in page


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?verb=adopt",
        "?verb=eat&id=1",
        "?verb=adopt&id=x",
        "?verb=adopt&id=99999999999999999999",
    ],
)
def test_a_crafted_address_leads_back(admin_client, edits, query):
    assert admin_client.get(DECIDE + query).url == LIST


def test_who_may_only_look_may_not_decide(client, edits):
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    assert "adopt_chosen" not in text(client.get(LIST))
    assert client.post(f"{DECIDE}?verb=discard&id={edits[0].pk}").status_code == 403
    assert HandEdit.objects.undecided().count() == 2


def test_decided_ones_can_be_looked_up(admin_client, edits):
    decide(admin_client, "discard", *edits)
    assert NEW not in text(admin_client.get(LIST))
    assert NEW in text(admin_client.get(f"{LIST}?state=discarded"))


def test_the_list_costs_as_many_queries_for_fifty_as_for_two(admin_client, edits):
    few = queries_of(admin_client, LIST)
    HandEdit.objects.bulk_create(HandEdit(action="add", line=NEW) for _ in range(48))
    assert queries_of(admin_client, LIST) == few


# --- at the prompt --------------------------------------------------------------------------------


def test_the_command_lists_adopts_and_discards(edits, target):
    status, out, _ = run("--hand-edits")
    assert status == 0 and f"hosts add    {NEW}  [served]" in out and "kept" in out
    assert json.loads(run("--hand-edits", "--json")[1])[0]["line"] == NEW
    assert run("--adopt", str(edits[0].pk))[:2] == (0, f"{edits[0].pk:>6} added: {NEW}: done\n")
    assert run("--adopt", "all")[0] == 1
    assert run("--discard", "all")[0] == 0
    assert run("--hand-edits")[1] == "no hand edit is open\n" == run("--discard", "all")[1]


def test_the_command_lists_what_no_sync_has_seen_yet(edits, target):
    with target.hosts.open("a") as file:
        file.write(f"{B},10.77.0.12,later\n")
    assert f"   new hosts add    {B},10.77.0.12,later  [not served yet]" in run("--hand-edits")[1]
    assert HandEdit.objects.undecided().count() == 2


def test_an_edit_of_another_server_s_file_names_the_server(edits, target, admin_client):
    berlin = Target.of(DhcpServer.objects.create(name="berlin", site="Berlin"))
    Subnet.objects.create(network="10.78.0.0/24", site="Berlin")
    sync(berlin)
    with berlin.hosts.open("a") as file:
        file.write(f"{B},10.78.0.9,far\n")
    assert f"   new hosts add    berlin: {B},10.78.0.9,far" in run("--hand-edits")[1]
    sync(berlin)
    assert HandEdit.objects.get(line=f"{B},10.78.0.9,far").served
    assert "berlin" in text(admin_client.get(LIST))
    assert run("--discard", "all")[0] == 0
    assert f"{B},10.78.0.9,far" not in berlin.hosts.read_text()


@pytest.mark.parametrize("number", ["x", "0", "99999999999999999999", "-1"])
def test_the_command_says_which_number_is_wrong(edits, number):
    with pytest.raises(Exception, match=f"hand edit {number}|neither a number"):
        run("--adopt", number)
