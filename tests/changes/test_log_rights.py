"""Who may not see a row sees it in no list, search, line and export of the log; generated over all
tracked models. IPMANAGER_TEST_PROOF=1 (`make proof`) asks for the line of every other model."""

import json
import os

import pytest
from django.contrib.auth.models import Permission

from changes.lines import OWNER_COLUMNS, history_of, tracked_models
from events.models import Webhook
from ipam.models import Server
from tests.events.making import superuser, webhook
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import staff, with_session, with_token
from tests.support.everything import one_of_each

pytestmark = pytest.mark.django_db
URL = "/api/v1/changes/"
PAGE = "/admin/changes/"
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
EACH = 1 if LONG else 7
MODELS = [model._meta.label_lower for model in tracked_models()]
# What a confined token sees of the world of 10.1.0.0/24: what lies in it, and images.
PLACED = {
    "ipam.subnet",
    "ipam.pool",
    "ipam.server",
    "ipam.interface",
    "ipam.ipaddress",
    "discovery.subnetdiscovery",
    "machines.machine",
    "pxe.bootassignment",
    "pxe.bootimage",
}


@pytest.fixture
def world(settings, tmp_path):
    settings.DNSMASQ_DIR, settings.BOOT_ROOT = tmp_path / "dnsmasq", tmp_path / "boot"
    one_of_each(0)
    one_of_each(1)


def tables(api, **filters):
    answer = api.get(URL, {"page_size": 1000, **filters})
    assert answer.status_code == 200, answer.content
    return {line["table"] for line in answer.json()["results"]}


def exported(api, kind):
    return b"".join(api.get(f"{URL}export/", {"as": kind})).decode()


def test_with_one_right_the_log_has_the_lines_of_one_model(world):
    written = {label for label in MODELS if _has_right(label) and _count(label)}
    assert len(written) > 14
    for turn, label in enumerate(sorted(written - set(OWNER_COLUMNS))):
        app, name = label.split(".")
        api = with_session(staff(f"{app}.view_{name}"))
        assert tables(api) == {label}
        assert tables(api, q="10.") <= {label}
        assert tables(api, about="10.0.0.0/8") <= {label}
        others = [other for other in MODELS if other != label]
        json_lines, csv = exported(api, "jsonl"), exported(api, "csv")
        assert f'"{label}' in json_lines and f"\n{label}:" in csv
        assert not [other for other in others if f'"{other}' in json_lines]
        assert not [other for other in others if f"\n{other}:" in csv]
        some = sorted(written - {label})[turn % EACH :: EACH]
        hidden = [f"{other}:{_newest(other)}" for other in some]
        assert {api.get(f"{URL}{key}/").status_code for key in hidden} == {404}
        assert {api.get(f"{PAGE}line/{key}/").status_code for key in hidden} == {404}


def _has_right(label):
    """A row between two others has none: only a superuser sees its lines."""
    app, name = label.split(".")
    return Permission.objects.filter(content_type__app_label=app, codename=f"view_{name}").exists()


def _count(label):
    return history_of(_model(label)).count()


def _newest(label):
    return history_of(_model(label)).order_by("-history_id")[0].history_id


def _model(label):
    return next(model for model in tracked_models() if model._meta.label_lower == label)


def test_without_a_right_there_is_no_log(world, client):
    api = with_session(staff())
    assert {api.get(url).status_code for url in (URL, f"{URL}export/", PAGE)} == {403}
    assert client.get(PAGE).status_code == 302


def test_the_webhooks_of_others_are_in_nobody_elses_log():
    webhook("https://1.1.1.1/hidden-part")
    own = webhook("https://1.1.1.1/own-part", staff("events.view_webhook"), name="own")
    api = with_session(own.owner)
    [line] = api.get(URL, {"page_size": 1000}).json()["results"]
    assert line["object"] == own.pk
    hidden = Webhook.history.earliest().history_id
    assert api.get(f"{URL}events.webhook:{hidden}/").status_code == 404
    for text in (exported(api, "csv"), api.get(PAGE).content.decode()):
        assert "hidden-part" not in text
    assert "hidden-part" in exported(with_session(superuser("another")), "csv")


def test_a_webhook_that_gets_another_owner_tells_nothing_of_the_time_before():
    hook = webhook("https://1.1.1.1/hidden-part")
    hook.owner = staff("events.view_webhook")
    hook.url = "https://1.1.1.1/own-part"
    hook.save()
    api = with_session(hook.owner)
    assert api.get(URL).json()["results"] == []


def test_a_reference_to_a_row_that_may_not_be_seen_has_no_name(world):
    server = ServerFactory(hostname="secret-name", ip_address="10.0.0.77")
    assert server.pk
    api = with_session(staff("ipam.view_ipaddress"))
    found = api.get(URL, {"about": "10.0.0.77"}).json()["results"]
    named = [one for line in found for one in line["difference"] if one["label"] == "Server"]
    assert [one["after"] for one in named] == [f"#{server.pk}"]


def test_a_confined_token_sees_what_lies_in_its_networks_before_and_after(world):
    api = with_token("admin", subnets=["10.1.0.0/16"])
    assert tables(api) == PLACED
    everything = exported(api, "jsonl")
    assert "10.0.0." not in everything
    assert "02:00:00:00:00:0" not in everything
    assert "10.1.0.20" in everything


def test_a_row_that_moved_in_or_out_is_hidden_while_it_was_elsewhere(world):
    api = with_token("admin", subnets=["10.1.0.0/16"])
    SubnetFactory(network="10.7.0.0/24")
    moved = ServerFactory(hostname="mover", ip_address="10.1.0.70")
    moved.ip_address = "10.7.0.70"
    moved.save()
    moved.ip_address = "10.1.0.70"
    moved.save()
    found = api.get(URL, {"table": "ipam.server", "object": moved.pk}).json()["results"]
    assert [line["kind"] for line in found] == ["created"]
    assert "10.7.0" not in json.dumps(api.get(URL, {"page_size": 1000}).json())


@pytest.mark.parametrize("asked", ["there", "10.0.0.", "10.7.0.9", "02:00:00:00:07:09"])
def test_no_search_tells_a_confined_token_of_what_lies_elsewhere(world, asked):
    api = with_token("admin", subnets=["10.1.0.0/16"])
    server = ServerFactory(hostname="there", ip_address="10.7.0.9", mac_address="02:00:00:00:07:09")
    Server.objects.filter(pk=server.pk).update(description="there")
    for name in ("q", "about", "who"):
        page = api.get(URL, {name: asked}).json()
        assert (page["results"], page["next"], page["searched_to"]) == ([], None, None)
