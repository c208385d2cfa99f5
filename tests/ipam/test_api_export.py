"""Tables of what the filters let through, and one search over everything."""

import csv
import io

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ipam.models import Server
from tests.ipam.factories import InterfaceFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import staff, with_session, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def api():
    return with_token("admin")


def sheet(response):
    book = openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    return [[cell.value for cell in row] for row in book.active.iter_rows()]


def table(response):
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))


@pytest.mark.parametrize("name", ["subnets", "ip-addresses", "servers", "interfaces"])
def test_every_table_can_be_had_as_csv_and_as_a_workbook(api, name):
    SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.5-10.0.0.6"])
    InterfaceFactory(server__ip_address="10.0.0.5", ip_address="10.0.0.6")

    text = table(api.get(f"{API}/{name}/export/"))
    response = api.get(f"{API}/{name}/export/", {"as": "xlsx"})

    assert len(text) > 1
    assert [[value or "" for value in row] for row in sheet(response)] == text
    assert name in response["Content-Disposition"]


def test_an_export_has_all_rows_and_obeys_the_filters(api):
    for number in range(60):
        ServerFactory(location="b1" if number % 2 else "b2")
    assert len(table(api.get(f"{API}/servers/export/", {"location": "b1"}))) == 31
    assert api.get(f"{API}/servers/export/", {"lokation": "b1"}).status_code == 400
    assert api.get(f"{API}/servers/export/", {"as": "pdf"}).status_code == 400


def test_no_cell_of_an_export_runs(api):
    ServerFactory(description="=1+1", location="a\x07b")
    assert any("'=1+1" in row for row in table(api.get(f"{API}/servers/export/")))
    book = openpyxl.load_workbook(
        io.BytesIO(b"".join(api.get(f"{API}/servers/export/", {"as": "xlsx"}).streaming_content))
    )
    cells = [cell for row in book.active.iter_rows() for cell in row if cell.value == "=1+1"]
    assert [cell.data_type for cell in cells] == ["s"]


def test_a_confined_token_exports_its_own_rows_only():
    ServerFactory(ip_address="10.1.0.1"), ServerFactory(ip_address="10.2.0.1")
    assert (
        len(table(with_token("read", subnets=["10.1.0.0/16"]).get(f"{API}/servers/export/"))) == 2
    )


def test_an_export_asks_as_often_for_many_rows_as_for_few(api):
    counts = []
    table(api.get(f"{API}/interfaces/export/"))  # a token notes its first use of the day
    for _ in range(2):
        InterfaceFactory.create_batch(5)
        with CaptureQueriesContext(connection) as queries:
            table(api.get(f"{API}/interfaces/export/"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- search ---------------------------------------------------------------------------------------


def find(api, text):
    response = api.get(f"{API}/search/", {"q": text})
    assert response.status_code == 200, response.json()
    return {
        name: [row["id"] for row in found["results"]] for name, found in response.json().items()
    }


def test_a_search_finds_subnets_servers_and_addresses(api):
    subnet = SubnetFactory(network="10.0.0.0/24", name="office")
    server = ServerFactory(
        hostname="office-printer", ip_address="10.0.0.7", mac_address="02:00:00:00:0a:0b"
    )
    row = server.addresses.get()
    everything = {"subnets": [subnet.pk], "servers": [server.pk], "ip_addresses": [row.pk]}
    assert find(api, "10.0.0.7") == find(api, "office") == everything
    assert find(api, "02-00-00-00-0A-0B") == {**everything, "subnets": []}
    assert find(api, "nothing") == {"subnets": [], "servers": [], "ip_addresses": []}


def test_a_search_says_when_there_is_more(api):
    for number in range(21):
        ServerFactory(hostname=f"web-{number}")
    found = api.get(f"{API}/search/?q=web").json()["servers"]
    assert (len(found["results"]), found["more"]) == (20, True)


@pytest.mark.parametrize("text", ["", "  ", "x" * 201])
def test_a_search_needs_a_text_of_some_length(api, text):
    assert api.get(f"{API}/search/", {"q": text}).status_code == 400


@pytest.mark.parametrize("text", ["\x00", "%", "_", "'", "10.0.0.", "::", "9" * 200])
def test_any_text_may_be_searched_for(api, text):
    find(api, text)


def test_who_may_see_one_kind_of_rows_searches_in_it_alone():
    ServerFactory(hostname="web")
    assert list(find(with_session(staff("ipam.view_server")), "web")) == ["servers"]
    assert with_session(staff()).get(f"{API}/search/?q=web").status_code == 403
    assert with_token("allocate").get(f"{API}/search/?q=web").status_code == 403


def test_a_confined_token_finds_nothing_elsewhere():
    (
        ServerFactory(hostname="web", ip_address="10.2.0.1"),
        ServerFactory(hostname="web", vrf=VRFFactory()),
    )
    assert find(with_token("read", subnets=["10.1.0.0/16"]), "web")["servers"] == []
    assert Server.objects.count() == 2
