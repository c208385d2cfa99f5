"""The log as the API shows it: order, filters, pages, one line, exports."""

import csv
import io
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from changes.log import conditions, reading, statement
from ipam.allocate import allocate
from ipam.models import VRF, IPAddress, Server, Subnet
from pxe.models import BootAssignment
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.pxe.factories import ImageFactory
from tests.registry.factories import ServiceFactory
from tests.support.api import staff, with_token

pytestmark = pytest.mark.django_db
URL = "/api/v1/changes/"


@pytest.fixture
def api():
    return with_token("admin")


@pytest.fixture
def ledger(api):
    """A subnet with a pool, a server that was renamed, and one of another network that has gone."""
    subnet = SubnetFactory(network="10.1.2.0/24", name="office")
    PoolFactory(subnet=subnet, first="10.1.2.10", last="10.1.2.19")
    server = ServerFactory(hostname="web-1", ip_address="10.1.2.5", mac_address="02:00:00:00:00:05")
    server.hostname = "web-2"
    server.save()
    api.post("/api/v1/servers/", {"hostname": "fax", "ip_address": "10.9.9.9"})
    Server.objects.get(hostname="fax").delete()
    return {"subnet": subnet, "server": server}


def lines(api, **filters):
    answer = api.get(URL, {"page_size": 1000, **filters})
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def told(found):
    return {(line["table"], line["title"], line["kind"]) for line in found}


def test_the_newest_line_comes_first_and_says_what_was_and_is(api, ledger):
    found = lines(api)
    assert [line["at"] for line in found] == sorted((line["at"] for line in found), reverse=True)
    renamed = next(line for line in lines(api, table="ipam.server", kind="changed"))
    assert (renamed["before"]["hostname"], renamed["after"]["hostname"]) == ("web-1", "web-2")
    assert renamed["difference"] == [{"label": "Host name", "before": "web-1", "after": "web-2"}]


def test_a_line_names_who_made_it_and_shares_the_id_of_its_request(api, ledger):
    made = [line for line in lines(api, source="api") if line["kind"] == "created"]
    assert {line["table"] for line in made} == {"ipam.server", "ipam.ipaddress"}
    assert len({line["change"] for line in made}) == 1
    assert (made[0]["user"], made[0]["actor"]) == ("user-0", "test")
    assert made[0]["who"] == "user-0 (test)"


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({"about": "10.9.9.9"}, {"fax", "10.9.9.9"}),
        ({"about": "10.9.0.0/16"}, {"fax", "10.9.9.9"}),
        ({"about": "FAX"}, {"fax", "10.9.9.9"}),
        ({"about": "02-00-00-00-00-05"}, {"web-1", "web-2", "10.1.2.5"}),
        ({"about": "web-1"}, {"web-1", "web-2", "10.1.2.5"}),
        ({"q": "10.9.9.9"}, {"fax", "10.9.9.9"}),
        ({"q": "offi"}, {"10.1.2.0/24 office"}),
        ({"q": "WEB-2"}, {"web-2", "10.1.2.5"}),
        ({"who": "test", "table": "ipam.server", "kind": "created"}, {"fax"}),
        ({"user": "user-0", "table": "ipam.server", "kind": "created"}, {"fax"}),
        ({"who": "user-0 (test)", "table": "ipam.server", "kind": "created"}, {"fax"}),
        ({"kind": "deleted", "table": "ipam.server"}, {"fax"}),
        ({"until": "2001-01-01"}, set()),
        ({"since": "2001-01-01", "table": "ipam.subnet"}, {"10.1.2.0/24 office"}),
    ],
)
def test_each_filter_leaves_the_lines_that_it_names(api, ledger, filters, titles):
    found = {line["title"] for line in lines(api, **filters)}
    assert sorted(found) == sorted(titles)


def test_a_subnets_lines_are_its_own_and_those_of_all_that_lies_in_it(api, ledger):
    other = VRF.objects.create(name="blue")
    ServerFactory(hostname="blue-1", vrf=other, ip_address="10.1.2.6")
    found = lines(api, subnet=ledger["subnet"].pk)
    tables = {line["table"] for line in found}
    assert tables == {"ipam.subnet", "ipam.pool", "ipam.server", "ipam.ipaddress"}
    assert "blue-1" not in {line["title"] for line in found}
    assert all("10.9.9.9" not in json.dumps(line) for line in found)


def test_a_row_and_a_change_are_found_by_their_keys(api, ledger):
    server = ledger["server"]
    found = lines(api, table="ipam.server", object=server.pk)
    assert {line["object"] for line in found} == {server.pk}
    assert len(found) == 2
    assert {line["change"] for line in lines(api, change=found[0]["change"])} == {
        found[0]["change"]
    }


def test_a_line_that_names_a_deleted_row_tells_its_last_name(api, ledger):
    line = next(
        line
        for line in lines(api, about="10.9.9.9", table="ipam.ipaddress")
        if line["kind"] == "created"
    )
    assert {"label": "Server", "before": "", "after": "fax"} in line["difference"]


def test_a_line_of_a_service_says_its_environment_which_it_names_without_a_key(api):
    ServiceFactory(service_id="billing-1")
    (line,) = lines(api, table="registry.service")
    assert {"label": "Environment", "before": "", "after": "development"} in line["difference"]


def test_a_line_has_a_page_of_its_own(api, ledger):
    line = lines(api)[0]
    assert api.get(f"{URL}{line['id']}/").json() == line
    for wrong in (
        "ipam.server:999999",
        "ipam.nothing:1",
        "1",
        "sessions.session:1",
        "ipam.server:x",
    ):
        assert api.get(f"{URL}{wrong}/").status_code == 404


def test_a_place_with_many_servers_and_lines_has_the_same_lines(api, ledger, monkeypatch):
    """Keys of owners are listed up to a number, and lines are read by place up to another."""
    BootAssignment.objects.create(server=ledger["server"], image=ImageFactory())
    few = lines(api, about="10.0.0.0/8")
    assert "pxe.bootassignment" in {line["table"] for line in few}
    monkeypatch.setattr(conditions, "MOST_OWNERS", 0)
    assert lines(api, about="10.0.0.0/8") == few
    monkeypatch.setattr(reading, "FEW", 0)
    monkeypatch.setattr(reading, "BUDGET", 60)
    assert lines(api, about="10.0.0.0/8") == few


def test_a_search_by_time_reads_by_the_index_of_time_alone(ledger):
    """SQLite would choose that of addresses, whatever stretch of time is asked for."""
    within = IPAddress.history.filter(
        ip_address__range=("10.1.2.0", "10.1.2.255"), history_date__gte="2001-01-01T00:00Z"
    )
    branch = statement.Branch(IPAddress, within).newest_first()
    with CaptureQueriesContext(connection) as caught:
        assert statement.merged([branch], 5)
    if connection.vendor == "sqlite":
        [query] = caught.captured_queries
        assert '+"ip_addresses_history"."ip_address"' in query["sql"]


@pytest.mark.parametrize("filters", [{}, {"q": "web"}, {"about": "10.0.0.0/8"}])
def test_pages_have_every_line_once(api, ledger, filters):
    ServerFactory.create_batch(5)
    allocate(ledger["subnet"])
    whole = [line["id"] for line in lines(api, **filters)]
    url, paged = f"{URL}?page_size=3&" + "&".join(f"{k}={v}" for k, v in filters.items()), []
    while url and len(paged) < 1000:
        page = api.get(url).json()
        paged += [line["id"] for line in page["results"]]
        url = page["next"]
    assert paged == whole
    assert len(whole) > 2


def test_a_new_line_does_not_move_the_next_page(api, ledger):
    first = api.get(URL, {"page_size": 2}).json()
    expected = [line["id"] for line in lines(api)[2:4]]
    ServerFactory()
    assert [line["id"] for line in api.get(first["next"]).json()["results"]] == expected


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"kind": "renamed"}, "kind"),
        ({"source": "post"}, "source"),
        ({"table": "sessions.session"}, "table"),
        ({"object": "1"}, "object"),
        ({"object": "x", "table": "ipam.server"}, "object"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "until"),
        ({"subnet": "99999"}, "subnet"),
        ({"user": "nobody-here"}, "user"),
        ({"q": "x" * 201}, "q"),
        ({"q": "a\0b"}, "q"),
        ({"page_size": "0"}, "page_size"),
        ({"after": "x"}, "after"),
        ({"whom": "x"}, "whom"),
    ],
)
def test_a_wrong_filter_is_named_with_the_reason(api, asked, field):
    answer = api.get(URL, asked)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_the_number_of_queries_does_not_grow_with_the_lines(api, ledger):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            lines(api)
        return len(captured)

    before = queries()
    ServerFactory.create_batch(20)
    assert queries() == before < 30


def test_a_search_that_used_its_budget_says_how_far_back_it_came(api, ledger, monkeypatch):
    monkeypatch.setattr(reading, "BUDGET", -1)
    monkeypatch.setattr(reading, "WINDOWS", (2,))
    ids = [line["id"] for line in reading_all(api, q="web")]
    monkeypatch.setattr(reading, "BUDGET", 60)
    assert ids == [line["id"] for line in lines(api, q="web")]
    assert len(ids) > 2


def reading_all(api, **filters):
    url, found, asked = URL, [], filters
    while url and len(found) < 1000:
        page = api.get(url, asked).json()
        assert page["searched_to"] or not page["next"]
        found += page["results"]
        url, asked = page["next"], {}
    return found


def test_a_csv_export_has_all_lines_and_no_formula(api, ledger):
    IPAddress.objects.filter(ip_address="10.1.2.10").update(status="reserved", description="=1+1")
    answer = api.get(f"{URL}export/", {"table": "ipam.ipaddress"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert [row["id"] for row in rows] == [
        line["id"] for line in lines(api, table="ipam.ipaddress")
    ]
    assert not [cell for row in rows for cell in row.values() if cell.startswith("=")]
    assert 'filename="changes-' in answer["Content-Disposition"]


def test_a_json_export_has_what_the_list_has(api, ledger):
    answer = api.get(f"{URL}export/", {"as": "jsonl", "about": "10.9.9.9"})
    rows = list(map(json.loads, b"".join(answer).decode().splitlines()))
    assert told(rows) == told(lines(api, about="10.9.9.9"))
    assert api.get(f"{URL}export/", {"as": "xml"}).status_code == 400


def test_whoever_may_view_no_table_has_no_log():
    assert with_token("admin", user=staff()).get(URL).status_code == 403
    assert with_token("allocate").get(URL).status_code == 403
    assert Subnet.objects.count() == 0
