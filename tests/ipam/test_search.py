import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipam.models import IPAddress
from tests.ipam.factories import IPAddressFactory

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


ODD = st.text(alphabet="0123456789abcdefABCDEFxg:.-/%_ \\'\"\0\n") | st.text()


@given(text=ODD)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_an_error(rows, text):
    found(text)
