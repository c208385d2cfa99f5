"""manage.py why: the decision about a card, step by step, down to what it uses now."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core.errors import NotFound
from dhcp.files.sync import sync
from dhcp.state.why import why
from ipam.allocate import find, reserve
from ipam.models import Interface, Pool, Server, Sighting, Subnet
from tests.dhcp.records import scoped, sync_and_confirm

pytestmark = pytest.mark.django_db

A, B, C = (f"02:00:00:00:00:0{sign}" for sign in "abc")
POOL = "10.77.0.100"


@pytest.fixture
def web(target):
    scoped("10.77.0.0/24", name="Office")
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    sync_and_confirm()
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
    assert found["Has dnsmasq read it?"] == (
        "No: the files are written. No dnsmasq is connected.",
        False,
    )
    assert why(A).good and why(A).kind == "told"
    assert why(A).verdict.startswith("web 10.77.0.9: told. dnsmasq has confirmed its line")


def test_a_stranger_gets_what_the_open_pools_have_left(web):
    assert (why(B).kind, why(B).good) == ("unserved", False)
    assert answers(B)["Whose card is it?"][1] is False
    assert answers(B)["Which DHCP pools are open to it?"] == ("None.", False)
    pool = Pool.objects.create(subnet=web_subnet(), first=POOL, last=POOL, kind="dhcp")
    assert answers(B)["Which DHCP pools are open to it?"] == (f"{pool} (1 free)", True)
    assert why(B).kind == "unknown"
    leased(POOL, C)
    assert why(B).verdict == (
        "The ledger does not know it. It gets no address: every DHCP pool is full."
    )


def web_subnet():
    return Subnet.objects.get(network="10.77.0.0/24")


def leased(ip, mac, **more):
    until = timezone.now() + timedelta(hours=1)
    return Sighting.objects.create(
        ip_address=ip, mac_address=mac, source="lease", leased_until=until, **more
    )


def test_a_machine_that_a_hand_edit_serves_is_no_stranger(web, target):
    target.hosts.write_text(target.hosts.read_text() + f"{B},10.77.0.20,by-hand\n")
    sync_and_confirm()
    found = why(B)
    assert (found.kind, found.good) == ("told", True)
    assert f"A hand edit serves it: {B},10.77.0.20,by-hand." in found.verdict
    assert found.remedy == "Adopt or discard the hand edit."


def test_two_cards_of_one_machine_may_hold_its_address(web):
    Interface.objects.create(server=web, name="wifi", mac_address=C, ip_address="10.77.0.9")
    sync_and_confirm()
    leased("10.77.0.9", C)
    for mac in (A, C):
        assert (why(mac).kind, why(mac).good) == ("live", True)
        assert "Who else uses its address?" not in answers(mac)


def test_a_name_is_explained_with_all_cards_of_its_machine_and_an_unknown_one_is_not_found(web):
    Interface.objects.create(server=web, name="bmc", mac_address=C)
    verdict = why("WEB").verdict
    assert "web 10.77.0.9: told." in verdict and "web bmc : not served." in verdict
    leased(POOL, B, hostname="phone")
    assert why("phone").mac == B
    with pytest.raises(NotFound, match="nobody"):
        why("nobody")
    with pytest.raises(ValueError, match="neither an IP address"):
        why("no name")


@pytest.mark.parametrize(
    "ip, kind, sentence",
    [
        ("10.77.0.9", "told", "web 10.77.0.9: told. "),
        ("10.77.0.30", "free", "10.77.0.30 is free, in the static pool 10.77.0.30-10.77.0.31 of "),
        ("10.77.0.31", "taken", "10.77.0.31: Reserved, a reservation"),
        ("10.77.0.100", "leased", f"10.77.0.100 is leased to {B} (phone) until "),
        ("10.77.0.101", "free", "10.77.0.101 is free, in the DHCP pool 10.77.0.100-10.77.0.101 "),
        ("10.77.0.200", "answers", f"10.77.0.200 is used by {C} (ARP, "),
        ("10.77.0.77", "free", "10.77.0.77 is free, in 10.77.0.0/24 Office, in none of its pools."),
        ("10.77.0.255", "special", "10.77.0.255 is the broadcast address of 10.77.0.0/24 Office."),
        ("10.99.0.1", "no_subnet", "10.99.0.1 is in no subnet."),
        ("2001:db8::1", "no_subnet", "2001:db8::1 is in no subnet."),
    ],
)
def test_every_address_has_an_answer(web, ip, kind, sentence):
    for first, last, of in ((30, 31, "static"), (100, 101, "dhcp")):
        Pool.objects.create(
            subnet=web_subnet(), first=f"10.77.0.{first}", last=f"10.77.0.{last}", kind=of
        )
    reserve(find("10.77.0.31"), "")
    leased(POOL, B, hostname="phone")
    Sighting.objects.create(ip_address="10.77.0.200", mac_address=C, source="arp")
    found = why(ip)
    assert (found.kind, found.ip) == (kind, ip) and found.verdict.startswith(sentence), found
    assert found.steps[0].question == "Where is it?"


def test_a_disabled_server_s_card_gets_nothing_and_that_is_why(web):
    web.enabled = False
    web.save()
    assert answers(A)["May DHCP serve web?"] == ("No: it is disabled.", False)
    assert answers(A)["Which line does the ledger make for dnsmasq?"] == ("None.", False)


def test_who_is_in_the_way_is_named(web):
    leased("10.77.0.9", B, hostname="phone")
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


def test_the_command_begins_with_the_verdict_and_its_remedy(web):
    lines = run(A).splitlines()
    assert lines[0].startswith("= web 10.77.0.9: told.") and lines[1] == "+ Whose card is it? web"
    web.enabled = False
    web.save()
    sync_and_confirm()
    assert run(A).splitlines()[1] == "> Enable it; or have DHCP ignore it."
    assert json.loads(run(A, "--json"))["good"] is False


def test_what_nobody_has_is_refused(web):
    with pytest.raises(CommandError, match="No machine of the ledger"):
        run("nobody")
    with pytest.raises(CommandError, match="neither an IP address"):
        run("<b>")
