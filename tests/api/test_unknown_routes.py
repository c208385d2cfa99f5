"""A path below /api/ without a route: a problem document for every method and caller."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.api import with_session, with_token

pytestmark = pytest.mark.django_db
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def callers():
    staff = User.objects.create_superuser("anna")
    yield with_token("read")
    yield with_session(staff, check_csrf=True)
    yield Client(enforce_csrf_checks=True)
    yield Client(headers={"authorization": "Bearer nonsense"}, enforce_csrf_checks=True)


@pytest.mark.parametrize("path", ["v1/server/", "v1/", "v2/servers/", "x", "v1/servers/7/reboot/"])
def test_it_is_404_for_every_method(path):
    for caller in callers():
        for method in METHODS:
            said = caller.generic(method, f"/api/{path}", "{}", "application/json")
            assert said.status_code == 404, (method, path)
            assert said["Content-Type"] == "application/problem+json"
            assert said.json()["detail"] == f"There is no route /api/{path}."


def test_a_missing_slash_is_named():
    said = with_token("admin").post("/api/v1/servers", {"hostname": "web"})
    assert (said.status_code, said.json()["hint"]) == (404, "Add the slash at its end.")
