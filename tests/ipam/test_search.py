import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipam import search
from ipam.models import IPAddress, Server, Subnet
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory
from tests.support.api import with_token
from tests.support.by_hand import POSTGRESQL, only
from tests.support.fastpath import both_ways, is_fast

pytestmark = pytest.mark.django_db

ROWS = {
    "10.112.1.12": {"hostname": "Web-01.example.org", "mac_address": "04:b1:75:ef:2d:a2"},
    "10.112.20.7": {"hostname": "db_01", "mac_address": "70:6d:15:2e:f9:da"},
    "10.11.2.3": {"hostname": "dbx01", "vm_id": "srv-2041"},
    "192.168.1.112": {"hostname": "100%-full"},
    "2001:db8::1": {"hostname": "six"},
    "2001:db9::1": {"hostname": "drück\\er"},
}
WEB, DB, DBX, FULL, SIX, NINE = ROWS


@pytest.fixture
def rows():
    for address, facts in ROWS.items():
        IPAddressFactory(ip_address=address, status="allocated", **facts)


def found(text):
    return [str(row) for row in IPAddress.objects.matching(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", list(ROWS)),
        ("  10.112.1.12 ", [WEB]),
        ("10.112.", [WEB, DB]),  # a part of an address is its start, dot or no dot
        ("10.112", [WEB, DB]),
        ("10.11.", [DBX]),
        ("10.112.1", [WEB]),
        ("10.112.0.0/16", [WEB, DB]),
        ("10.112.1.12/24", [WEB]),  # host bits are forgiven
        ("112.", []),
        ("10.256.", []),
        ("010.112.", []),
        ("2001:db8:", [SIX]),
        ("2001:DB8::", [SIX]),
        ("2001:0db8:0:0::1", [SIX]),
        ("2001:db8::/31", [SIX, NINE]),
        ("::ffff:10.112.1.12", [WEB]),
    ],
)
def test_addresses_networks_and_their_beginnings_are_ranges(rows, text, expected):
    assert sorted(found(text)) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        "04:b1:75:ef:2d:a2",
        "04-B1-75-EF-2D-A2",
        "04b1.75ef.2da2",
        "04b175ef2da2",
        "04:b1:75",
        "B1-75-",
        "75ef.2da2",
        "04b1.75ef.",
        "ef:2d",
        "04b175",
        "04B175EF",
        "04:",
        ":ef:",
        "04:b1:75:e",
        "75ef",
        "5ef2",
    ],
)
def test_a_mac_or_a_part_of_it_is_found_in_any_spelling(rows, text):
    assert found(text) == [WEB]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", [WEB]),
        ("EXAMPLE.org", [WEB]),
        ("2041", [DBX]),
        ("SRV-", [DBX]),
        ("drück", [NINE]),
        ("nobody", []),
    ],
)
def test_a_part_of_a_host_name_or_vm_is_found_whatever_its_case(rows, text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("10.20.1", [1, 10, 15, 19, 100, 199]),
        ("10.20.1.", [1]),
        ("10.20.2", [2, 20, 25, 200, 250]),
        ("10.20.25", [25, 250]),
        ("10.20.0", [0]),
        ("10.2", [0, 1, 2, 9, 10, 15, 19, 20, 25, 99, 100, 199, 200, 250]),
    ],
)
def test_the_last_number_of_an_address_may_go_on(text, octets):
    present = [0, 1, 2, 9, 10, 15, 19, 20, 25, 99, 100, 199, 200, 250]
    for octet in present:
        IPAddressFactory(ip_address=f"10.20.{octet}.7", status="reserved")
        SubnetFactory(network=f"10.20.{octet}.0/24")
    assert sorted(found(text)) == sorted(f"10.20.{octet}.7" for octet in octets)
    subnets = Subnet.objects.matching(text).values_list("network", flat=True)
    assert sorted(map(str, subnets)) == sorted(f"10.20.{octet}.0/24" for octet in octets)


def test_a_wide_subnet_is_found_by_the_start_of_its_network():
    for network in ("10.20.16.0/20", "10.20.10.0/23", "10.20.20.0/24", "10.16.0.0/12"):
        SubnetFactory(network=network)
    found = Subnet.objects.matching("10.20.1").values_list("network", flat=True)
    assert [str(network) for network in found] == ["10.20.10.0/23", "10.20.16.0/20"]


TEXTS = {
    "device_type": "Blade M610",
    "manufacturer": "Supermicro",
    "location": "Keller, Regal 4",
    "lan_port": "Gi1/0/14",
    "description": "prints the payslips",
}


@pytest.mark.parametrize("column", TEXTS)
def test_what_a_server_says_finds_it_and_its_address_everywhere(admin_client, column):
    SubnetFactory(network="10.0.0.0/24")
    ServerFactory(hostname="other", ip_address="10.0.0.5")
    server = ServerFactory(hostname="web", ip_address="10.0.0.4", **{column: TEXTS[column]})
    text = TEXTS[column][2:-1].upper()
    assert list(Server.objects.matching(text)) == [server]
    assert found(text) == ["10.0.0.4"]
    api = with_token("admin")
    for path in ("servers", "ip-addresses"):
        rows = api.get(f"/api/v1/{path}/", {"q": text}).json()
        assert [row["ip_address"] for row in rows["results"]] == ["10.0.0.4"], path
    everything = api.get("/api/v1/search/", {"q": text}).json()
    assert [len(everything[kind]["results"]) for kind in ("servers", "ip_addresses")] == [1, 1]
    for page in ("/admin/ipam/server/", "/admin/ipam/ipaddress/", "/ipam/"):
        content = admin_client.get(page, {"q": text}).content.decode()
        assert "10.0.0.4" in content and "10.0.0.5" not in content, page


def test_the_note_of_a_reservation_finds_it():
    IPAddressFactory(ip_address="10.0.0.9", status="reserved", description="the fax in room 3")
    assert found("FAX in") == ["10.0.0.9"]


def test_more_servers_than_a_statement_names_are_found():
    SubnetFactory(network="10.0.0.0/16")
    Server.objects.bulk_create(
        Server(
            hostname=f"s{number}",
            location="hall",
            ip_address=f"10.0.{4 + number // 250}.{1 + number % 250}",
        )
        for number in range(901)
    )
    assert len(found("hall")) == 901


def test_a_confined_token_does_not_search_in_servers_elsewhere():
    SubnetFactory(network="10.0.0.0/16")
    server = ServerFactory(hostname="web", ip_address="10.0.9.4", location="vault")
    server.interfaces.create(name="bmc", ip_address="10.0.1.4", mac_address="02:00:00:00:00:07")
    confined = with_token("admin", subnets=["10.0.1.0/24"])
    path = "/api/v1/ip-addresses/"
    assert confined.get(path, {"q": "vault"}).json()["count"] == 0
    assert with_token("admin").get(path, {"q": "vault"}).json()["count"] == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [("db_01", [DB]), ("_", [DB]), ("%", [FULL]), ("0%-", [FULL]), ("\\", [NINE])],
)
def test_wildcards_are_letters_like_any_other(rows, text, expected):
    assert found(text) == expected


def test_an_address_search_is_answered_by_the_index_on_addresses(rows):
    plan = IPAddress.objects.matching("10.112.").explain()
    if (
        connection.vendor == "sqlite"
    ):  # PostgreSQL reads a table as small as this one from end to end
        assert "USING INDEX ip_addresses" in plan


@only(POSTGRESQL)
def test_a_search_for_a_server_looks_into_one_index_once(rows):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Server.objects.filter(search.by_part("rack 4", search.SERVER_TEXTS)).explain()
    assert plan.count("Bitmap Index Scan") == 1
    assert "hosts_texts" in plan


ODD = st.text(alphabet="0123456789abcdefABCDEFxg:.-/%_ \\'\"\0\n") | st.text()


@given(text=ODD)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_an_error(rows, text):
    found(text)


@only(POSTGRESQL)
@pytest.mark.parametrize(
    "query",
    [
        {"q": text}
        for text in (
            *("10.112.", "10.112.1", "04b175", "04:", "04:b1:75:ef:2d:a2", "example", "_", "0%-"),
            *("\\", "drück", "2001:db8:", "RACK", "10.0.0.0/8", "1", "nobody", " Web ", "the fax"),
        )
    ]
    + [
        {"mac": "04-B1-75-EF-2D-A2"},
        {"q": "1", "page_size": "2"},
        {"mac": "no"},
        {"q": "1", "page": "2", "page_size": "2"},
        {"q": "1", "status": "allocated"},
        {"q": ""},
        {"q": "x" * 201},
    ],
)
def test_the_fast_path_finds_what_django_finds(rows, settings, query):
    settings.FASTPATH = True
    SubnetFactory(network="10.0.0.0/24", name="net")
    ServerFactory(hostname="web", ip_address="10.0.0.4", location="Rack 4")
    IPAddressFactory(ip_address="10.0.0.9", status="reserved", description="the FAX in room 3")
    api = with_token("admin")
    api.get("/api/v1/vrfs/")
    fast, django = both_ways(lambda: api.get("/api/v1/ip-addresses/", query))
    assert (fast.status_code, fast.json()) == (django.status_code, django.json())
    plain = set(query) <= {"q", "mac", "page_size"}
    assert is_fast(fast) == (plain and fast.status_code == 200 and query.get("q") != "")
