import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.urls import reverse

from dhcp.models import HandEdit
from ipam import freeze
from ipam.allocate import reserve
from ipam.models import VRF, IPAddress, Subnet
from ipmanager import navigation
from tests.ipam.admin_forms import queries_of
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db

INDEX = reverse("admin:index")


@pytest.fixture
def operator_client(client):
    operator = User.objects.create_user("operator", is_staff=True)
    operator.groups.add(Group.objects.get(name="Operators"))
    client.force_login(operator)
    return client


# --- the overview ---------------------------------------------------------------------------------


def test_an_empty_ledger_says_what_to_do_first(admin_client):
    text = admin_client.get(INDEX).content.decode()

    assert reverse("admin:ipam_subnet_add") in text
    assert "import_csv" in text


def test_the_overview_counts_by_status(admin_client):
    PoolFactory()
    reserve(IPAddress.objects.first(), "printer")

    figures = {
        str(figure.label): figure.number
        for figure in admin_client.get(INDEX).context["ledger"]["figures"]
    }

    assert figures == {
        "Subnets": 1,
        "Servers": 0,
        "Available": 10,
        "Allocated": 0,
        "Reserved": 1,
        "Quarantine": 0,
    }


def test_the_fullest_subnet_comes_first(admin_client):
    small, large = SubnetFactory(network="10.0.0.0/29"), SubnetFactory(network="10.1.0.0/24")
    for address in ("10.0.0.2", "10.0.0.3", "10.1.0.2", "10.1.0.3", "10.1.0.4"):
        ServerFactory(ip_address=address)

    fullest = admin_client.get(INDEX).context["ledger"]["fullest"]

    assert [
        str(subnet.network) in line["subnet"]
        for subnet, line in zip((small, large), fullest, strict=True)
    ] == [True, True]


def test_addresses_in_no_subnet_are_named(admin_client):
    ServerFactory(ip_address="172.16.0.1", hostname="lost")

    assert "lost" in admin_client.get(INDEX).content.decode()


def test_recent_changes_name_the_person_and_lead_to_the_change_and_to_its_undo(admin_client):
    admin_client.post(reverse("admin:ipam_vrf_add"), {"name": "blue"})

    row = admin_client.get(INDEX).context["recent"][0]

    assert row.sentence == "<strong>admin</strong> added VRF blue"
    assert admin_client.get(row.url).status_code == 200
    assert "blue" in admin_client.get(row.undo_url).content.decode()


def test_recent_changes_are_those_that_the_user_may_see(client):
    SubnetFactory(network="10.0.0.0/24")
    VRFFactory(name="blue")
    user = User.objects.create_user("viewer", is_staff=True)
    client.force_login(user)
    assert client.get(INDEX).context["recent"] is None
    user.user_permissions.add(Permission.objects.get(codename="view_vrf"))

    rows = client.get(INDEX).context["recent"]

    assert [{line.line.model for line in row.lines} for row in rows] == [{VRF}]


def test_a_deleted_row_still_has_its_history(admin_client):
    subnet = SubnetFactory()
    url = reverse("admin:ipam_subnet_history", args=[subnet.pk])
    subnet.delete()

    assert admin_client.get(url).status_code == 200


def test_a_deleted_subnet_comes_back_from_its_history(admin_client):
    subnet = SubnetFactory(network="10.0.0.0/24", name="Office")
    key = subnet.pk
    subnet.delete()
    old = Subnet.history.filter(id=key).first()

    admin_client.post(
        reverse("admin:ipam_subnet_simple_history", args=[key, old.pk]),
        {"network": "10.0.0.0/24", "name": "Office"},
    )

    assert Subnet.objects.get().name == "Office"


def test_a_large_ledger_costs_no_more_queries_than_a_small_one(admin_client):
    for pool in PoolFactory.create_batch(2):
        ServerFactory(ip_address=pool.first)
    ServerFactory(ip_address="172.16.0.1")
    few = queries_of(admin_client, INDEX)
    for pool in PoolFactory.create_batch(20):
        ServerFactory(ip_address=pool.first)
        ServerFactory(ip_address=f"172.16.1.{pool.pk % 250 + 1}")

    assert queries_of(admin_client, INDEX) <= few


# --- what needs attention -------------------------------------------------------------------------


def findings(client):
    """The names of the checks whose findings the first page shows."""
    return [line["name"] for line in client.get(INDEX).context["findings"]]


def test_the_overview_shows_the_same_findings_as_the_doctor(admin_client):
    HandEdit.objects.create(line="x")
    freeze.freeze("restored from a backup")

    page = admin_client.get(INDEX).content.decode()

    assert findings(admin_client) == ["worker", "hand edits", "restored ledger"]
    assert "1 edit by hand waits for a decision." in page
    assert reverse("admin:dhcp_handedit_changelist") in page
    assert "<code>manage.py thaw</code>" in page


def test_a_user_sees_the_findings_about_what_the_user_may_see(client):
    HandEdit.objects.create(line="x")
    freeze.freeze("restored from a backup")
    client.force_login(staff())
    assert findings(client) == []
    client.force_login(staff("ipam.view_ipaddress"))
    assert findings(client) == ["restored ledger"]
    client.force_login(staff("dhcp.view_generation"))
    assert findings(client) == ["hand edits"]


# --- operators ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["subnet", "ipaddress", "server", "vrf", "sighting"])
def test_an_operator_sees_every_list_and_no_way_to_add(operator_client, model):
    answer = operator_client.get(reverse(f"admin:ipam_{model}_changelist"))

    assert answer.status_code == 200
    assert f"/{model}/add/" not in answer.content.decode()


def test_an_operator_sees_a_subnet_and_cannot_change_it(operator_client):
    subnet = SubnetFactory(network="10.0.0.0/24", name="Office")
    url = reverse("admin:ipam_subnet_change", args=[subnet.pk])

    text = operator_client.get(url).content.decode()

    assert "Office" in text
    assert 'name="_save"' not in text
    assert operator_client.post(url, {"network": "10.0.0.0/25"}).status_code == 403


@pytest.mark.parametrize("action", ["reserve", "release", "quarantine"])
def test_an_operator_cannot_act_on_addresses(operator_client, action):
    PoolFactory()
    row = IPAddress.objects.first()
    url = reverse("admin:ipam_ipaddress_changelist")

    operator_client.post(url, {"action": action, "_selected_action": [row.pk], "note": "mine"})

    row.refresh_from_db()
    assert (row.status, row.freed_at) == ("available", None)


def test_an_operator_sees_the_next_free_address_and_cannot_take_it(operator_client):
    subnet = PoolFactory().subnet
    url = reverse("admin:ipam_ipaddress_next_free")

    answer = operator_client.get(url, {"subnet": subnet.pk})

    assert str(answer.context["free"]) == str(subnet.network[10])
    assert operator_client.post(url, {"subnet": subnet.pk}).status_code == 403


def test_an_operator_cannot_delete(operator_client):
    subnet = SubnetFactory()
    ServerFactory(ip_address=subnet.network[5])

    answer = operator_client.post(
        reverse("admin:ipam_subnet_delete", args=[subnet.pk]), {"force": "yes"}
    )

    assert (answer.status_code, Subnet.objects.count()) == (403, 1)


def test_staff_without_rights_are_told_whom_to_ask(client):
    client.force_login(User.objects.create_user("newcomer", is_staff=True))

    assert "Operators" in client.get(INDEX).content.decode()


def test_the_sidebar_shows_only_what_may_be_seen(operator_client):
    text = operator_client.get(INDEX).content.decode()

    assert reverse("admin:ipam_subnet_changelist") in text
    assert reverse("admin:auth_user_changelist") not in text


@pytest.mark.parametrize("model", ["subnet", "ipaddress", "server"])
def test_an_operator_reads_every_page_and_its_history(operator_client, model):
    server = ServerFactory(ip_address=PoolFactory().first)
    row = server.addresses.get()
    key = {"subnet": row.subnet_id, "ipaddress": row.pk, "server": server.pk}[model]

    for page in ("change", "history"):
        answer = operator_client.get(reverse(f"admin:ipam_{model}_{page}", args=[key]))
        assert answer.status_code == 200
        assert 'name="_save"' not in answer.content.decode()


def sections(client, path):
    (group,) = navigation.navigation(client.get(path).wsgi_request)
    return group["items"]


def active(found):
    tabs = [(item["title"], tab) for item in found for tab in item["tabs"]]
    return [(title, tab["title"]) for title, tab in tabs if tab["active"]]


def test_seven_sections_lead_to_everything_once(admin_client):
    found = sections(admin_client, INDEX)
    assert len(found) == 7
    links = [tab["link"] for item in found for tab in item["tabs"]]
    assert len(links) == len(set(links)) > 30
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        assert reverse(name) in links or model._meta.app_label == "axes"  # see accounts


@pytest.mark.parametrize(
    "path, expected",
    [
        ("/admin/", ("Home", "Overview")),
        ("/admin/ipam/subnet/add/", ("Networks", "Subnets")),
        ("/admin/dhcp/lease/why/", ("DHCP and DNS", "Why this address?")),
        ("/admin/dhcp/lease/", ("DHCP and DNS", "Leases")),
    ],
)
def test_a_page_belongs_to_one_section_and_one_tab(admin_client, path, expected):
    found = sections(admin_client, path)
    assert active(found) == [expected]
    assert [item["title"] for item in found if item["active"]] == [expected[0]]


def test_the_tabs_are_on_lists_forms_and_pages_of_their_own(admin_client):
    for name in ("index", "ipam_subnet_changelist", "ipam_subnet_add", "networks", "dhcp_why"):
        assert "section-tabs" in admin_client.get(reverse(f"admin:{name}")).content.decode()


def test_a_page_of_no_section_has_no_tabs(admin_client):
    assert active(sections(admin_client, reverse("admin:account"))) == []
    assert "section-tabs" not in admin_client.get(reverse("admin:account")).content.decode()
