"""`/api/v1/ip/…` answers as the ippool service did."""

import ipaddress
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from api.models import Token
from ipam import allocate as verbs
from ipam.models import IPAddress, Subnet
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db
API = "/api/v1/ip"


@pytest.fixture(autouse=True)
def open_pool(settings):
    settings.POOL_API = "open"
    settings.POOL_NETWORK = ipaddress.ip_network("172.16.0.0/24")
    settings.POOL_GATEWAY = ipaddress.ip_address("172.16.0.1")


@pytest.fixture
def small_pool(settings):
    """Two addresses: .2 and .3."""
    return SubnetFactory(
        network="172.16.0.0/24", gateway="172.16.0.1", static_ip_pools=["172.16.0.1-172.16.0.3"]
    )


def allocate(client, vm_id, **more):
    return client.post(f"{API}/allocate", {"vm_id": vm_id, **more}, content_type="application/json")


def token(*scopes, superuser=True):
    user = User.objects.create_user("script", is_superuser=superuser)
    return {
        "authorization": f"Bearer {Token.objects.create(user, name='t', scopes=list(scopes))[1]}"
    }


def answer(response):
    return response.status_code, response.json()


NOT_FOUND = (404, {"error": "IP not found"})


def test_health_says_healthy_and_needs_no_token(client, settings):
    settings.POOL_API = "token"
    assert answer(client.get("/api/v1/health")) == (200, {"status": "healthy"})


def test_an_allocation_answers_201_with_all_that_a_vm_needs(client):
    assert answer(allocate(client, "srv-abc123", hostname="my-vm")) == (
        201,
        {
            "ip": "172.16.0.2",
            "vm_id": "srv-abc123",
            "gateway": "172.16.0.1",
            "network": "172.16.0.0/24",
            "hostname": "my-vm",
        },
    )


@pytest.mark.parametrize("sent", [{}, {"hostname": None}])
def test_without_a_host_name_the_answer_has_no_such_key(client, sent):
    status, body = answer(allocate(client, "srv-1", **sent))
    assert (status, "hostname" in body) == (201, False)


def test_a_repeat_answers_201_with_the_same_address_and_keeps_the_newest_host_name(client):
    first = allocate(client, "srv-1", hostname="old").json()
    status, again = answer(allocate(client, "srv-1", hostname="new"))
    assert (status, again) == (201, first | {"hostname": "new"})
    assert client.get(f"{API}/srv-1").json() == {
        "ip": "172.16.0.2",
        "vm_id": "srv-1",
        "hostname": "new",
    }


def test_addresses_are_taken_from_the_front(client):
    given = [allocate(client, f"srv-{n}").json()["ip"] for n in range(3)]
    assert given == ["172.16.0.2", "172.16.0.3", "172.16.0.4"]


def test_a_gateway_at_the_end_is_never_handed_out(client, settings):
    settings.POOL_GATEWAY = ipaddress.ip_address("172.16.0.254")
    assert allocate(client, "srv-1").json()["ip"] == "172.16.0.1"
    assert client.get(f"{API}/stats").json()["total"] == 253
    assert not IPAddress.objects.filter(ip_address="172.16.0.254").exists()


def test_a_released_address_is_used_last(client, small_pool):
    allocate(client, "srv-1")
    client.delete(f"{API}/release/srv-1")
    assert [allocate(client, f"srv-{n}").json()["ip"] for n in (2, 3)] == [
        "172.16.0.3",
        "172.16.0.2",
    ]


def test_an_empty_pool_answers_503_but_a_known_vm_still_gets_its_address(client, small_pool):
    allocate(client, "srv-1"), allocate(client, "srv-2")
    assert answer(allocate(client, "srv-3")) == (503, {"error": "No available IPs in pool"})
    assert answer(allocate(client, "srv-1"))[0] == 201


def test_releasing_by_vm_tells_the_vm_and_no_address(client):
    allocate(client, "srv-1")
    released = client.delete(f"{API}/release/srv-1")
    assert answer(released) == (200, {"message": "IP released successfully", "vm_id": "srv-1"})


def test_releasing_an_unknown_vm_or_twice_answers_404(client):
    allocate(client, "srv-1")
    client.delete(f"{API}/release/srv-1")
    assert answer(client.delete(f"{API}/release/srv-1")) == NOT_FOUND
    assert answer(client.delete(f"{API}/release/never")) == NOT_FOUND


def test_releasing_by_address_tells_the_address_and_no_vm(client):
    allocate(client, "srv-1")
    released = client.delete(f"{API}/release-by-ip/172.16.0.2")
    assert answer(released) == (200, {"message": "IP released successfully", "ip": "172.16.0.2"})
    assert answer(client.get(f"{API}/srv-1")) == NOT_FOUND


@pytest.mark.parametrize(
    "wrong", ["192.0.2.1", "x", "172.16.0", "2001:db8::1", "172.16.0.2/24", "%00"]
)
def test_releasing_what_is_no_address_of_the_pool_answers_400(client, wrong):
    assert answer(client.delete(f"{API}/release-by-ip/{wrong}")) == (
        400,
        {"error": "Invalid IP address"},
    )


def test_releasing_a_free_address_answers_404(client):
    allocate(client, "srv-1")
    assert answer(client.delete(f"{API}/release-by-ip/172.16.0.9")) == NOT_FOUND


@pytest.mark.parametrize("vm_id", ["never", "%00", "x" * 300, "a%0Ab"])
def test_an_unknown_vm_answers_404(client, vm_id):
    assert answer(client.get(f"{API}/{vm_id}")) == NOT_FOUND


def test_a_vm_without_a_host_name_is_shown_without_one(client):
    allocate(client, "srv-1")
    assert answer(client.get(f"{API}/srv-1")) == (200, {"ip": "172.16.0.2", "vm_id": "srv-1"})


def test_allocations_are_a_bare_list_in_the_order_of_addresses(client):
    assert answer(client.get(f"{API}/allocations")) == (200, [])
    allocate(client, "b"), allocate(client, "a")
    assert client.get(f"{API}/allocations").json() == [
        {"ip": "172.16.0.2", "vm_id": "b"},
        {"ip": "172.16.0.3", "vm_id": "a"},
    ]


def test_stats_count_the_pool(client):
    allocate(client, "srv-1")
    figures = client.get(f"{API}/stats").json()
    usage = figures.pop("usage")
    assert figures == {
        "network": "172.16.0.0/24",
        "gateway": "172.16.0.1",
        "total": 253,
        "allocated": 1,
        "available": 252,
    }
    assert usage == pytest.approx(100 / 253)


@pytest.mark.parametrize("name", ["stats", "allocations"])
def test_a_vm_may_be_called_like_a_route_is_found_by_the_native_api_and_can_be_released(
    client, name
):
    assert answer(allocate(client, name))[0] == 201
    assert "vm_id" not in client.get(f"{API}/{name}").json()
    found = client.get("/api/v1/ip-addresses/", {"vm_id": name}, headers=token("read")).json()[
        "results"
    ]
    assert [row["ip_address"] for row in found] == ["172.16.0.2"]
    assert client.delete(f"{API}/release/{name}").status_code == 200


@pytest.mark.parametrize("vm_id", ["a/b", "a b", "ü", "…", "a?b#c"])
def test_a_vm_id_is_any_text_of_one_line(client, vm_id):
    allocate(client, vm_id)
    assert client.get(f"{API}/{quote(vm_id, safe='')}").json()["vm_id"] == vm_id
    assert client.delete(f"{API}/release/{quote(vm_id, safe='')}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"vm_id": ""}',
        '{"vm_id": "  "}',
        '{"vm_id": 7}',
        '{"vm_id": null}',
        "[" * 50_000,
        '{"vm_id": "a\\nb"}',
        '{"vm_id": "\\u0000"}',
        '{"vm_id": "\\ud800"}',
        '{"vm_id": "a", "hostname": 5}',
        '{"vm_id": "a", "hostname": "a\\u001b[2J"}',
        json.dumps({"vm_id": "x" * 256}),
        json.dumps({"vm_id": "a", "hostname": "x" * 256}),
        '{"vm_id": "\xff"}'.encode("latin-1"),
    ],
)
def test_a_bad_body_answers_400_and_says_why(client, body):
    response = client.post(f"{API}/allocate", body, content_type="application/json")
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert not IPAddress.objects.exclude(vm_id=None).exists()


def test_a_body_without_its_type_answers_400(client):
    response = client.generic("POST", f"{API}/allocate", '{"vm_id": "a"}', content_type="")
    assert answer(response) == (400, {"error": "Send JSON with Content-Type: application/json"})


def test_a_huge_body_answers_413(client):
    assert allocate(client, "x" * 100_000).status_code == 413


def test_a_wrong_method_answers_405_and_names_the_right_one(client):
    response = client.get(f"{API}/allocate")
    assert (response.status_code, response["Allow"]) == (405, "POST, OPTIONS")


# --- any prefix length, any state of the ledger ---------------------------------------------------


@pytest.mark.parametrize(
    ("network", "gateway", "first", "total"),
    [
        ("10.0.0.0/8", "10.0.0.1", "10.0.0.2", 2**24 - 3),
        ("10.0.0.0/30", "10.0.0.1", "10.0.0.2", 1),
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.1", 1),
        ("2001:db8::/64", "2001:db8::1", "2001:db8::2", 2**64 - 2),
    ],
)
def test_a_pool_has_any_length(client, settings, network, gateway, first, total):
    settings.POOL_NETWORK, settings.POOL_GATEWAY = (
        ipaddress.ip_network(network),
        ipaddress.ip_address(gateway),
    )
    assert allocate(client, "srv-1").json()["ip"] == first
    assert client.get(f"{API}/stats").json()["total"] == total


def test_a_subnet_that_has_no_pool_gets_one(client):
    SubnetFactory(network="172.16.0.0/24", gateway="172.16.0.1")
    assert allocate(client, "srv-1").json()["ip"] == "172.16.0.2"


def test_only_what_vms_hold_in_the_pool_can_be_seen_or_released(client, small_pool):
    SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.20"])
    verbs.allocate(Subnet.objects.get(network="10.0.0.0/24"), vm_id="elsewhere")
    ServerFactory(ip_address="172.16.0.2")
    assert answer(client.get(f"{API}/elsewhere")) == NOT_FOUND
    assert answer(client.delete(f"{API}/release/elsewhere")) == NOT_FOUND
    assert answer(client.delete(f"{API}/release-by-ip/172.16.0.2")) == NOT_FOUND
    assert allocate(client, "elsewhere").status_code == 409


# --- who may --------------------------------------------------------------------------------------


def test_without_open_a_token_is_needed(client, settings):
    settings.POOL_API = "token"
    response = allocate(client, "srv-1")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert (
        client.get(f"{API}/stats", headers={"authorization": "Bearer ipm_wrong"}).status_code == 401
    )


def test_a_token_with_the_scope_allocate_opens_every_route(client, settings):
    settings.POOL_API = "token"
    headers = token("allocate")
    for method, path in [
        ("POST", "allocate"),
        ("GET", "allocations"),
        ("GET", "stats"),
        ("GET", "srv-1"),
        ("DELETE", "release/srv-1"),
    ]:
        response = client.generic(
            method,
            f"{API}/{path}",
            '{"vm_id": "srv-1"}',
            content_type="application/json",
            headers=headers,
        )
        assert response.status_code in (200, 201), path


@pytest.mark.parametrize(("scopes", "superuser"), [(["read"], True), (["allocate"], False)])
def test_a_token_without_the_scope_or_whose_user_lacks_the_right_answers_403(
    client, settings, scopes, superuser
):
    settings.POOL_API = "token"
    response = client.get(f"{API}/stats", headers=token(*scopes, superuser=superuser))
    assert (response.status_code, list(response.json())) == (403, ["error"])


def test_a_session_does_not_open_the_pool(client, settings, admin_user):
    settings.POOL_API = "token"
    client.force_login(admin_user)
    assert allocate(client, "srv-1").status_code == 401


def test_the_history_knows_whose_token_it_was(client, settings):
    settings.POOL_API = "token"
    client.post(
        f"{API}/allocate",
        {"vm_id": "a"},
        content_type="application/json",
        headers=token("allocate"),
    )
    assert IPAddress.objects.get(vm_id="a").history.latest().history_user.username == "script"


# --- browsers of other origins --------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}])
def test_an_open_pool_lets_no_page_of_another_origin_speak_to_it(client, headers):
    """Its own token is no proof there: nobody checks it."""
    headers = {"origin": "https://portal.example.org", **headers}
    for method, path in (("get", "stats"), ("get", "allocations"), ("delete", "release/a")):
        response = getattr(client, method)(f"{API}/{path}", headers=headers)
        assert "Access-Control-Allow-Origin" not in response
    asked = {**headers, "access-control-request-method": "DELETE"}
    response = client.options(f"{API}/release/a", headers=asked)
    assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_without_a_token_a_guarded_pool_tells_browsers_nothing(client, settings):
    settings.POOL_API = "token"
    assert "Access-Control-Allow-Origin" not in client.get(f"{API}/stats")
    assert (
        client.get(f"{API}/stats", headers=token("allocate"))["Access-Control-Allow-Origin"] == "*"
    )


def test_a_preflight_names_method_and_headers(client, settings):
    settings.POOL_API = "token"
    response = client.options(
        f"{API}/release/srv-1", headers={"access-control-request-method": "DELETE"}
    )
    assert response.status_code == 204
    assert "DELETE" in response["Access-Control-Allow-Methods"]
    assert "Content-Type" in response["Access-Control-Allow-Headers"]


def test_the_other_routes_know_no_other_origin(client):
    assert "Access-Control-Allow-Origin" not in client.get(
        "/healthz", headers={"origin": "https://evil.example"}
    )


# --- many at once ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_hundred_parallel_vms_get_a_hundred_addresses_of_a_pool_made_by_the_first():
    def ask(number):
        try:
            return allocate(Client(), f"vm-{number}").json()["ip"]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(ask, range(100)))

    assert len(set(given)) == 100
    assert Subnet.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_allocation_asks_the_database_as_little_as_it_can(
    client, settings, django_assert_num_queries
):
    settings.FASTPATH = True
    allocate(client, "first")
    with django_assert_num_queries({"postgresql": 1, "sqlite": 6}[connection.vendor]):
        allocate(client, "second")
