"""manage.py why: the decision about a card, step by step, down to what it uses now."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from dhcp.files.sync import sync
from dhcp.state.why import why
from ipam.models import Interface, Server, Sighting, Subnet

pytestmark = pytest.mark.django_db

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture
def web(target):
    Subnet.objects.create(network="10.77.0.0/24", name="Office")
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    sync()
    return web


def run(*arguments):
    out = StringIO()
    call_command("why", *arguments, stdout=out)
    return out.getvalue()


def answers(mac):
    return {step.question: (step.answer, step.good) for step in why(mac).steps}


def test_a_served_card_is_explained_from_the_ledger_to_the_file(web, target):
    found = answers("02-00-00-00-00-0A")
    assert found["Whose card is it?"] == ("web", True)
    assert found["Which address does the ledger give to web?"] == (
        "10.77.0.9 in 10.77.0.0/24 Office.",
        True,
    )
    assert found["Which line does the ledger make for dnsmasq?"] == (f"{A},10.77.0.9,web", True)
    assert found[f"Which line is in {target.hosts}?"] == (f"{A},10.77.0.9,web", True)
    assert found["Has dnsmasq read it?"][1] is True
    assert (
        why(A).good
        and why(A).verdict
        == "web 10.77.0.9: live. dnsmasq has it. The machine has not requested its address yet."
    )


def test_a_stranger_is_one(web):
    assert answers(B) == {
        "Whose card is it?": ("No card of the ledger has this MAC address.", False)
    }
    assert why(B).verdict.startswith("The ledger does not know it.") and not why(B).good


def test_a_disabled_server_s_card_gets_nothing_and_that_is_why(web):
    web.enabled = False
    web.save()
    assert answers(A)["May DHCP serve web?"] == ("No: it is disabled.", False)
    assert answers(A)["Which line does the ledger make for dnsmasq?"] == ("None.", False)


def test_who_is_in_the_way_is_named(web):
    until = timezone.now() + timedelta(hours=1)
    Sighting.objects.create(
        ip_address="10.77.0.9", mac_address=B, source="lease", leased_until=until, hostname="phone"
    )
    assert answers(A)["Who else uses its address?"][0].startswith(f"{B} (phone), until ")
    assert not why(A).good


def test_a_record_that_is_left_out_says_why(web):
    Interface.objects.create(server=web, name="eth1", mac_address=A, ip_address="10.77.0.10")
    assert (
        f"{A} already has 10.77.0.9"
        in answers(A)["Which line does the ledger make for dnsmasq?"][0]
    )


def test_a_change_that_waits_is_told(web, settings):
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    web.ip_address = "10.77.0.10"
    web.save()
    assert not sync().good
    assert "cannot read /nowhere" in answers(A)["Has dnsmasq read it?"][0]


def test_the_command_prints_steps_and_the_verdict(web):
    lines = run(A).splitlines()
    assert lines[0] == "+ Whose card is it? web" and lines[-1].startswith("= web 10.77.0.9: live.")
    assert json.loads(run(A, "--json"))["good"] is True


def test_what_is_no_mac_is_refused(web):
    with pytest.raises(CommandError, match="not a MAC address"):
        run("web")
