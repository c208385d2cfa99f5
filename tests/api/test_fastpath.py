"""The short way answers as the long way does, or leaves it to that."""

import base64
import ipaddress
import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from api.models import Token
from ipam.models import IPAddress
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import Caller, staff, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"
LONG_WAY = {
    "If-None-Match": '"something"'
}  # nothing changes by it, except that the request is not quite usual
SAME = (
    "Content-Type",
    "ETag",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Content-Security-Policy",
    "Access-Control-Allow-Origin",
)


@pytest.fixture
def api():
    caller = with_token("admin")
    caller.get(f"{API}/vrfs/")  # the first use of a day is noted on the long way
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


def told(response):
    return response.status_code, response.json(), {name: response.get(name) for name in SAME}


def both(api, path):
    """What both ways say of it."""
    return told(api.get(path)), told(api.get(path, headers=LONG_WAY))


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
        short, long = both(api, f"{API}/ip-addresses/{key}/")
        assert short == long


@pytest.mark.parametrize(
    "query", ["", "?page_size=4", "?page=2&page_size=4", "?page=3&page_size=10", "?page_size=5000"]
)
def test_both_ways_show_every_page_alike(api, ledger, query):
    short, long = both(api, f"{API}/ip-addresses/{query}")
    assert short[0] == 200 and short == long


@pytest.mark.parametrize("headers", [{}, LONG_WAY])
@pytest.mark.parametrize("resource", ["ip-addresses", "servers"])
def test_the_links_lead_through_every_row_and_back(api, ledger, resource, headers):
    whole = [found["id"] for found in api.get(f"{API}/{resource}/").json()["results"]]
    seen, url, pages = [], f"{API}/{resource}/?page_size=2", []
    while url:
        pages.append(api.get(url, headers=headers).json())
        seen += [found["id"] for found in pages[-1]["results"]]
        url = pages[-1]["next"]
    assert (seen, {page["count"] for page in pages}) == (whole, {len(whole)})
    while url := pages.pop()["previous"]:
        before = api.get(url, headers=headers).json()
        assert before["results"] == pages[-1]["results"]


@pytest.mark.parametrize(
    "path", ["ip/stats", "ip/vm-1", "ip/vm-2", "ip/nobody", "ip-addresses/4711/"]
)
def test_both_ways_speak_alike_of_the_pool(api, ledger, path):
    api.post(f"{API}/ip/allocate", {"vm_id": "vm-1", "hostname": "one"})
    api.post(f"{API}/ip/allocate", {"vm_id": "vm-2"})
    short, long = both(api, f"{API}/{path}")
    assert short == long


@pytest.mark.parametrize("headers", [{}, LONG_WAY])
def test_an_allocation_is_told_alike_and_leaves_the_same_history(api, ledger, headers):
    subnet = row("10.0.0.9").subnet_id
    asked = {"vm_id": "vm-1", "hostname": "one", "mac_address": "02-00-00-00-00-AA"}
    status, given, _headers = told(
        api.post(f"{API}/subnets/{subnet}/next-free/", asked, headers=headers)
    )
    assert (status, given["ip_address"], given["mac_address"]) == (
        201,
        "10.0.0.10",
        "02:00:00:00:00:aa",
    )
    assert given == api.get(f"{API}/ip-addresses/{given['id']}/", headers=LONG_WAY).json()
    note = row("10.0.0.10").history.latest()
    assert (note.vm_id, note.status, note.history_type, note.history_user) == (
        "vm-1",
        "allocated",
        "~",
        User.objects.get(),
    )
    again = api.post(f"{API}/subnets/{subnet}/next-free/", asked, headers=headers)
    assert (again.status_code, again.json()) == (200, given)


@pytest.mark.parametrize("headers", [{}, LONG_WAY])
def test_the_pool_allocates_alike_until_it_is_exhausted(api, ledger, headers):
    for number in range(10, 30):
        answer = api.post(f"{API}/ip/allocate", {"vm_id": f"vm-{number}"}, headers=headers)
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
    assert api.post(f"{API}/ip/allocate", {"vm_id": "late"}, headers=headers).status_code == 503
    assert api.get(f"{API}/ip/stats").json()["available"] == 0


def test_both_ways_say_alike_why_there_is_no_pool(api, settings):
    settings.POOL_NETWORK, settings.POOL_GATEWAY = (
        ipaddress.ip_network("10.0.0.0/24"),
        ipaddress.ip_address("10.0.0.1"),
    )
    SubnetFactory(network="10.0.0.0/16", dhcp_pools=["10.0.0.50-10.0.0.60"])
    short, long = both(api, f"{API}/ip/stats")
    assert short == long and short[0] == 503


def test_without_tls_both_ways_lead_there_and_with_it_both_forbid_to_leave_it(
    api, ledger, settings
):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 1000
    caller = Caller(
        headers={"authorization": api.defaults["HTTP_AUTHORIZATION"]}
    )  # a process that starts with these
    assert [
        caller.get(f"{API}/ip-addresses/", headers=headers).status_code
        for headers in ({}, LONG_WAY)
    ] == [301, 301]
    short, long = (
        caller.get(f"{API}/ip-addresses/", headers=headers, secure=True)
        for headers in ({}, LONG_WAY)
    )
    assert short["Strict-Transport-Security"] == long["Strict-Transport-Security"] != ""


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
    assert statuses(caller) == statuses(caller, headers=LONG_WAY) == [200, 200, 403, 403, 403, 403]
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
        for headers in ({}, LONG_WAY):
            answer = api.get(f"{API}/{path}&after={cursor}".replace("?&", "?"), headers=headers)
            assert answer.status_code in (200, 400), value


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
    short, long = both(api, f"{API}/ip-addresses/{query}")
    assert short == long


def test_a_stranger_host_is_refused(api, ledger):
    assert api.get(f"{API}/ip-addresses/", headers={"host": "evil.example"}).status_code == 400


def test_who_wants_anything_but_json_is_told_so(api, ledger):
    assert api.get(f"{API}/ip-addresses/", headers={"accept": "text/html"}).status_code == 406
