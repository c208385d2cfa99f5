"""A file is imported in the browser: the verdict of each row first, then what was shown."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ipam.models import Server, Subnet
from ipmanager.plans import upload
from tests.changes.undoing import ledger
from tests.ipam.admin_forms import messages_of
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db
URL = reverse("admin:import")
PHONES = """hostname,ip_address,mac_address
tel-1,10.0.0.11,02:00:00:00:00:11
tel-2,10.0.0.300,02:00:00:00:00:12
web-1,10.0.0.20,02:00:00:00:00:20
"""


@pytest.fixture(autouse=True)
def office(settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path
    ServerFactory(hostname="web-1", ip_address="10.0.0.20", mac_address="02:00:00:00:00:20")
    return SubnetFactory(network="10.0.0.0/24")


def sent(client, text=PHONES, kind="servers", **further):
    file = SimpleUploadedFile("phones.csv", text.encode(), "text/csv")
    return client.post(URL, {"kind": kind, "file": file, **further})


def apply(client, page, **further):
    """The form of the preview, with its main button."""
    kept = {"kind": "servers", "content": page.context["content"], "name": page.context["name"]}
    data = {**kept, "digest": page.context["plan"].digest, "apply": "1", **further}
    return client.post(URL, data, follow=True)


def test_the_preview_says_what_becomes_of_each_row_and_writes_nothing(admin_client):
    before = ledger()
    page = sent(admin_client)
    assert ledger() == before
    shown = [(row.verdict.line, row.verdict.key, row.state) for row in page.context["verdicts"]]
    assert shown == [(3, "tel-2", "bad"), (2, "tel-1", "new"), (4, "web-1", "unchanged")]
    assert "+02:00:00:00:00:11,10.0.0.11,tel-1" in page.context["diff"]
    assert "phones.csv" in page.content.decode()


def test_refused_rows_are_left_out_only_if_that_was_chosen(admin_client):
    page = sent(admin_client)
    refused = apply(admin_client, page)
    assert refused.status_code == 409 and "1 row is refused" in refused.context["refusal"]
    done = apply(admin_client, page, skip="1")
    assert messages_of(done)[0].startswith("1 row is imported.")
    assert set(Server.objects.values_list("hostname", flat=True)) == {"tel-1", "web-1"}


def test_what_would_be_written_otherwise_than_shown_is_not_written(admin_client):
    page = sent(admin_client, PHONES.replace("300", "12"))
    ServerFactory(hostname="tel-1", mac_address="02:00:00:00:00:11")
    again = apply(admin_client, page)
    assert again.status_code == 409
    assert Server.objects.get(hostname="tel-1").ip_address is None


def test_subnets_and_addresses_are_imported_too(admin_client):
    page = sent(admin_client, "network,name\n10.1.0.0/24,Lab\n", "subnets")
    apply(admin_client, page, kind="subnets")
    assert Subnet.objects.get(name="Lab")
    page = sent(admin_client, "ip_address,description\n10.1.0.9,door\n", "addresses")
    assert [row.state for row in page.context["verdicts"]] == ["new"]


@pytest.mark.parametrize("text", ["", "colour\nred\n", "\0\0\0"])
def test_what_is_no_table_is_refused(admin_client, text):
    assert sent(admin_client, text).status_code == 409


def test_a_file_that_is_too_large_is_refused(admin_client, monkeypatch):
    monkeypatch.setattr(upload, "MOST", 10)
    page = sent(admin_client)
    assert page.status_code == 409 and "too large" in page.context["refusal"]


@pytest.mark.parametrize("content", ["", "x", "AAAA"])
def test_a_form_without_a_file_is_refused(admin_client, content):
    data = {"kind": "servers", "content": content, "apply": "1"}
    assert admin_client.post(URL, data).status_code == 409


def test_each_kind_needs_its_own_permissions():
    client = Client()
    client.force_login(staff("ipam.view_server", "ipam.add_server", "ipam.change_server"))
    assert [name for name, _label in client.get(URL).context["kinds"]] == ["servers"]
    assert sent(client, "network\n10.9.0.0/24\n", "subnets").status_code == 403
    client.force_login(staff("ipam.view_server"))
    assert client.get(URL).status_code == 403
