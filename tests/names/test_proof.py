"""Whether a name is live is what dnsmasq itself answers."""

import pytest
from django.core.management import call_command

from dhcp.daemon.health_checks import served_names
from dhcp.files.sync import sync
from dhcp.metrics import collect
from dhcp.models import DhcpServer, Generation
from dhcp.state import names
from dhcp.state.why import why
from names import proof, query
from names.models import Record
from names.query import Answer, Question
from tests.ipam.factories import IPAddressFactory, ServerFactory
from tests.support import dns
from tests.support.postgres import free_port

pytestmark = pytest.mark.django_db


def test_a_single_edit_is_asked_for_in_all_directions(ask):
    server = ServerFactory(hostname="web", ip_address="10.1.0.5")
    first = sync()
    assert (first.proof.asked, first.proof.wrong) == (2, ())
    assert first.proof.ms < 5000
    server.hostname = "www"
    server.save()
    assert sync().proof.asked == 3  # the new name, the old one, the address
    kept = Generation.objects.newest().names
    assert (kept["names"], kept["asked"], kept["wrong"]) == (1, 3, [])


def test_of_many_changes_some_are_asked_for(ask):
    for number in range(5, 45):
        ServerFactory(hostname=f"web-{number}", ip_address=f"10.1.0.{number}")
    assert sync().proof.asked == 2 * proof.MOST


def test_a_server_without_the_configuration_is_told(ask, settings, capsys):
    """What an installation sees between the zone's first name and root's installation."""
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    assert sync().good and list(served_names()) == []
    data = (settings.DNSMASQ_DIR / "names").read_bytes()
    wrong = proof.prove(settings.DNSMASQ_DNS, data, data + b"10.1.0.9 db.corp.example\n", 0, 0.05)
    assert [one.as_json() for one in wrong.wrong] == [
        {"asked": "db.corp.example A", "expected": "10.1.0.9", "answer": "NXDOMAIN"},
        {
            "asked": "9.0.1.10.in-addr.arpa PTR",
            "expected": "db.corp.example",
            "answer": "NXDOMAIN",
        },
    ]
    (settings.DNSMASQ_DIR / "names").write_bytes(data + b"10.1.0.9 db.corp.example\n")
    (finding,) = served_names()
    assert "db.corp.example A with NXDOMAIN, not 10.1.0.9" in finding.msg
    assert "names" in finding.hint


def test_why_says_whose_a_name_is_and_what_the_server_answers(ask, zone):
    IPAddressFactory(ip_address="10.1.0.9", status="reserved", hostname="printer")
    Record.objects.create(zone=zone, name="api", type="A", value="192.0.2.1")
    assert sync().good
    found = why("printer.corp.example")
    assert (found.kind, found.good) == ("live", True)
    assert [step.good for step in found.steps] == [True, True, True]
    assert "printer.corp.example A: 10.1.0.9" in found.steps[-1].answer
    assert "9.0.1.10.in-addr.arpa PTR: printer.corp.example" in found.steps[-1].answer
    assert why("api").verdict.startswith("api.corp.example: 192.0.2.1, api.corp.example A")


def test_why_asks_every_server_that_has_the_zone(ask, zone, tmp_path, monkeypatch):
    """A further DHCP server that is silent, and a name server that has an old address."""
    DhcpServer.objects.create(name="north", reload="none", dns=f"127.0.0.1:{free_port()}")
    Record.objects.create(zone=zone, name="@", type="NS", value="ns1.corp.example")
    Record.objects.create(zone=zone, name="ns1", type="A", value="127.0.0.1")
    ServerFactory(hostname="web", ip_address="10.1.0.5", mac_address=None)
    assert sync().good
    (tmp_path / "other").mkdir()
    with dns.name_server(tmp_path / "other", b"10.1.0.9 web.corp.example\n") as other:
        monkeypatch.setattr(names, "DNS_PORT", other.args[0])
        found = why("web.corp.example")
    answers = {step.question: step for step in found.steps[-3:]}
    assert [step.good for step in answers.values()] == [True, False, False]
    old = answers["What does ns1.corp.example (127.0.0.1) say?"].answer
    assert "web.corp.example A should be 10.1.0.5, not 10.1.0.9." in old
    assert "refused" in answers["What does north say?"].answer
    assert not found.good


def test_why_of_a_server_ends_with_its_name(ask):
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    assert sync().good
    questions = [step.question for step in why("web.corp.example").steps]
    assert questions == [step.question for step in why("web").steps]
    assert questions[-3:] == ["Which zone is it in?", "Whose name is it?", "What does dnsmasq say?"]


def test_why_of_a_name_that_lost_says_who_has_it(ask):
    ServerFactory(hostname="web", ip_address="10.1.0.5", mac_address=None)
    IPAddressFactory(ip_address="10.1.0.9", status="reserved", hostname="web")
    assert sync().good
    steps = [step.answer for step in why("web.corp.example").steps]
    assert "web.corp.example belongs to server web (10.1.0.5)" in steps


def test_metrics_and_the_command_tell_how_long_it_took(ask, capsys):
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    call_command("sync_dnsmasq")
    assert "names live after" in capsys.readouterr().out
    found = {metric.name: metric.samples for metric in collect()}
    assert found["ipmanager_dhcp_names"][0].value == 1
    assert found["ipmanager_dhcp_names_wrong"][0].value == 0


@pytest.mark.parametrize("rubbish", [b"", b"\0" * 11, b"\xff" * 40, b"\xc0\x0c" * 20])
def test_rubbish_is_no_answer(rubbish):
    question = Question("web.corp.example", "PTR")
    packet = question.packet(7)
    assert query.parse(rubbish, 7, question) is None
    head = b"\0\7\x81\x80\0\1\0\1\0\0\0\0"
    found = query.parse(head + packet[12:] + rubbish, 7, question)
    assert found is None or isinstance(found, Answer)
