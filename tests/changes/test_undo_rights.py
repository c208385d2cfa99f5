"""Who may not see a row is told nothing of it by an undo; generated over all tracked models."""

from itertools import groupby

import pytest
from django.contrib.auth.models import Permission

from changes.lines import history_of, tracked_models
from changes.undo.kinds import is_undone
from changes.undo.rights import STANDS_FOR
from tests.support.api import staff, with_session, with_token
from tests.support.everything import one_of_each

pytestmark = pytest.mark.django_db
ELSEWHERE = ("10.0.0.", "02:00:00:00:00:0")


@pytest.fixture
def world(settings, tmp_path):
    """One of everything in 10.0.0.0/24 and in 10.1.0.0/24; of each model the names of its lines."""
    settings.DNSMASQ_DIR, settings.BOOT_ROOT = tmp_path / "dnsmasq", tmp_path / "boot"
    one_of_each(0)
    one_of_each(1)
    found = {}
    for model in filter(is_undone, tracked_models()):
        label = model._meta.label_lower
        if keys := history_of(model).values_list("history_id", flat=True):
            found[label] = [f"{label}:{key}" for key in keys[:2]]
    return found


def asked(client, line):
    return client.post(f"/api/v1/changes/{line}/undo/?dry_run=1", {}, format="json")


def rights(labels, *verbs):
    """The permissions for these models, as far as there are any."""
    known = set(Permission.objects.values_list("codename", flat=True))
    found = set()
    for label in labels:
        app, name = STANDS_FOR.get(label, label).split(".")
        found |= {f"{app}.{verb}_{name}" for verb in verbs if f"{verb}_{name}" in known}
    return found


def test_a_line_of_a_model_without_the_right_is_as_none(world):
    assert len(world) > 14
    everything = rights(world, "view", "change", "delete")
    for app, labels in groupby(world, lambda label: label.partition(".")[0]):
        client = with_session(staff(*everything - rights(of_app := list(labels), "view")))
        unknown = asked(client, f"{of_app[0]}:999999").json()
        assert unknown["status"] == 404
        for label in of_app:
            found = asked(client, world[label][0]).json()
            assert (found["status"], found["detail"]) == (404, unknown["detail"]), (app, label)
            page = client.get(f"/admin/changes/{world[label][0]}/undo/")
            assert page.status_code in (403, 404), label


def test_who_may_only_look_may_undo_nothing(world):
    client = with_session(staff(*rights(world, "view")))
    for label, (line, *_older) in world.items():
        done = client.post(f"/api/v1/changes/{line}/undo/", {}, format="json")
        assert done.status_code in (403, 404), label


def test_a_confined_token_is_told_nothing_of_rows_elsewhere(world):
    confined = with_token("admin", subnets=["10.1.0.0/16"])
    for label, lines in world.items():
        for line in lines:
            text = asked(confined, line).content.decode()
            assert not [part for part in ELSEWHERE if part in text], (label, text)
