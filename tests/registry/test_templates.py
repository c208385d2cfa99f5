"""registry.templates: settings for the usual kinds of deployment, each accepted as it is."""

import json

import pytest
from django.core.management import call_command

from registry.environments.templates import TEMPLATES
from registry.export import FORMATS
from registry.services.register import Registration, register
from tests.support.api import answer, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1/ipmanager"


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_makes_an_environment_that_gives_ports(registry, name):
    call_command("configure_registry", name, environment="new")
    status, config = registry.get("config", environment="new")
    said = json.loads(json.dumps(TEMPLATES[name].config))
    assert (status, {field: config[field] for field in said}) == (200, said)
    port = register(Registration("billing", type="api", environment="new")).service.port
    first, last = config["service_type_ranges"].get("api", config["default_port_range"])
    assert first <= port <= last


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_from_the_list_can_be_sent_to_config(registry, name):
    templates = {one["name"]: one for one in registry.get("templates")[1]}
    body = {"environment": "new", **templates[name]["config"]}
    assert answer(with_token("admin").put(f"{API}/config", body))[0] == 201
    assert set(templates[name]["exports"]) <= set(FORMATS)


def test_an_environment_keeps_what_the_template_does_not_say(registry):
    with_token("admin").put(f"{API}/config", {"environment": "new", "reserved_ports": [8042]})
    call_command("configure_registry", "servers", environment="new")
    assert registry.get("config", environment="new")[1]["reserved_ports"] == [8042]


def test_a_dry_run_prints_the_template_and_writes_nothing(registry, capsys):
    call_command("configure_registry", "tests", environment="new", dry_run=True)
    assert json.loads(capsys.readouterr().out)["mode"] == "test"
    assert registry.get("config", environment="new")[0] == 404
