"""Who may use the API, and what a refusal looks like."""

import os
import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import URLPattern, get_resolver

from ipam.models import IPAddress
from ipmanager import anonymous
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import answer, staff, with_session, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))


def routes(resolver, start=""):
    """Every route of the URL map as text, its variables filled in."""
    for entry in resolver.url_patterns:
        route = start + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield concrete(route)
        else:
            yield from routes(entry, route)


def concrete(route):
    route = re.sub(r"\(\?P<[^>]*>(\[[^\]]*\]|\.)[^)]*\)", "1", route)
    return (
        re.sub(r"<[^>]*>|\(\?P?[^)]*\)", "1", route)
        .replace("^", "")
        .replace("$", "")
        .replace("\\", "")
        .replace("Z", "")
    )


# --- without credentials --------------------------------------------------------------------------


@pytest.mark.parametrize("pool", ["token", "open"])
def test_without_credentials_only_the_written_list_answers(settings, pool):
    settings.POOL_API = pool
    found = sorted(set(routes(get_resolver())))
    assert len(found) > 60
    open_to_all, anybody = set(), Client()
    for turn, route in enumerate(found):
        # An open pool opens its own routes; of the others, this way tries one method each.
        whole = pool == "token" or LONG or route.startswith(anonymous.WHEN_POOL_IS_OPEN)
        for method in METHODS if whole else METHODS[turn % len(METHODS) :][:1]:
            anybody.cookies.clear()
            response = anybody.generic(method, f"/{route}", "{}", content_type="application/json")
            assert response.status_code < 500, (method, route)
            if response.status_code < 300:
                open_to_all.add(route)
    allowed = {
        r for r in found if pool == "open" and r.startswith(anonymous.WHEN_POOL_IS_OPEN)
    } | set(anonymous.ROUTES)
    assert open_to_all <= allowed


@pytest.mark.parametrize(
    "path", ["subnets/", "ip-addresses/1/", "subnets/1/next-free/", "ip-addresses/1/release/"]
)
def test_without_credentials_the_answer_is_401_and_asks_for_a_token(client, path):
    response = client.post(f"{API}/{path}")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("value", ["", "ipm_wrong", "None", "-1", "1", "null", "\xff"])
def test_a_wrong_token_answers_401(client, value):
    with_token("admin")
    response = client.get(f"{API}/subnets/", headers={"authorization": f"Bearer {value}"})
    assert response.status_code == 401


# --- tokens ---------------------------------------------------------------------------------------

SCOPES = ["read", "allocate", "addresses", "subnets", "boot", "registry"]
NEEDED = {
    ("GET", "subnets/"): "read",
    ("GET", "subnets/{subnet}/"): "read",
    ("GET", "subnets/{subnet}/usage/"): "read",
    ("GET", "subnets/{subnet}/next-free/"): "read",
    ("GET", "subnets/{subnet}/next-free-subnet/"): "read",
    ("POST", "subnets/{subnet}/next-free/"): "allocate",
    ("POST", "subnets/{subnet}/next-free-subnet/"): "subnets",
    ("POST", "subnets/"): "subnets",
    ("PATCH", "subnets/{subnet}/"): "subnets",
    ("DELETE", "subnets/{subnet}/"): "subnets",
    ("POST", "pools/"): "subnets",
    ("POST", "vrfs/"): "subnets",
    ("DELETE", "vrfs/{vrf}/"): "subnets",
    ("GET", "ip-addresses/"): "read",
    ("POST", "ip-addresses/"): "addresses",
    ("PATCH", "ip-addresses/{address}/"): "addresses",
    ("DELETE", "ip-addresses/{address}/"): "addresses",
    ("POST", "ip-addresses/{address}/reserve/"): "addresses",
    ("POST", "ip-addresses/{address}/release/"): "addresses",
    ("POST", "ip-addresses/{address}/quarantine/"): "addresses",
    ("GET", "servers/"): "read",
    ("POST", "servers/"): "addresses",
    ("PUT", "servers/{server}/"): "addresses",
    ("DELETE", "servers/{server}/"): "addresses",
    ("POST", "interfaces/"): "addresses",
}


@pytest.fixture
def rows():
    return {
        "subnet": SubnetFactory(network="10.0.0.0/24").pk,
        "vrf": VRFFactory().pk,
        "address": IPAddressFactory(ip_address="10.0.0.9").pk,
        "server": ServerFactory().pk,
    }


@pytest.mark.parametrize(("method", "path"), NEEDED)
def test_each_route_needs_its_scope_and_no_other(rows, method, path):
    for scope in SCOPES:
        response = with_token(scope).generic(
            method, f"{API}/{path.format(**rows)}", "[]", "application/json"
        )
        assert (response.status_code == 403) == (scope != NEEDED[method, path]), scope
        assert response.status_code not in (401, 500)


def test_a_token_may_no_more_than_its_user():
    seen = with_token("admin", user=staff("ipam.view_subnet"))
    assert seen.get(f"{API}/subnets/").status_code == 200
    assert seen.get(f"{API}/servers/").status_code == 403
    assert seen.post(f"{API}/subnets/", {"network": "10.0.0.0/24"}).status_code == 403


def test_a_token_works_only_from_its_networks():
    api = with_token("read", networks=["10.0.0.0/8"])
    assert api.get(f"{API}/subnets/", REMOTE_ADDR="192.0.2.1").status_code == 401
    assert api.get(f"{API}/subnets/", REMOTE_ADDR="10.1.2.3").status_code == 200


# --- sessions -------------------------------------------------------------------------------------


def test_operators_may_see_everything_and_change_nothing(rows):
    user = staff()
    user.groups.add(Group.objects.get(name="Operators"))
    api = with_session(user)
    for (method, path), scope in NEEDED.items():
        response = api.generic(method, f"{API}/{path.format(**rows)}", "[]", "application/json")
        assert (response.status_code == 403) == (scope != "read"), (method, path)


def test_users_who_are_not_staff_see_nothing():
    api = with_session(User.objects.create_user("guest"))
    assert api.get(f"{API}/subnets/").status_code == 403


def test_a_session_writes_only_with_its_csrf_token():
    api = with_session(User.objects.create_superuser("admin"), check_csrf=True)
    status, problem = answer(api.post(f"{API}/subnets/", {"network": "10.0.0.0/24"}))
    assert (status, "CSRF" in problem["detail"]) == (403, True)


# --- refusals have one shape ----------------------------------------------------------------------


def problem(response, status):
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    body = response.json()
    assert (body["status"], bool(body["title"]), bool(body["detail"])) == (status, True, True)
    return body


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "subnets/999/", "", 404),
        ("GET", f"subnets/{'9' * 18}/", "", 404),
        ("GET", "nothing/", "", 404),
        ("GET", "subnets", "", 404),
        ("GET", "subnets/a%0Ab/", "", 404),
        ("GET", "boot-events/?mac=%25s%25d", "", 400),
        ("PUT", "subnets/", "{}", 405),
        ("POST", "subnets/", "{", 400),
        ("POST", "subnets/", "[" * 100_000, 400),
        ("POST", "subnets/", "[]", 400),
        ("POST", "subnets/", '"\xff', 400),
        ("POST", "subnets/", '{"vlan_id": NaN, "network": "10.0.0.0/24"}', 400),
        ("POST", "subnets/", "{}", 400),
        ("POST", "subnets/", '{"network": "\\ud800"}', 400),
        ("POST", "subnets/", '{"network": "10.0.0.0/24", "name": "\\ud800"}', 400),
        ("GET", "subnets/?" + "&".join(f"x{n}=1" for n in range(10_000)), "", 400),
    ],
)
def test_every_refusal_is_a_problem_document(method, path, body, status):
    problem(with_token("admin").generic(method, f"{API}/{path}", body, "application/json"), status)


def test_a_body_that_is_no_json_answers_415():
    problem(with_token("admin").post(f"{API}/subnets/", "x", content_type="text/plain"), 415)


def test_a_body_that_is_too_large_answers_413(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    problem(with_token("admin").post(f"{API}/subnets/", {"name": "x" * 2000}), 413)


def test_a_refused_field_is_named_with_its_reason():
    body = problem(with_token("admin").post(f"{API}/subnets/", {"network": "10.0.0.1/24"}), 400)
    assert body["errors"] == {
        "network": ["10.0.0.1/24 has host bits set; the network is 10.0.0.0/24"]
    }


def test_refusals_speak_the_callers_language():
    response = with_token("admin").get(f"{API}/subnets/?vlan=x", headers={"accept-language": "de"})
    assert "Zahl" in str(response.json())


# --- the description ------------------------------------------------------------------------------


def test_the_docs_page_runs_no_inline_script_and_loads_nothing_from_elsewhere():
    page = with_session(staff()).get("/api/docs/")
    text = page.content.decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=|https?://", text)
    assert "default-src 'self'" in page["Content-Security-Policy"]


def test_the_description_is_openapi_3_1_and_names_every_resource():
    api = with_session(staff())
    schema = api.get("/api/schema/").json()
    assert schema["openapi"].startswith("3.1")
    assert f"{API}/subnets/{{id}}/next-free/" in schema["paths"]
    assert all(
        "429" in operation["responses"]
        for path in schema["paths"].values()
        for operation in path.values()
    )


def test_a_body_of_unknown_length_is_refused_and_not_taken_for_none():
    """Else an allocation in chunks would be one for nobody."""
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.11"])
    caller, url = with_token("allocate"), f"{API}/subnets/{subnet.pk}/next-free/"
    status, problem = answer(caller.generic("POST", url, HTTP_TRANSFER_ENCODING="chunked"))
    assert (status, problem["code"]) == (411, "length_required")
    assert "Content-Length" in problem["hint"]
    assert not IPAddress.objects.exclude(status="available").exists()
