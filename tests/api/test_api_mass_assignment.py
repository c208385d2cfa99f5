"""Whatever is sent to a row, only what the description calls writable changes."""

import os

import pytest
from django.db import models

from api.resources import Resource
from ipmanager.api_urls import router
from tests.proof import LONG_FORM
from tests.support.api import description, with_token
from tests.support.everything import one_of_each
from tests.support.undone import undone

LONG = bool(os.environ.get(LONG_FORM))
EVERY = 1 if LONG else 3
pytestmark = pytest.mark.django_db
RESOURCES = {name: view for name, view, _basename in router.registry if issubclass(view, Resource)}
FOLLOWS = {"updated_at"}  # changes with everything
# What a rule makes of a change: the column and those that follow it.
BECAUSE = {
    ("subnets", "network"): {"gateway"},
    ("boot-images", "kind"): {"kernel", "chain_url"},
}
VALUES = {
    models.BooleanField: lambda row, field: not getattr(row, field.name),
    models.DateTimeField: lambda row, field: "2001-01-01T00:00:00Z",
    models.DateField: lambda row, field: "2001-01-01",
    models.UUIDField: lambda row, field: "00000000-0000-0000-0000-00000000000f",
    models.JSONField: lambda row, field: ["x"],
    models.IntegerField: lambda row, field: 7,
    models.TextField: lambda row, field: "sent",
    models.CharField: lambda row, field: next(
        (c for c, _ in field.choices or () if c), "sent.example"
    ),
}
ADDRESSES = {
    "ip_address": "10.0.0.99",
    "network": "10.0.0.0/25",
    "gateway": "10.0.0.2",
    "first": "10.0.0.29",
    "last": "10.0.0.41",
    "mac_address": "02:00:00:00:00:77",
    "router": "10.0.0.3",
    "dns_servers": ["10.0.0.4"],
    "ntp_servers": ["10.0.0.4"],
    "boot_server": "10.0.0.5",
    "wire_address": "10.0.0.6",
}


def writable(name):
    """What the description says may be sent."""
    described = description()
    body = described["paths"][f"/api/v1/{name}/{{id}}/"]["patch"]["requestBody"]["content"][
        "application/json"
    ]
    component = body["schema"]["$ref"].rsplit("/", 1)[1]
    return set(described["components"]["schemas"][component]["properties"])


def other_value(row, field, others):
    if field.name in ADDRESSES:
        return ADDRESSES[field.name]
    if field.is_relation:
        return others.get(field.related_model)
    found = next((make for kind, make in VALUES.items() if isinstance(field, kind)), None)
    return found(row, field) if found else "sent"


def columns(model, pk):
    return model._base_manager.filter(pk=pk).values().first()


def test_every_model_field_can_be_sent_and_only_documented_ones_change(settings, tmp_path):
    settings.DNSMASQ_DIR, settings.BOOT_ROOT = tmp_path / "dnsmasq", tmp_path / "boot"
    mine, theirs, api = one_of_each(0), one_of_each(1), with_token("admin")
    others = {view.queryset.model: theirs[name] for name, view in RESOURCES.items()}
    changed = set()
    for name, view in RESOURCES.items():
        model, allowed = view.queryset.model, writable(name)
        row, before = model._base_manager.get(pk=mine[name]), columns(model, mine[name])
        fields = list(model._meta.concrete_fields)
        sent = {field.name: other_value(row, field, others) for field in fields}
        sent |= {
            field.attname: value for field, value in zip(fields, list(sent.values()), strict=True)
        }
        sent |= {"pk": theirs[name], "id": theirs[name], "history": [], "_state": {}}
        for body in tries(sent, allowed):

            def patch(body=body, name=name, model=model):
                status = api.patch(f"/api/v1/{name}/{mine[name]}/", body).status_code
                return status, columns(model, mine[name])

            status, after = undone(patch)
            assert status < 500 and after is not None, (name, body)
            assert status == 400 or body.keys() & allowed, (name, body)
            differing = {
                column.removesuffix("_id") for column in before if before[column] != after[column]
            } - FOLLOWS
            meant = {key.removesuffix("_id") for key in body.keys() & allowed}
            meant |= {column for key in body for column in BECAUSE.get((name, key), ())}
            assert differing <= meant, (
                f"{name}: {differing - meant} changed, and is not documented as writable: {body}"
            )
            changed |= {(name, column) for column in differing}
    assert len(changed) > 60 // EVERY


def tries(sent, allowed):
    """All at once that is not writable; then one by one, in the short form some of them."""
    quiet = {key: value for key, value in sent.items() if key not in allowed}
    single = sorted(
        sent.items() if LONG else ((key, sent[key]) for key in sent.keys() & allowed), key=str
    )
    return [quiet, *({key: value} for key, value in single[::EVERY])]


def test_what_is_made_has_no_field_that_only_the_house_sets():
    one_of_each(0)
    api = with_token("admin")
    sent = {
        "hostname": "web",
        "created_at": "2001-01-01T00:00:00Z",
        "updated_at": "2001-01-01T00:00:00Z",
    }
    made = api.post("/api/v1/servers/", sent).json()
    assert (made["created_at"][:4] != "2001", made["updated_at"][:4] != "2001") == (True, True)
    refused = api.post("/api/v1/servers/", sent | {"id": 77})
    assert (refused.status_code, set(refused.json()["errors"])) == (400, {"id"})
