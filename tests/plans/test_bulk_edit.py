"""Some fields of many rows are changed at once: first shown, then done, and undone."""

import pytest
from django.test import Client
from django.urls import reverse

from changes.undo.verb import undo
from core.history import origin
from ipam.models import IPAddress, Server, Subnet
from ipmanager.plans import bulk_edit
from tests.changes.undoing import ledger
from tests.ipam.admin_forms import messages_of
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def servers(settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path
    SubnetFactory(network="10.0.0.0/24", site="Kassel")
    return [ServerFactory(hostname=f"s{n}", ip_address=f"10.0.0.{n}") for n in (11, 12, 13)]


def selected(client, model, rows, **further):
    """The action of the list."""
    data = {"action": "edit_several", "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(f"admin:ipam_{model}_changelist"), {**data, **further})


def sent(client, model, page, **values):
    url = reverse("admin:bulk_edit", args=[model])
    data = {"keys": page.context["keys"], "set": list(values), **values}
    shown = client.post(url, data)
    if shown.status_code != 200:
        return shown, None
    digest = shown.context["plan"].digest
    return shown, lambda: client.post(url, {**data, "apply": "1", "digest": digest}, follow=True)


def test_what_was_shown_is_done_to_each_selected_row(admin_client, servers):
    before = ledger()
    page = selected(admin_client, "server", servers[:2])
    shown, apply = sent(admin_client, "server", page, location="rack 4", manufacturer="")
    assert ledger() == before
    assert [row["name"] for row in shown.context["rows"]] == ["server s11", "server s12"]
    assert messages_of(apply())[0].startswith("2 rows are changed.")
    places = Server.objects.order_by("hostname").values_list("location", flat=True)
    assert list(places) == ["rack 4", "rack 4", ""]


def test_only_what_is_ticked_is_changed(admin_client, servers):
    Server.objects.update(location="rack 1")
    page = selected(admin_client, "server", servers)
    _shown, apply = sent(admin_client, "server", page, manufacturer="Acme")
    apply()
    assert set(Server.objects.values_list("location", "manufacturer")) == {("rack 1", "Acme")}


def test_a_row_that_is_refused_does_not_stop_the_others(admin_client):
    IPAddressFactory(ip_address="10.0.0.40", status="reserved")
    rows = IPAddress.objects.filter(ip_address__in=["10.0.0.11", "10.0.0.40"])
    page = selected(admin_client, "ipaddress", rows)
    shown, apply = sent(admin_client, "ipaddress", page, description="door")
    assert shown.context["edited"].refused == [
        ("10.0.0.11", "It follows from its server; change it there.")
    ]
    apply()
    assert IPAddress.objects.get(ip_address="10.0.0.40").description == "door"


def test_subnets_are_edited_and_the_change_is_undone(admin_client):
    before = ledger()
    page = selected(admin_client, "subnet", Subnet.objects.all())
    _shown, apply = sent(
        admin_client, "subnet", page, vlan_id="20", site="", dns_servers="10.0.0.1"
    )
    apply()
    subnet = Subnet.objects.get()
    assert (subnet.vlan_id, subnet.site, list(map(str, subnet.dns_servers))) == (
        20,
        "",
        ["10.0.0.1"],
    )
    undo(Subnet.history.first().history_change)
    assert ledger() == before
    assert origin.current()


@pytest.mark.parametrize(
    ("values", "reason"),
    [({}, "Choose what"), ({"vlan_id": "5000"}, "VLAN"), ({"dns_servers": "x"}, "DNS servers")],
)
def test_what_cannot_be_is_refused_with_the_field(admin_client, values, reason):
    page = selected(admin_client, "subnet", Subnet.objects.all())
    shown, _apply = sent(admin_client, "subnet", page, **values)
    assert shown.status_code == 409 and reason.lower() in shown.context["refusal"].lower()


def test_too_many_rows_are_refused(admin_client, servers, monkeypatch):
    monkeypatch.setattr(bulk_edit, "MOST", 2)
    answer = selected(admin_client, "server", servers)
    assert answer.status_code == 302


def test_who_may_not_change_the_rows_has_no_such_page(servers):
    client = Client()
    client.force_login(staff("ipam.view_server"))
    url = reverse("admin:bulk_edit", args=["server"])
    assert client.post(url, {"keys": "1", "set": ["location"]}).status_code == 403
    assert client.get(url).status_code == 403
    assert client.get(reverse("admin:bulk_edit", args=["token"])).status_code == 404
