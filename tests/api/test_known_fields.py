"""A JSON field that a request cannot have is refused, and the nearest known one is named."""

import pytest
from rest_framework import serializers

from api.known_fields import KnownFields, nearest
from api.resources import Resource
from ipam.models import IPAddress, Server
from ipmanager.api_urls import router
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.registry.factories import ServiceFactory
from tests.support.api import answer, description, with_token
from tests.support.everything import one_of_each

pytestmark = pytest.mark.django_db
API = "/api/v1"
# The bodies of the original registry: its callers may send further fields.
READABLE = [
    name
    for name, view, _basename in router.registry
    if issubclass(view, Resource) and name != "boot-answers"  # its text is write-only
]
TOLERANT = {"register", "deregister", "heartbeat"}


@pytest.fixture
def api():
    return with_token("admin")


def errors(response):
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"
    return response.json()["errors"]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "near"), [("ip", "ip_address"), ("mac", "mac_address"), ("host_name", "hostname")]
)
def test_an_unknown_field_is_named_with_the_nearest_known_one(api, name, near):
    refused = errors(api.post(f"{API}/servers/", {"hostname": "web", name: "x"}))
    assert list(refused) == [name]
    assert f"Did you mean {near}?" in refused[name][0]
    assert not Server.objects.exists()


def test_it_is_named_before_the_required_one_that_it_was_meant_for(api):
    problem = api.post(f"{API}/servers/", {"hostnmae": "web"}).json()
    assert list(problem["errors"]) == ["hostnmae", "hostname"]
    assert problem["detail"].startswith("hostnmae: ")


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_is_not_half_made(api, method):
    server = ServerFactory(hostname="web")
    sent = {"hostname": "other", "requested_ip": "10.0.0.7"}
    refused = errors(getattr(api, method)(f"{API}/servers/{server.pk}/", sent))
    server.refresh_from_db()
    assert (list(refused), server.hostname) == (["requested_ip"], "web")


@pytest.mark.parametrize("fastpath", ["1", "0"])
@pytest.mark.parametrize("name", ["requested_ip", "until", "Hostname"])
def test_next_free_allocates_nothing(api, monkeypatch, fastpath, name):
    monkeypatch.setenv("IPMANAGER_FASTPATH", fastpath)
    subnet = SubnetFactory(network="10.0.0.0/24")
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.12")
    sent = {"vm_id": "vm-1", name: "10.0.0.11"}
    assert list(errors(api.post(f"{API}/subnets/{subnet.pk}/next-free/", sent))) == [name]
    assert not IPAddress.objects.filter(status="allocated").exists()


def test_every_row_of_many_names_its_own(api):
    rows = [{"hostname": "a"}, {"hostname": "b", "ip": "10.0.0.1"}, {"hostname": "c", "vrff": 1}]
    assert list(errors(api.post(f"{API}/servers/bulk/", rows))) == ["1.ip", "2.vrff"]
    first, second = ServerFactory(), ServerFactory()
    rows = [{"id": first.pk, "enabled": False}, {"id": second.pk, "enable": False}]
    assert list(errors(api.patch(f"{API}/servers/bulk/", rows))) == ["1.enable"]
    rows = [{"ip_address": "10.0.0.1", "note": "x"}]
    assert list(errors(api.post(f"{API}/ip-addresses/bulk/", rows))) == ["0.note"]
    assert Server.objects.filter(enabled=True).count() == 2


def test_objects_inside_objects_are_no_exception(api):
    subnet = SubnetFactory(network="10.0.0.0/24")
    sent = {"subnet": subnet.pk, "options": [{"number": 26, "value": "1400", "typ": "text"}]}
    assert list(errors(api.post(f"{API}/dhcp/scopes/", sent))) == ["options.0.typ"]
    sent = {"environment": "test", "mode": "test", "simulations": {"*": {"latency": 5}}}
    refused = errors(api.put(f"{API}/ipmanager/config", sent))
    assert list(refused) == ["simulations.*.latency"]
    assert "latency_ms" in refused["simulations.*.latency"][0]


def test_an_action_without_fields_takes_none(api):
    rows = one_of_each()
    address = f"{API}/ip-addresses/{rows['ip-addresses']}/"
    for path in (
        f"{address}release/",
        f"{API}/dhcp/generations/{rows['dhcp/generations']}/rollback/",
        f"{API}/dhcp/hand-edits/{rows['dhcp/hand-edits']}/discard/",
    ):
        assert list(errors(api.post(path, {"note": "x"}))) == ["note"], path
    assert list(errors(api.delete(address, {"force": True}))) == ["force"]


# --- read-only fields -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", READABLE)
def test_every_row_can_be_put_back_as_it_was_read(api, settings, tmp_path, name):
    settings.DNSMASQ_DIR, settings.BOOT_ROOT = tmp_path / "dnsmasq", tmp_path / "boot"
    path = f"{API}/{name}/{one_of_each()[name]}/"
    row = api.get(path).json()
    assert api.put(path, row).status_code == 200


def test_a_value_that_would_be_lost_is_refused(api):
    server = ServerFactory(ip_address="10.0.0.5")
    assert list(errors(api.post(f"{API}/servers/", {"hostname": "b", "interfaces": [{}]}))) == [
        "interfaces"
    ]
    sent = {"ip_address": "10.0.0.9", "status": "reserved", "server": server.pk, "freed_at": None}
    assert list(errors(api.post(f"{API}/ip-addresses/", sent))) == ["server"]


# --- systems B and D ------------------------------------------------------------------------------


def test_the_original_registry_names_what_it_ignores(api):
    sent = {"service_id": "billing", "service_name": "Billing", "prefered_port": 8123}
    status, body = answer(api.post(f"{API}/ipmanager/register", sent))
    assert (status, list(body["ignored"])) == (201, ["prefered_port"])
    assert "preferred_port" in body["ignored"]["prefered_port"][0]
    for path in ("heartbeat", "deregister"):
        status, body = answer(
            api.post(f"{API}/ipmanager/{path}", {"service_id": "billing", "x": 1})
        )
        assert (status, list(body["ignored"])) == (200, ["x"])


def test_its_further_routes_refuse(api):
    ServiceFactory(service_id="billing")
    sent = {"service_id": "billing", "restart_scrip": "x"}
    assert list(errors(api.post(f"{API}/ipmanager/restart", sent))) == ["restart_scrip"]
    assert list(errors(api.post(f"{API}/ipmanager/cleanup", {"timeout": 3}))) == ["timeout"]


# --- all of them ----------------------------------------------------------------------------------


def test_no_request_body_is_read_without_knowing_its_fields():
    strict = set(subclasses(KnownFields))
    loose = {
        found.__name__.removesuffix("Serializer")
        for found in subclasses(serializers.Serializer)
        if found not in strict and found.__module__.split(".")[0] in ROOMS
    }
    bodies = set()
    for path, operations in description()["paths"].items():
        for operation in operations.values():
            if path.rsplit("/", 1)[-1] not in TOLERANT:
                bodies |= components(operation.get("requestBody", {}))
    assert bodies and not {name.removeprefix("Patched") for name in bodies} & loose


ROOMS = {
    "api",
    "ipam",
    "dhcp",
    "pxe",
    "registry",
    "ippool",
    "machines",
    "importers",
    "ops",
    "ipmanager",
}


def subclasses(kind):
    for found in kind.__subclasses__():
        yield found
        yield from subclasses(found)


def components(body):
    """The names of the components that a body refers to."""
    if isinstance(body, list):
        return set().union(*map(components, body))
    if not isinstance(body, dict):
        return set()
    found = set().union(*map(components, body.values()))
    if "$ref" in body:
        name = body["$ref"].rsplit("/", 1)[-1]
        found |= {name.removesuffix("Request")} | components(
            description()["components"]["schemas"][name]
        )
    return found


@pytest.mark.parametrize(
    ("name", "near"), [("gw", "gateway"), ("VLAN", "vlan_id"), ("zzzz", None), ("", None)]
)
def test_nearest(name, near):
    assert nearest(name, ["network", "gateway", "vlan_id", "site"]) == near
