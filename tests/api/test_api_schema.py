"""The description of the API holds against the OpenAPI standard itself, and leaves nothing out."""

import pytest
from django.core.management import call_command
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.test_api_matrix import API, ROUTES
from tests.support.api import description

pytestmark = pytest.mark.django_db


def test_the_description_is_made_without_a_warning(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    assert (tmp_path / "schema.yml").stat().st_size > 10_000


def test_the_description_is_valid_openapi_3_1_in_every_strict_point():
    assert [str(error) for error in OpenAPIV31SpecValidator(description()).iter_errors()] == []


def test_the_description_names_every_route_of_the_url_map():
    named = {
        "pk": "id",
        "str:service_id": "service_id",
        "str:format": "format",
        "slug:key": "key",
        "str:key": "key",
        "str:change": "change",
    }
    described = {
        (method.upper(), path) for path, found in description()["paths"].items() for method in found
    }
    for method, route in ROUTES:
        path = f"/{API}{route}"
        for ours, theirs in named.items():
            path = path.replace(f"<{ours}>", f"{{{theirs}}}").replace(
                f"{{{ours}}}", f"{{{theirs}}}"
            )
        assert (method, path) in described


@pytest.mark.parametrize(
    "path",
    [
        "health",
        "ip/allocate",
        "ip/allocations",
        "ip/stats",
        "ip/{vm_id}",
        "ip/release/{vm_id}",
        "ip/release-by-ip/{ip}",
    ],
)
def test_the_pool_for_virtual_machines_is_described(path):
    assert f"/{API}{path}" in description()["paths"]


def test_every_operation_says_what_may_go_wrong_and_has_examples_of_its_fields():
    for path, found in description()["paths"].items():
        for operation in found.values():
            assert {"401", "403", "429"} <= operation["responses"].keys(), path
    shapes = description()["components"]["schemas"]
    assert shapes["Problem"]["examples"]
    assert shapes["ServerRequest"]["properties"]["ip_address"]["examples"]


@pytest.mark.parametrize("resource", ["servers", "subnets", "ip-addresses", "boot-images"])
def test_bulk_requests_are_described_as_lists(resource):
    found = description()["paths"][f"/{API}{resource}/bulk/"]
    rows = {
        method: operation["requestBody"]["content"]["application/json"]["schema"]
        for method, operation in found.items()
    }
    assert {method: body["type"] for method, body in rows.items()} == {
        "post": "array",
        "patch": "array",
        "delete": "array",
    }
    assert "$ref" in rows["post"]["items"]
    assert rows["patch"]["items"]["allOf"][1]["required"] == ["id"]
    assert rows["delete"]["items"] == {"type": "integer"}
