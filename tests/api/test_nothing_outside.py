"""What a confined token is answered is the same whether a row outside its networks exists or not.

The walk takes routes, query parameters and fields from the description of the API, so it tries what
is added later, too. Each try sends a value of a row outside, and the same with a value of no row.
Reads must be answered alike. Writes may be refused, without a word about that row."""

import itertools
import json
import os
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from ipam.models import IPAddress, Sighting, Subnet
from pxe.models import BootAssignment, BootEvent, BootIdentity
from tests.ipam.factories import (
    InterfaceFactory,
    IPAddressFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)
from tests.pxe.factories import ImageFactory
from tests.support.api import description, with_token
from tests.support.everything import one_of_each
from tests.support.undone import undone

pytestmark = [pytest.mark.django_db, pytest.mark.whole]
INSIDE = "10.1.0.0/16"
OUTSIDE = re.compile("secret|10[.]66[.]|10[.]0[.]0[.]0/8|10[.]255[.]|02:5e:c4:e7", re.IGNORECASE)
# What rows outside hold, by the kind of value, beside a value of no row.
TEXTS = [
    ("SECRET-web", "ABSENT-web"),
    ("secret-vm", "absent-vm"),
    ("secret-serial", "absent-serial"),
    ("secret-vrf", "absent-vrf"),
]
ADDRESSES = [("10.66.0.20", "10.67.0.20"), ("10.255.255.254", "10.255.255.253")]
TAKEN = [("10.1.0.70", "10.1.0.79"), ("10.1.0.71", "10.1.0.78")]  # inside, held from outside
NETWORKS = [("10.66.0.0/24", "10.67.0.0/24"), ("10.0.0.0/8", "10.0.0.0/9")]
MACS = [("02:5E:C4:E7:42:0A", "02:5E:C4:E8:42:0A"), ("02:5E:C4:E7:00:71", "02:5E:C4:E8:00:71")]
QUERIES = [
    TEXTS[0],
    TEXTS[1],
    ADDRESSES[0],
    *NETWORKS,
    MACS[0],
    ("secret-site", "absent-site"),
    ("3999", "3998"),
]
ABSENT = 999_999
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))  # `make proof` tries all values
EACH = 1 if LONG else len(QUERIES)
ROUTE_IS_CLOSED = "This token is confined to subnets, and this route is not."


@pytest.fixture
def outside(settings, tmp_path):
    settings.DNSMASQ_DIR, settings.BOOT_ROOT = tmp_path / "dnsmasq", tmp_path / "boot"
    rows = one_of_each(66, mac="02:5e:c4:e7")
    around = SubnetFactory(
        network="10.0.0.0/8",
        name="secret-around",
        site="secret-site",
        vlan_id=3999,
        gateway="10.255.255.254",
    )
    dhcp = PoolFactory(subnet=around, first="10.1.9.0", last="10.1.9.99", kind="dhcp")
    web = ServerFactory(
        hostname="secret-web", ip_address="10.66.0.70", mac_address="02:5e:c4:e7:00:70"
    )
    InterfaceFactory(server=web, ip_address="10.1.0.70", mac_address="02:5e:c4:e7:00:71")
    InterfaceFactory(server=web, mac_address="02:5e:c4:ff:00:01")
    IPAddressFactory(
        ip_address="10.66.0.80", status="allocated", vm_id="secret-vm", hostname="secret-host"
    )
    vrf = VRFFactory(name="secret-vrf")
    ServerFactory(vrf=vrf, hostname="secret-in-vrf", ip_address="10.1.0.20")
    BootIdentity.objects.create(server=web, serial="secret-serial")
    Sighting.objects.create(
        ip_address="10.1.0.53",
        mac_address="02:5e:c4:ff:00:01",  # a lease inside shows who has it
        source="lease",
        leased_until=timezone.now() + timedelta(hours=1),
    )
    keys = {name: {key} for name, key in rows.items()}
    keys["subnets"].add(around.pk)
    keys["pools"].add(dhcp.pk)
    keys["servers"].add(web.pk)
    keys["vrfs"].add(vrf.pk)
    return keys


@pytest.fixture
def inside(outside):
    """Own rows; one server has a card outside, and one address has no subnet of its own around."""
    rows = one_of_each(1)
    BootAssignment.objects.filter(pk=rows["boot-assignments"]).update(image=ImageFactory())
    InterfaceFactory(
        server_id=rows["servers"], ip_address="10.66.0.71", mac_address="02:5e:c4:e7:00:72"
    )
    IPAddressFactory(ip_address="10.1.77.7", status="reserved", description="ours")
    BootEvent.objects.create(server_id=rows["servers"], kind="menu", ip_address="10.66.0.71")
    return rows


@pytest.fixture
def api(inside):
    return with_token("admin", subnets=[INSIDE])


def operations():
    """Path, method and description of what the API does."""
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api/v1/"):
                yield path, method.upper(), operation


def name_of(path):
    """As the rows are called: `subnets`, `dhcp/leases`."""
    parts = path.removeprefix("/api/v1/").split("/")
    return "/".join(parts[: 2 if parts[0] == "dhcp" else 1])


def fields_of(operation):
    """The fields of the body, each with its schema."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = resolved(content.get("schema", {}))
    if schema.get("type") == "array":
        schema = resolved(schema["items"])
    return {name: resolved(found) for name, found in schema.get("properties", {}).items()}


def resolved(schema):
    """The schema, or the one that it refers to, also as the first of several."""
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return resolved(schema[key][0])
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    return resolved(description()["components"]["schemas"][name])


def tries_of(name, schema, outside):
    """Pairs of a value of a row outside and one of no row, for a field or a parameter."""
    kinds = {
        "ip": [*ADDRESSES, *TAKEN],
        "cidr": NETWORKS,
        "mac": MACS,
        "ip-range": [("10.1.9.10-10.1.9.20", "10.1.8.10-10.1.8.20")],
    }
    if "integer" in str(schema.get("type")):
        return [(key, ABSENT) for key in keys_of(name, outside)]
    if schema.get("type") == "array":
        item = resolved(schema["items"])
        return [([one], [other]) for one, other in tries_of(name, item, outside)]
    if "string" in str(schema.get("type")) and "enum" not in schema:
        return kinds.get(schema.get("format"), TEXTS)
    return []


def keys_of(name, outside):
    """The keys of rows outside that a field of this name may hold: `server`, `vrf`, `ids`."""
    plural = {"wire": "subnets", "parent": "subnets"}
    found = plural.get(name, f"{name}s")
    if name == "assignment":
        found = "boot-assignments"
    return sorted(outside.get(found, ()))


def text_of(response, *sent):
    """The answer without what was sent, which may be repeated."""
    body = b"".join(response) if response.streaming else response.content
    text = body.decode()
    if "json" in response.headers.get("Content-Type", ""):
        text = json.dumps(json.loads(text or "null"), ensure_ascii=False)
    for value in sent:
        for one in value if isinstance(value, list) else [value]:
            ends = r'(?<=["=])', r'(?=[\\"&])'
            if isinstance(one, str):
                ends = r"\b", r"\b"
            text = re.sub(re.escape(str(one)).join(ends), "(sent)", text, flags=re.IGNORECASE)
    return text


def ask(api, path, method, key, *, query=None, body=None):
    url = path.replace("{id}", str(key))
    if query:
        return undone(lambda: api.get(url, query))
    return undone(lambda: api.generic(method, url, body, "application/json"))


def is_closed(response):
    """Whether the token may not use the route at all."""
    return response.status_code == 403 and ROUTE_IS_CLOSED in response.content.decode()


def parameters_of(operation):
    """The parameters of the query, without those that choose pages and columns."""
    common = {"page", "page_size", "after", "before", "fields"}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter["name"] not in common:
            yield parameter["name"]


def test_reads_tell_nothing_of_rows_outside(api, inside, outside):
    tried = 0
    turn = itertools.count()
    for path, method, operation in operations():
        key = inside.get(name_of(path))
        if method != "GET" or ("{id}" not in path and "{" in path):
            continue
        plain = ask(api, path, method, key)
        if is_closed(plain):
            continue
        assert not OUTSIDE.search(text_of(plain)), path
        for name in parameters_of(operation):
            some = QUERIES[next(turn) % EACH :: EACH]
            for known, absent in [*some, *((one, ABSENT) for one in keys_of(name, outside))]:
                told = ask(api, path, method, key, query={name: known})
                same = ask(api, path, method, key, query={name: absent})
                tried += 1
                assert told.status_code == same.status_code, (path, name, known)
                assert text_of(told, known) == text_of(same, absent), (path, name, known)
    assert tried > 100


def test_keys_outside_are_answered_like_keys_of_no_row(api, inside, outside):
    tried = 0
    for path, method, _operation in operations():
        name = name_of(path)
        if "{id}" not in path or is_closed(ask(api, path, method, inside.get(name), body="{}")):
            continue
        if name == "boot-images":
            continue  # of no place: everybody may see them
        for key in outside.get(name, ()):
            told = ask(api, path, method, key, body="{}")
            same = ask(api, path, method, ABSENT, body="{}")
            tried += 1
            assert told.status_code == same.status_code, (method, path)
            assert text_of(told) == text_of(same), (method, path)
    assert tried > 60


def valid_body(api, path, method, inside):
    """The own row without what only the server writes; for another action what it needs."""
    if path.endswith("next-free-subnet/"):
        return {"length": 26}
    if path.endswith("bulk-status/"):
        return {"ids": [inside["ip-addresses"]], "status": "reserved"}
    own = f"/api/v1/{name_of(path)}/"
    if path not in (own, f"{own}bulk/") or method != "POST":
        return {}
    row = api.get(f"{own}{inside[name_of(path)]}/").json()
    return {name: value for name, value in row.items() if value is not None}


def send(api, path, method, inside, body):
    """The answer to the body. The own row makes room for one that is made like it."""
    key = inside[name_of(path)]

    def work():
        own = f"/api/v1/{name_of(path)}/"
        sent = body
        if method == "POST" and path in (own, f"{own}bulk/"):
            make_room(api, own, key)
        if path.endswith("/bulk/"):
            sent = [body if method == "POST" else {"id": key, **body}]
        return api.generic(
            method, path.replace("{id}", str(key)), json.dumps(sent), "application/json"
        )

    return undone(work)


def make_room(api, own, key):
    if own.endswith("/subnets/"):
        IPAddress.objects.filter(subnet=key).delete()
        Subnet.objects.get(pk=key).delete(force=True)
    else:
        api.delete(f"{own}{key}/")


def test_writes_tell_nothing_of_rows_outside(api, inside, outside):
    tried, refused = 0, 0
    turn = itertools.count()
    for path, method, operation in operations():
        fields = fields_of(operation)
        if method == "GET" or name_of(path) not in inside or not fields:
            continue
        if is_closed(ask(api, path, method, inside[name_of(path)], body="{}")):
            continue
        body = valid_body(api, path, method, inside)
        for name, schema in fields.items():
            if schema.get("readOnly"):
                continue
            pairs = tries_of(name, schema, outside)
            if method == "PUT" or "bulk" in path:
                pairs = pairs[:1]  # they ask the same serializers as POST and PATCH
            if pairs and not LONG:
                pairs = [pairs[next(turn) % len(pairs)]]
            for known, absent in pairs:
                told = send(api, path, method, inside, {**body, name: known})
                tried += 1
                text = text_of(told, known)
                assert told.status_code < 500, (method, path, name, known)
                assert not OUTSIDE.search(text), (method, path, name, known, text)
                if isinstance(known, int):
                    same = send(api, path, method, inside, {**body, name: absent})
                    assert text == text_of(same, absent), (method, path, name, known)
                refused += "Not available to this token." in text
    assert tried > 100
    assert refused > 5
