"""The fast path answers as Django does, or leaves the request to Django."""

import base64
import ipaddress
import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from api.models import Token
from core.database import prepared
from ipam.models import IPAddress
from ipmanager.ippool_site import settings as ippool_settings
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import Caller, staff, with_token
from tests.support.fastpath import both_ways, is_fast

pytestmark = pytest.mark.django_db
API = "/api/v1"
# Headers that Django's middleware and REST framework add, and the fast path leaves out.
DJANGO_ONLY = {"Allow", "Content-Language", "Vary", "X-Request-ID"}
MOMENT = re.compile(rb'(?<="updated_at":)"[^"]*"')  # of an allocation


@pytest.fixture(autouse=True)
def fastpath(settings):
    settings.FASTPATH = True


@pytest.fixture(params=["fast path", "Django"])
def each_way(request, settings):
    """The test runs with the fast path and without it."""
    settings.FASTPATH = request.param == "fast path"


@pytest.fixture
def api():
    caller = with_token("admin")
    caller.get(f"{API}/vrfs/")  # Django records the first use of a day
    return caller


@pytest.fixture
def ledger(settings):
    settings.POOL_NETWORK = ipaddress.ip_network("10.0.0.0/24")
    SubnetFactory(
        network="10.0.0.0/24",
        gateway="10.0.0.1",
        name="büro",
        vlan_id=7,
        static_ip_pools=["10.0.0.10-10.0.0.29"],
    )
    SubnetFactory(network="::/64", gateway="::1")
    ServerFactory(
        hostname="web", ip_address="10.0.0.9", mac_address="02:00:00:00:00:01", device_type="VM"
    )
    ServerFactory(hostname="six", ip_address="::102:304", mac_address=None)
    IPAddress(ip_address="192.0.2.1", status="reserved", description="“printer”").save()


def whole(response):
    """Status, headers and body, byte for byte."""
    headers = {name: value for name, value in response.items() if name not in DJANGO_ONLY}
    return response.status_code, headers, MOMENT.sub(b'""', response.content)


def assert_same(api, path, status=200):
    """Both ways answer alike, and with this status."""
    fast, django = both_ways(lambda: api.get(path))
    assert whole(fast) == whole(django)
    assert fast.status_code == status


def row(address):
    return IPAddress.objects.get(ip_address=address)


def used(token, **fields):
    Token.objects.filter(user__username=token).update(last_used=timezone.localdate(), **fields)


# --- alike ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_both_ways_show_every_kind_of_address_alike(api, ledger, settings, zone):
    settings.TIME_ZONE = zone
    api.post(f"{API}/ip/allocate", {"vm_id": "vm-1", "hostname": "one"})
    for key in IPAddress.objects.values_list("pk", flat=True):
        assert_same(api, f"{API}/ip-addresses/{key}/")


@pytest.mark.parametrize(
    "query", ["", "?page_size=4", "?page=2&page_size=4", "?page=3&page_size=10", "?page_size=5000"]
)
def test_both_ways_show_every_page_alike(api, ledger, query):
    assert_same(api, f"{API}/ip-addresses/{query}")


@pytest.mark.parametrize("resource", ["ip-addresses", "servers"])
def test_the_links_lead_through_every_row_and_back(api, ledger, resource, each_way):
    whole = [found["id"] for found in api.get(f"{API}/{resource}/").json()["results"]]
    seen, url, pages = [], f"{API}/{resource}/?page_size=2", []
    while url:
        pages.append(api.get(url).json())
        seen += [found["id"] for found in pages[-1]["results"]]
        url = pages[-1]["next"]
    assert (seen, {page["count"] for page in pages}) == (whole, {len(whole)})
    while url := pages.pop()["previous"]:
        before = api.get(url).json()
        assert before["results"] == pages[-1]["results"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("ip/stats", 200),
        ("ip/vm-1", 200),
        ("ip/vm-2", 200),
        ("ip/nobody", 404),
        ("ip-addresses/999999999/", 404),
    ],
)
def test_both_ways_show_the_pool_alike(api, ledger, path, status):
    api.post(f"{API}/ip/allocate", {"vm_id": "vm-1", "hostname": "one"})
    api.post(f"{API}/ip/allocate", {"vm_id": "vm-2"})
    assert_same(api, f"{API}/{path}", status)


def test_an_allocation_leaves_the_same_history(api, ledger, each_way):
    subnet = row("10.0.0.9").subnet_id
    asked = {"vm_id": "vm-1", "hostname": "one", "mac_address": "02-00-00-00-00-AA"}
    response = api.post(f"{API}/subnets/{subnet}/next-free/", asked)
    given = response.json()
    assert (response.status_code, given["ip_address"], given["mac_address"]) == (
        201,
        "10.0.0.10",
        "02:00:00:00:00:aa",
    )
    assert given == api.get(f"{API}/ip-addresses/{given['id']}/").json()
    note = row("10.0.0.10").history.latest()
    assert (note.vm_id, note.status, note.history_type, note.history_user) == (
        "vm-1",
        "allocated",
        "~",
        User.objects.get(),
    )
    again = api.post(f"{API}/subnets/{subnet}/next-free/", asked)
    assert (again.status_code, again.json()) == (200, given)


def test_the_pool_allocates_alike_until_it_is_exhausted(api, ledger, each_way):
    for number in range(10, 30):
        answer = api.post(f"{API}/ip/allocate", {"vm_id": f"vm-{number}"})
        assert (answer.status_code, answer.json()) == (
            201,
            {
                "ip": f"10.0.0.{number}",
                "vm_id": f"vm-{number}",
                "gateway": "10.0.0.1",
                "network": "10.0.0.0/24",
            },
        )
    assert row("10.0.0.29").history.latest().history_user == User.objects.get()
    assert api.post(f"{API}/ip/allocate", {"vm_id": "late"}).status_code == 503
    assert api.get(f"{API}/ip/stats").json()["available"] == 0


def test_both_ways_say_alike_why_there_is_no_pool(api, settings):
    settings.POOL_NETWORK, settings.POOL_GATEWAY = (
        ipaddress.ip_network("10.0.0.0/24"),
        ipaddress.ip_address("10.0.0.1"),
    )
    SubnetFactory(network="10.0.0.0/16", dhcp_pools=["10.0.0.50-10.0.0.60"])
    assert_same(api, f"{API}/ip/stats", 503)


def test_without_tls_both_ways_lead_there_and_with_it_both_forbid_to_leave_it(
    api, ledger, settings
):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 1000
    caller = Caller(headers={"authorization": api.defaults["HTTP_AUTHORIZATION"]})
    redirects = both_ways(lambda: caller.get(f"{API}/ip-addresses/"))
    assert [response.status_code for response in redirects] == [301, 301]
    fast, django = both_ways(lambda: caller.get(f"{API}/ip-addresses/", secure=True))
    assert is_fast(fast)
    assert fast["Strict-Transport-Security"] == django["Strict-Transport-Security"] != ""


# --- any request ----------------------------------------------------------------------------------

ROW, LIST, NEXT_FREE = "ip-addresses/{row}/", "ip-addresses/", "subnets/{subnet}/next-free/"
JSON = "application/json"
# Path, environ, status, and whether the fast path answers.
READS = [
    (ROW, {}, 200, True),
    (ROW, {"HTTP_HOST": ""}, 400, False),
    (ROW, {"HTTP_HOST": "evil.example"}, 400, False),
    (ROW, {"HTTP_HOST": "localhost:x"}, 400, False),
    (ROW, {"HTTP_HOST": "LOCALHOST:8000"}, 200, True),
    (ROW, {"HTTP_HOST": "localhost."}, 200, True),
    (ROW, {"SERVER_NAME": "evil.example"}, 400, False),
    (ROW, {"SERVER_PROTOCOL": "HTTP/1.0"}, 200, True),
    (ROW, {"REQUEST_METHOD": "HEAD"}, 200, False),
    (ROW, {"REQUEST_METHOD": "OPTIONS"}, 405, False),
    (ROW, {"REQUEST_METHOD": "BREW"}, 403, False),
    (LIST, {"REQUEST_METHOD": "OPTIONS"}, 405, False),
    ("ip/stats", {"REQUEST_METHOD": "OPTIONS"}, 204, False),
    ("ip/stats", {"REQUEST_METHOD": "HEAD"}, 200, False),
    ("ip/stats", {"HTTP_HOST": ""}, 400, False),
    (ROW, {"HTTP_ACCEPT": "application/json; indent=4"}, 200, False),
    (ROW, {"HTTP_ACCEPT": "application/jsonlines"}, 406, False),
    (ROW, {"HTTP_ACCEPT": "text/html, */*;q=0.1"}, 200, True),
    (ROW, {"HTTP_ACCEPT": "application/*"}, 200, True),
    (ROW, {"HTTP_ACCEPT": ""}, 406, False),
    (ROW, {"CONTENT_TYPE": "text/plain"}, 200, True),
    (ROW, {"QUERY_STRING": "fields=id"}, 200, False),
    (LIST, {"QUERY_STRING": "page=1&page=2&page_size=2"}, 200, True),
    (LIST, {"QUERY_STRING": "page_size=2&page_size=3"}, 200, True),
    (LIST, {"QUERY_STRING": "page_size=2;page=2"}, 200, False),
    (LIST, {"QUERY_STRING": "page=%31&page_size=%32"}, 200, True),
    (LIST, {"QUERY_STRING": "page=1&" * 1100}, 400, False),
    ("ip-addresses/{row}/x", {}, 404, False),
    ("ip-addresses/{row}x/", {}, 404, False),
    ("ip-addresses/0{row}/", {}, 200, True),
    ("ip-addresses", {}, 404, False),
    ("ip/no\nbody", {}, 404, False),
    ("ip/ü", {}, 404, False),
]


@pytest.mark.parametrize(("path", "environ", "status", "fast"), READS)
def test_any_read_is_answered_alike(api, ledger, path, environ, status, fast):
    path = f"{API}/{path.format(row=row('10.0.0.9').pk)}"
    ours, django = both_ways(lambda: api.generic("GET", path, **environ))
    assert whole(ours) == whole(django)
    assert (ours.status_code, is_fast(ours)) == (status, fast)


# Body, content type, status, and whether the fast path answers (on PostgreSQL).
WRITES = [
    ('{"vm_id": "ü"}', JSON, 201, True),
    ('{"vm_id": "ü"}', f"{JSON}; charset=UTF-8", 201, True),
    ('{"vm_id": "ü"}', "application/JSON", 201, True),
    ("", JSON, 201, True),
    ('{"vm_id": "a", "vm_id": "b"}', JSON, 201, True),
    ('{"vm_id": "ü"}'.encode("latin-1"), f"{JSON}; charset=latin-1", 201, False),
    ('{"vm_id": "ü"}'.encode("latin-1"), JSON, 400, False),
    ('{"vm_id": "a"} x', JSON, 400, False),
    ('\ufeff{"vm_id": "a"}', JSON, 400, False),
    ('{"vm_id": "a"}'.encode("utf-16"), JSON, 400, False),
    ('{"vm_id": NaN}', JSON, 400, False),
    ('{"vm_id": null}', JSON, 201, False),
    ('{"vm_id": "a", "other": 1}', JSON, 400, False),
    ("[]", JSON, 400, False),
    ("[" * 100_000, JSON, 400, False),
    ('{"vm_id": "a"}', "text/plain", 415, False),
    ("vm_id=a", "application/x-www-form-urlencoded", 415, False),
    ('{"vm_id": "a"}', "", 415, False),
]


@pytest.mark.parametrize(("body", "content_type", "status", "fast"), WRITES)
def test_any_allocation_is_answered_alike(api, ledger, body, content_type, status, fast):
    path = f"{API}/subnets/{row('10.0.0.9').subnet_id}/next-free/"
    ours, django = both_ways(lambda: api.generic("POST", path, body, content_type))
    assert whole(ours) == whole(django)
    assert ours.status_code == status
    assert is_fast(ours) == fast


def test_a_site_without_the_route_answers_404_and_does_nothing(api, ledger, settings):
    subnet = row("10.0.0.9").subnet_id
    settings.ROOT_URLCONF = ippool_settings.ROOT_URLCONF
    settings.MIDDLEWARE = ippool_settings.MIDDLEWARE
    caller = Caller(headers={"authorization": api.defaults["HTTP_AUTHORIZATION"]})
    assert caller.post(f"{API}/subnets/{subnet}/next-free/", {}).status_code == 404
    assert caller.get(f"{API}/ip-addresses/").status_code == 404
    assert not IPAddress.objects.filter(status="allocated", server=None).exists()


def test_a_failure_is_logged_and_django_answers(api, ledger, monkeypatch, caplog):
    def fail(*_arguments):
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(prepared, "rows", fail)
    response = api.get(f"{API}/ip-addresses/{row('10.0.0.9').pk}/")
    assert (response.status_code, is_fast(response)) == (200, False)
    assert "ZeroDivisionError: broken" in caplog.text


# --- who ------------------------------------------------------------------------------------------

ROUTES = [
    ("get", "ip-addresses/{row}/"),
    ("get", "ip-addresses/"),
    ("get", "ip/vm-1"),
    ("get", "ip/stats"),
    ("post", "ip/allocate"),
    ("post", "subnets/{subnet}/next-free/"),
]


def statuses(caller, **more):
    """What each route answers."""
    here = {"row": row("10.0.0.9").pk, "subnet": row("10.0.0.9").subnet_id}
    return [
        getattr(caller, verb)(
            f"{API}/{path.format(**here)}", *([{"vm_id": "vm-1"}] * (verb == "post")), **more
        ).status_code
        for verb, path in ROUTES
    ]


def test_a_caller_without_a_good_token_is_refused_everywhere(ledger):
    for headers in (
        {},
        {"authorization": "Bearer ipm_unknown"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer ü"},
    ):
        assert statuses(Caller(headers=headers)) == [401] * 6


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"expiry": timezone.now() - timedelta(seconds=1)}, 401),
        ({"networks": ["203.0.113.0/24"]}, 401),
        ({"networks": ["127.0.0.0/8"]}, 200),
        ({"scopes": ["boot"]}, 403),
    ],
)
def test_what_a_token_says_of_itself_holds_from_the_next_request_on(ledger, fields, status):
    user = User.objects.create_superuser("script")
    caller = with_token("admin", user=user)
    statuses(caller)
    used("script", **fields)
    assert set(statuses(caller)) <= ({200, 201} if status == 200 else {status})


def test_a_user_who_is_no_longer_active_is_refused_everywhere(ledger):
    caller = with_token("admin", user=User.objects.create_superuser("script"))
    statuses(caller)
    User.objects.update(is_active=False)
    assert statuses(caller) == [401] * 6


def test_who_is_no_superuser_any_more_has_his_own_rights_only(ledger):
    caller = with_token("admin", user=User.objects.create_superuser("script"))
    assert set(statuses(caller) + statuses(caller)) <= {200, 201, 404}
    User.objects.update(is_superuser=False)
    assert statuses(caller) == [403] * 6
    User.objects.update(is_superuser=True)
    assert set(statuses(caller)) <= {200, 201, 404}


def test_rights_are_the_users_own_or_those_of_a_group(ledger):
    user = staff("ipam.view_ipaddress")
    caller = with_token("admin", user=user)
    assert statuses(caller) == [200, 200, 403, 403, 403, 403]
    group = Group.objects.create(name="allocators")
    group.permissions.add(Permission.objects.get(codename="change_ipaddress"))
    user.groups.add(group)
    assert set(statuses(caller)) <= {200, 201, 404}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("read", [200, 200, 403, 403, 403, 403]), ("allocate", [403, 403, 404, 200, 201, 200])],
)
def test_a_scope_opens_the_same_routes_on_both_ways(ledger, scope, expected):
    caller = with_token(scope)
    first = statuses(caller)
    assert first == expected
    IPAddress.objects.filter(vm_id="vm-1").update(vm_id=None, status="available")
    assert statuses(caller) == expected


def test_a_confined_token_sees_its_own_rows_only(ledger):
    caller = with_token("admin", subnets=["192.0.2.0/24"])
    statuses(caller)
    assert [
        found["ip_address"] for found in caller.get(f"{API}/ip-addresses/").json()["results"]
    ] == ["192.0.2.1"]
    assert caller.get(f"{API}/ip-addresses/{row('10.0.0.9').pk}/").status_code == 404
    assert caller.post(f"{API}/ip/allocate", {"vm_id": "vm-1"}).status_code == 403


def test_the_day_of_use_is_noted(ledger):
    caller = with_token("admin")
    caller.get(f"{API}/ip/stats")
    assert Token.objects.get().last_used == timezone.localdate()


# --- how much it costs ----------------------------------------------------------------------------


def test_one_row_takes_one_query_and_a_page_takes_two_whatever_its_size(
    api, ledger, django_assert_num_queries
):
    key = row("10.0.0.9").pk
    with django_assert_num_queries(1):
        assert api.get(f"{API}/ip-addresses/{key}/").status_code == 200
    api.post(f"{API}/ip/allocate", {"vm_id": "vm-1"})
    with django_assert_num_queries(1):
        assert api.get(f"{API}/ip/vm-1").status_code == 200
    for size in (2, 20):
        with django_assert_num_queries(2):
            page = api.get(f"{API}/ip-addresses/?page_size={size}").json()
    with django_assert_num_queries(1):  # the links carry the count along
        api.get(page["next"])


# --- what is not usual ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cursor", ["", "x", "bnVsbA", "WzEsMiwzXQ", "WyJub3doZXJlIiwxLDFd", "WyIxMC4wLjAuMSIsLTEsMV0"]
)
def test_a_link_that_somebody_has_made_up_is_refused(api, ledger, cursor):
    assert api.get(f"{API}/ip-addresses/?after={cursor}").status_code == 400


HOSTILE = [
    "\0",
    "\ud800",
    "x" * 3000,
    "9" * 5000,
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "nan",
    "fe80::1%eth0",
    "10.0.0.0/33",
    "",
]
LISTS = [
    "ip-addresses/?",
    "ip-addresses/?ordering=hostname",
    "servers/?ordering=hostname",
    "servers/?ordering=created_at",
    "subnets/?",
    "boot-images/?ordering=position",
]


@pytest.mark.parametrize("path", LISTS)
def test_no_place_in_a_list_is_too_odd_to_be_answered(api, ledger, path):
    for value in HOSTILE:
        cursor = base64.urlsafe_b64encode(json.dumps([value, 1, 1]).encode()).decode().rstrip("=")
        url = f"{API}/{path}&after={cursor}".replace("?&", "?")
        for response in both_ways(lambda: api.get(url)):  # noqa: B023
            assert response.status_code in (200, 400), value


def test_a_key_makes_the_repeat_harmless_here_too(api, ledger):
    path, headers = (
        f"{API}/subnets/{row('10.0.0.9').subnet_id}/next-free/",
        {"Idempotency-Key": "one"},
    )
    first, second = (api.post(path, {}, headers=headers).json() for _ in range(2))
    assert (
        first == second and IPAddress.objects.filter(status="allocated", server=None).count() == 1
    )


@pytest.mark.parametrize(
    "query",
    ["?fields=id", "?unknown=1", "?status=reserved", "?page=0", "?page=999", "?page=1&page=2"],
)
def test_other_questions_are_answered_as_ever(api, ledger, query):
    fast, django = both_ways(lambda: api.get(f"{API}/ip-addresses/{query}"))
    assert whole(fast) == whole(django)
