"""Every list of the admin as a file: its filters and its rights."""

import csv
import io
import json
import zipfile

import pytest
from django.test import Client
from django.urls import reverse

from dhcp.models import DhcpScope
from tests.ipam.admin_forms import queries_in
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ledger():
    office = SubnetFactory(network="10.0.0.0/24", name="Office", dhcp_pools=["10.0.0.90-10.0.0.99"])
    ServerFactory(hostname="web-1", ip_address="10.0.0.20", location="=1+1")
    IPAddressFactory(ip_address="10.0.0.40", status="reserved", description="door")
    DhcpScope(subnet=office, lease_time=600).save()


def exported(client, model, **query):
    answer = client.get(reverse(f"admin:{model}_export"), query)
    return b"".join(answer.streaming_content).decode()


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_list_of_the_ledger_has_the_columns_that_an_import_reads(admin_client):
    (subnet,) = rows(exported(admin_client, "ipam_subnet"))
    assert (subnet["network"], subnet["dhcp_pools"]) == ("10.0.0.0/24", "10.0.0.90-10.0.0.99")
    (server,) = rows(exported(admin_client, "ipam_server"))
    assert server["location"] == "'=1+1"  # no spreadsheet runs it


def test_it_has_what_the_filters_and_the_search_leave(admin_client):
    found = rows(exported(admin_client, "ipam_ipaddress", q="10.0.0.40"))
    assert [row["ip_address"] for row in found] == ["10.0.0.40"]
    assert len(rows(exported(admin_client, "ipam_ipaddress", status__exact="allocated"))) == 1


def test_json_and_excel(admin_client):
    (server,) = json.loads(exported(admin_client, "ipam_server", **{"as": "json"}))
    assert server["hostname"] == "web-1"
    assert json.loads(exported(admin_client, "ipam_server", q="none", **{"as": "json"})) == []
    answer = admin_client.get(reverse("admin:ipam_server_export"), {"as": "xlsx"})
    assert zipfile.is_zipfile(io.BytesIO(b"".join(answer.streaming_content)))
    assert admin_client.get(reverse("admin:ipam_server_export"), {"as": "exe"}).status_code == 404


def test_every_other_list_has_its_own_columns(admin_client):
    (scope,) = rows(exported(admin_client, "dhcp_dhcpscope"))
    assert "10.0.0.0/24" in scope.values()


def test_the_list_links_to_the_export_with_its_filters(admin_client):
    page = admin_client.get(reverse("admin:ipam_ipaddress_changelist"), {"q": "door"})
    assert "export/?q=door&amp;as=csv" in page.content.decode()
    assert "/admin/import/?kind=addresses" in page.content.decode()


def test_who_may_not_see_the_list_gets_no_file():
    client = Client()
    client.force_login(staff("ipam.view_subnet"))
    assert exported(client, "ipam_subnet")
    assert client.get(reverse("admin:ipam_server_export")).status_code == 403


def test_the_queries_do_not_grow_with_the_rows(admin_client):
    few = queries_in(lambda: exported(admin_client, "ipam_ipaddress"))
    for last in range(50, 60):
        ServerFactory(ip_address=f"10.0.0.{last}")
    assert queries_in(lambda: exported(admin_client, "ipam_ipaddress")) == few
