"""`manage.py reshape`: the plan, its digest, and doing just that."""

import json

import pytest
from django.core.management import CommandError, call_command

from changes.undo.verb import undo
from ipam.models import Subnet
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def office(settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path
    return SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1")


def reshape(capsys, *words):
    call_command("reshape", *words, "--json")
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_shows_the_plan_and_writes_nothing(capsys):
    shown = reshape(capsys, "split", "10.0.0.0/24", "25", "--dry-run")
    assert shown["parts"] == ["10.0.0.0/25", "10.0.0.128/25"]
    assert sorted(row["action"] for row in shown["rows"]) == ["change", "create", "create"]
    assert Subnet.objects.count() == 1


def test_with_its_digest_just_that_is_done_and_undone(capsys):
    digest = reshape(capsys, "split", "10.0.0.0/24", "25", "--dry-run")["digest"]
    ServerFactory(ip_address="10.0.0.7")
    with pytest.raises(CommandError, match="has changed since"):
        call_command("reshape", "split", "10.0.0.0/24", "25", "--digest", digest)
    done = reshape(capsys, "split", "10.0.0.0/24", "25")
    assert Subnet.objects.count() == 3
    undo(done["change"])
    assert Subnet.objects.count() == 1


def test_the_other_verbs(capsys):
    SubnetFactory(network="10.0.2.0/24")
    ServerFactory(ip_address="10.0.0.7")
    moved = reshape(capsys, "renumber", "10.0.0.0/24", "10.0.2.0/24", "--dry-run")
    assert moved["moved"] == {"10.0.0.7": "10.0.2.7"}
    assert reshape(capsys, "resize", "10.0.0.0/24", "10.0.0.0/23")["network"] == "10.0.0.0/23"
    SubnetFactory(network="10.0.0.0/26")
    assert reshape(capsys, "merge", "10.0.0.0/23")["merged"] == ["10.0.0.0/26"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("split", "10.9.0.0/24", "26"), "there is no subnet 10.9.0.0/24"),
        (("split", "10.0.0.0/24"), "the prefix length"),
        (("split", "10.0.0.0/24", "23"), "cannot be split"),
        (("resize", "10.0.0.0/24", "x"), "the second network"),
        (("resize", "10.0.0.0/24", "10.0.0.128/25"), "not a host address"),
        (("renumber", "10.0.0.0/24", "10.9.0.0/24"), "there is no subnet"),
    ],
)
def test_what_is_refused_is_said_in_a_sentence(words, reason):
    with pytest.raises(CommandError, match=reason):
        call_command("reshape", *words)
