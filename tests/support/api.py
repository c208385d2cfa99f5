"""Callers of the API."""

import functools
import json

from django.contrib.auth.models import Permission, User
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from api.models import Token
from tests.support import shared


class Caller(APIClient):
    """Speaks JSON, as every caller of ours."""

    default_format = "json"


def with_token(*scopes, user=None, **fields):
    """A caller whose token has these scopes; its user may do everything unless one is given."""
    user = user or User.objects.create_superuser(f"user-{User.objects.count()}")
    value = Token.objects.create(user, name="test", scopes=list(scopes), **fields)[1]
    return Caller(headers={"authorization": f"Bearer {value}"})


def staff(*permissions):
    """A user who may log in and has these rights, as in `ipam.view_subnet`."""
    user = User.objects.create_user(f"user-{User.objects.count()}", is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user


def with_session(user, *, check_csrf=False):
    client = Caller(enforce_csrf_checks=check_csrf)
    client.force_login(user)
    return client


def answer(response):
    return response.status_code, response.json() if response.content else None


@functools.cache
def description():
    """What /api/schema/ says; made once for all processes, for it takes seconds."""
    shared.once("description", _write_description)
    return json.loads(_description().read_text())


def _write_description():
    _description().write_text(json.dumps(SchemaGenerator().get_schema(public=True)))


def _description():
    return shared.directory() / "description.json"
