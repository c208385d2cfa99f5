"""manage.py sync_dnsmasq: apply, or show; the exit status tells a script."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from dhcp.models import Generation
from ipam.models import Server, Subnet

pytestmark = pytest.mark.django_db


@pytest.fixture
def ledger(target):
    Subnet.objects.create(network="10.77.0.0/24")
    Server.objects.create(hostname="web", mac_address="02:00:00:00:00:0a", ip_address="10.77.0.9")
    Server.objects.create(hostname="12h", mac_address="02:00:00:00:00:0b", ip_address="10.77.0.10")


def run(*arguments):
    """Status, stdout and stderr."""
    out, errors = StringIO(), StringIO()
    try:
        call_command("sync_dnsmasq", *arguments, stdout=out, stderr=errors)
    except SystemExit as end:
        return end.code, out.getvalue(), errors.getvalue()
    return 0, out.getvalue(), errors.getvalue()


def test_it_applies_and_says_so(ledger, target):
    status, out, errors = run()
    assert status == 0
    assert out.startswith("applied: 2 reservations, 3 changes, generation")
    assert "('12h') is served without its name: dnsmasq takes '12h' for a lease time" in errors
    assert "10.77.0.9,web" in target.hosts.read_text()


def test_a_second_time_nothing_changes(ledger):
    run()
    assert run()[:2][0] == 0
    assert run()[1].startswith("unchanged")


def test_diff_shows_and_changes_nothing(ledger, target):
    status, out, _ = run("--diff")
    assert status == 0
    (line,) = [
        line for line in out.splitlines() if line.startswith("+02:00:00:00:00:0a,10.77.0.9,web ")
    ]
    assert line.endswith(": server web added")
    assert not target.directory.exists()
    assert not Generation.objects.exists()


def test_diff_of_a_file_that_is_right_says_so(ledger):
    run()
    assert run("--diff")[1] == "nothing would change\n"


def test_a_failure_is_the_status_and_the_reason(ledger, settings):
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    status, out, _ = run()
    assert (status, out) == (
        1,
        "failed: cannot read /nowhere: No such file or directory (is dnsmasq running?)\n",
    )


def test_json_is_one_object(ledger):
    answer = json.loads(run("--json")[1])
    assert (answer["result"], answer["hosts"], answer["problems"][0]["field"]) == (
        "applied",
        2,
        "name",
    )


def test_force_is_handed_on(ledger, target):
    target.prepare()
    target.hosts.write_text("".join(f"02:00:00:00:01:{n:02x},10.77.0.{n}\n" for n in range(20, 60)))
    assert run()[0] == 1
    assert run("--force")[0] == 0
