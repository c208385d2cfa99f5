"""Sizes and signs that nobody in his senses sends: an answer, soon, and never a fault of ours.

The short form asks every eighteenth operation, the long form all of them.
"""

import itertools
import json
import os
import time
from itertools import count

import pytest

from tests.ipam.factories import SubnetFactory
from tests.proof import LONG_FORM
from tests.support.api import description, with_token
from tests.support.everything import one_of_each
from tests.support.undone import undone

pytestmark = pytest.mark.django_db
LONG = bool(os.environ.get(LONG_FORM))
NTH = 1 if LONG else 18
TURNS = count()
MEGABYTE = "x" * 1_000_000
DEEP = "[" * 50_000 + "]" * 50_000
STRANGE = {
    "NUL": "a\0b",
    "half a pair": "\ud800",
    "a huge number": 10**400,
    "a huge negative number": -(10**30),
    "right to left": "\u202eabc",
    "a lot of percent signs": "%s%d%(x)s%",
    "nested": {"a": [{"b": [[]]}]},
    "nothing": None,
    "true": True,
    "an empty text": "",
    "a fraction": 1e308,
    "a list": [None, [], {}],
}
QUERIES = [
    "%00",
    "%ED%A0%80",
    "9" * 400,
    "-" + "9" * 30,
    "x" * 60_000,
    "%25s%25d%25",
    "1e400",
    "[]",
    "",
    "%F0%9F%A6%A6",
]
STRANGE_ADDRESSES = [
    *("9" * 18, "9" * 19, "9" * 400, "-1", "%00", "%ED%A0%80", "a%2Fb", "x" * 5000, "%25s")
]
METHODS = ("get", "post", "put", "patch", "delete")
HEADERS = ["If-Match", "Idempotency-Key", "Accept", "Accept-Language", "Authorization"]
STRANGE_HEADERS = ["x" * 60_000, "\xff", "\0", "", '"', "*,*;q=x", "de-" * 2000, "Bearer \xff"]


@pytest.fixture
def paths(settings, tmp_path):
    """Every operation of the description, aimed at rows that exist."""
    settings.DNSMASQ_DIR, settings.BOOT_ROOT = tmp_path / "dnsmasq", tmp_path / "boot"
    world, described = one_of_each(), description()

    def aimed(path):
        name = path.removeprefix("/api/v1/").partition("/{id}")[0]
        named = {
            "{id}": str(world.get(name, 1)),
            "{vm_id}": "vm-1",
            "{ip}": "172.16.0.2",
            "{format}": "hosts",
        }
        for variable, value in (named | {"{service_id}": "billing-0"}).items():
            path = path.replace(variable, value)
        return path

    return described, aimed


@pytest.fixture
def asked():
    """Asks as an administrator, and remembers what took longest."""
    api, slowest = with_token("admin"), [0.0, ""]
    api.raise_request_exception = False

    def ask(method, path, body=None, content_type="application/json"):
        began = time.monotonic()
        answer = undone(lambda: api.generic(method.upper(), path, body or "", content_type))
        slowest[:] = max(slowest, [time.monotonic() - began, f"{method} {path[:80]}"])
        assert answer.status_code < 500, (
            f"{method} {path[:200]} {str(body)[:200]}: {answer.status_code}"
        )
        return answer

    yield ask
    print(f"slowest: {slowest[0]:.2f} s, {slowest[1]}")


def operations(described, *methods):
    """Those with these methods, each time others of them."""
    paths = described["paths"].items()
    every = [
        (method, path, found[method])
        for path, found in paths
        for method in methods
        if method in found
    ]
    yield from every[next(TURNS) % NTH :: NTH]


def fields_of(described, operation):
    """The names of what the body may hold; None where it is no object."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if not content or "$ref" not in content["schema"]:
        return None
    return list(
        described["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[1]][
            "properties"
        ]
    )


def test_a_page_has_its_most_rows_whatever_is_asked_for(paths, asked):
    described, aimed = paths
    lists = 0
    for method, path, operation in operations(described, "get"):
        if any(parameter["name"] == "page_size" for parameter in operation.get("parameters", ())):
            lists += 1
            for size in ("1000000000", "9" * 400, "-1", "0", "%00"):
                assert (
                    len(asked(method, f"{aimed(path)}?page_size={size}").json()["results"]) <= 1000
                )
            for page in ("1000000000", "9" * 400, "%00"):
                assert asked(method, f"{aimed(path)}?page={page}").status_code == 404
    assert lists > 15 // NTH


def test_ten_thousand_parameters_are_refused(paths, asked):
    described, aimed = paths
    query = "&".join(f"x{n}=1" for n in range(10_000))
    for method, path, _operation in operations(described, "get"):
        if path == "/api/v1/health" or path.startswith("/api/v1/ip/"):
            continue  # they read no query
        asked(method, f"{aimed(path)}?{query}")
    assert asked("get", f"/api/v1/subnets/?{query}").status_code == 400


def test_a_megabyte_in_every_field(paths, asked):
    described, aimed = paths
    tried = 0
    for method, path, operation in operations(described, "post", "put", "patch"):
        fields = fields_of(described, operation) or []
        for start in range(0, len(fields), 8):
            some = fields[start : start + 8]
            tried += len(some)
            assert asked(
                method, aimed(path), json.dumps(dict.fromkeys(some, MEGABYTE))
            ).status_code in (400, 413)
    assert tried > 300 // NTH // 3


def test_strange_values_in_every_field(paths, asked):
    described, aimed = paths
    for strange in STRANGE.values():
        for method, path, operation in operations(described, "post", "put", "patch"):
            for body in strange_bodies(fields_of(described, operation) or [], strange):
                asked(method, aimed(path), body)


def strange_bodies(fields, value):
    """In all fields at once, and instead of an object."""
    whole = dict.fromkeys(fields, value)
    return [json.dumps(body) for body in (whole, value, [value], [whole])]


def test_strange_bodies(paths, asked):
    described, aimed = paths
    objects = '{"a":' * 50_000 + "1" + "}" * 50_000
    bodies = [
        DEEP,
        objects,
        "{" * 99_999,
        "9" * 100_000,
        b"\xff\xfe",
        b"\0" * 99,
        '{"a": 1e999}',
        '{"a": NaN}',
        "null",
        '"x"',
        "",
    ]
    for method, path, operation in operations(described, "post", "put", "patch", "delete"):
        if "requestBody" in operation:
            for body in bodies:
                asked(method, aimed(path), body)


def test_strange_values_in_every_query(paths, asked):
    described, aimed = paths
    turn = count()
    for value in QUERIES:
        for method, path, operation in operations(described, "get"):
            for parameter in operation.get("parameters", ()):
                if not LONG and next(turn) % 3:
                    continue
                if parameter["in"] == "query" and parameter["name"] != "wait":
                    asked(method, f"{aimed(path)}?{parameter['name']}={value}")


def test_strange_addresses(paths, asked):
    described, _aimed = paths
    for value in STRANGE_ADDRESSES:
        for method, path, _operation in operations(described, *METHODS):
            if "{" in path:
                variable = path[path.index("{") : path.index("}") + 1]
                asked(method, path.replace(variable, value), "{}")


def test_strange_headers():
    subnet, api = SubnetFactory(network="10.0.0.0/24").pk, with_token("admin")
    api.raise_request_exception = False
    for header, value in itertools.product(HEADERS, STRANGE_HEADERS):
        for method, path in (
            ("get", "subnets/"),
            ("post", "subnets/"),
            ("patch", f"subnets/{subnet}/"),
        ):
            answer = api.generic(
                method.upper(), f"/api/v1/{path}", "{}", "application/json", headers={header: value}
            )
            assert answer.status_code < 500, (method, header, value[:80])
