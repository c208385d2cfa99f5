"""Who may do what, for every route of the URL map: by scope, by right, by whose row it is."""

import pytest
from django.urls import URLPattern, get_resolver

from tests.support.api import staff, with_token
from tests.support.everything import one_of_each
from tests.support.undone import undone

pytestmark = pytest.mark.django_db
API = "api/v1/"
SCOPES = {"read", "allocate", "addresses", "subnets", "boot", "registry", "sightings", "admin"}
WRITES = {
    "vrfs": "subnets",
    "subnets": "subnets",
    "pools": "subnets",
    "ip-addresses": "addresses",
    "servers": "addresses",
    "interfaces": "addresses",
    "machines": "addresses",
    "sightings": "sightings",
    "discovery": "subnets",
    "zones": "subnets",
    "records": "subnets",
    "subnets-without-names": "subnets",
    "boot-images": "boot",
    "boot-assignments": "boot",
    "boot-files": "boot",
    "boot-answers": "boot",
    "boot-menus": "boot",
    "boot-identities": "boot",
    "dhcp/servers": "admin",
    "dhcp/scopes": "subnets",
    "dhcp/generations": "admin",
    "dhcp/hand-edits": "addresses",
    "dhcp/leases": "addresses",
    "dhcp/sync": "admin",
    "dhcp/release": "admin",
    "ipmanager": "registry",
    "ipmanager/config": "admin",
    "tokens": "admin",
    "conflicts": "addresses",
    "unknown-devices": "addresses",
    "webhooks": "admin",
    "mail-preference": "admin",
    "imports": "admin",
}
# What an undo needs follows from what the change has touched: tests/changes/test_undo_api.py.
UNDO = {"addresses", "subnets", "boot", "registry", "admin"}
OTHERWISE = {("POST", "subnets/{pk}/next-free/"): "allocate", ("GET", "tokens/"): "admin"}
FINDS = (
    "services",
    "endpoint",
    "changes",
    "templates",
    "export",
)  # of the registry: its own tokens find each other
# Rows that lie somewhere: a token for some networks sees those of its own. All other routes refuse
# it.
PLACED = {
    "vrfs",
    "subnets",
    "pools",
    "ip-addresses",
    "servers",
    "interfaces",
    "machines",
    "boot-images",
    "boot-assignments",
    "boot-identities",
    "boot-events",
    "dhcp/scopes",
    "dhcp/leases",
    "dhcp/lease-intervals",
    "dhcp/evictions",
    "events",
    "dhcp/transactions",
    "search",
    "changes",
    "who-had",
    "sightings",
    "discovery",
}
# A VRF and an image lie nowhere: the one is nobody's, the other may be looked at.
EVERYWHERE = {"boot-images"}
# nginx asks the one before it takes a large body; the others are about the token that asks. Their
# own tests: tests/deploy/test_front.py, tests/accounts/test_token_rotation.py.
FOR_ALL = {"may-send/", "tokens/current/", "tokens/current/rotate/"}
# About the caller alone, who needs the scope and no further right.
OWN = {"mail-preference/"}
# Of agents, which have tokens of another kind: tests/dhcp/test_remote_agent.py.
OF_AGENTS = "dhcp/agent/"
LATER = {"dhcp/leases/{pk}/reserve/"}  # refused after a look at whose it is


def api_routes(resolver=None, start=""):
    """`(method, route)` of every view below /api/v1/ that asks for rights."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = start + str(entry.pattern)
        if not isinstance(entry, URLPattern):
            yield from api_routes(entry, route)
        elif route.startswith(API) and hasattr(entry.callback, "cls"):
            for method in methods(entry.callback):
                yield method, plain(route.removeprefix(API))


def methods(callback):
    served = getattr(callback, "actions", None) or callback.cls.http_method_names
    known = {"get", "post", "put", "patch", "delete"} & set(served)
    return sorted(
        name.upper()
        for name in known
        if getattr(callback, "actions", None) or hasattr(callback.cls, name)
    )


def plain(route):
    """`subnets/{pk}/usage/`."""
    return (
        route.replace("(?P<pk>[0-9]{1,18})", "{pk}")
        .replace("^", "")
        .replace("$", "")
        .replace("\\Z", "")
    )


EVERY = sorted(set(api_routes()))
OURS = [(method, route) for method, route in EVERY if not route.startswith(OF_AGENTS)]
ROUTES = [(method, route) for method, route in OURS if route not in FOR_ALL]


def name_of(route):
    """Which rows: `subnets`, `dhcp/leases`, `ipmanager/config`."""
    parts = route.rstrip("/").split("/")
    deep = parts[0] == "dhcp" or route.startswith("ipmanager/config")
    return "/".join(parts[: 2 if deep else 1])


def needed(method, route):
    """The scopes of which one will do."""
    if special := OTHERWISE.get((method, route)):
        return {special}
    if route.startswith("ipmanager/") and route.split("/")[1] in FINDS:
        return {"read", "registry"}
    if route.startswith("changes/") and route.endswith("/undo/"):
        return UNDO
    return {"read"} if method == "GET" else {WRITES[name_of(route)]}


def ask(api, method, route, pk):
    path = (
        "/"
        + API
        + route.replace("{pk}", str(pk))
        .replace("<str:service_id>", "billing-0")
        .replace("<slug:key>", "none")
        .replace("<str:key>", "ipam.subnet:0")
        .replace("<str:format>", "shell")
    )
    return undone(lambda: api.generic(method, path, "{}", "application/json"))


@pytest.fixture
def world(settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path / "dnsmasq"
    settings.BOOT_ROOT = tmp_path / "boot"
    return one_of_each(0)


def test_the_url_map_is_what_this_test_knows(world):
    assert len(ROUTES) > 170
    for method, route in ROUTES:
        assert needed(method, route) <= SCOPES, route
        assert "{pk}" not in route or name_of(route) in world, route


def test_without_credentials_every_route_answers_401(client, world):
    for method, route in EVERY:
        assert ask(client, method, route, world.get(name_of(route))).status_code == 401, (
            method,
            route,
        )


def test_every_route_lets_its_scope_in_and_no_other(world):
    callers = {}

    def holding(*scopes):
        key = tuple(sorted(scopes))
        callers[key] = callers.get(key) or with_token(*key)
        return callers[key]

    for method, route in ROUTES:
        if route == "search/" or route.startswith("changes/"):
            continue  # for whoever may see one kind of rows
        pk, right = world.get(name_of(route)), needed(method, route)
        for scope in right:
            answer = ask(holding(scope), method, route, pk)
            assert answer.status_code not in (401, 403) and answer.status_code < 500, (
                method,
                route,
                scope,
            )
        others = SCOPES - right - {"admin"}
        assert ask(holding(*others), method, route, pk).status_code == 403, (method, route)


def test_a_token_gives_no_right_that_its_user_has_not(world):
    powerless = with_token("admin", user=staff())
    for method, route in ROUTES:
        if route in OWN:
            continue
        assert ask(powerless, method, route, world.get(name_of(route))).status_code == 403, (
            method,
            route,
        )


def test_rows_that_do_not_exist_are_404(world):
    api = with_token("admin")
    for method, route in ROUTES:
        if "{pk}" in route and not route.endswith("content/"):
            assert ask(api, method, route, 999_999).status_code == 404, (method, route)


def test_rows_of_others_are_404_and_what_has_no_place_is_refused(world):
    mine, api = one_of_each(1), with_token("admin", subnets=["10.1.0.0/16"])
    for method, route in ROUTES:
        name = name_of(route)
        theirs = ask(api, method, route, world.get(name)).status_code
        if name not in PLACED:
            assert theirs == 403, (method, route)
        elif "{pk}" in route and not (name in EVERYWHERE and method == "GET"):
            refused = (403, 404) if route in LATER else (404,)
            assert theirs in refused, (method, route)
        if name in PLACED - {"vrfs"} and route.endswith("{pk}/") and method == "GET":
            assert ask(api, method, route, mine[name]).status_code == 200, route
