"""Generations, hand edits and bad rows, as a real dnsmasq's clients see them."""

import pytest

from dhcp.edits.decide import adopt, discard
from dhcp.files.sync import sync
from dhcp.generations.rollback import release, rollback
from dhcp.models import Generation, HandEdit, KeptFiles
from ipam.models import Server, Subnet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]

A, B, C, D, E = (f"02:00:00:00:00:0{sign}" for sign in "abcde")
NOBODY = {"wait": 0.3}


@pytest.fixture
def web(lab):
    Subnet.objects.create(network="10.77.0.0/24")
    return Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")


def move(web, number):
    web.ip_address = f"10.77.0.{number}"
    web.save()


def serving(address):
    """The generation that gave A this address."""
    kept = KeptFiles.objects.order_by("generation")
    return next(one.generation_id for one in kept if f"{A},{address},".encode() in one.hosts)


def rows(lab):
    return [line for line in lab.hosts.read_text().splitlines() if not line.startswith("#")]


def edit(lab, change):
    lab.hosts.write_text(change(lab.hosts.read_text()))
    lab.reload()  # as the administrator does


def test_the_clients_follow_five_generations_back_and_forth(lab, web):
    for number in range(10, 14):
        move(web, number)
    held = "10.77.0.13"
    assert lab.client.acquire(A).ip == held
    for address in ("10.77.0.9", "10.77.0.12", "10.77.0.10", "10.77.0.13", "10.77.0.11"):
        assert rollback(serving(address)).result == "applied"
        if address != held:
            assert lab.client.renew(A, held).type == "NAK"
        assert lab.client.acquire(A).ip == address
        held = address
    assert release().good
    assert lab.client.acquire(A).ip == "10.77.0.13"


def test_a_hand_edit_is_adopted_another_discarded_and_the_clients_never_lose_what_holds(lab, web):
    Server.objects.create(hostname="shop", mac_address=B, ip_address="10.77.0.10")
    edit(
        lab,
        lambda text: text.replace("10.77.0.10,shop", "10.77.0.20,shop") + f"{C},10.77.0.30,new\n",
    )
    assert sync().good
    assert [lab.client.acquire(mac).ip for mac in (A, B, C)] == [
        "10.77.0.9",
        "10.77.0.20",
        "10.77.0.30",
    ]

    by_line = {one.line: one for one in HandEdit.objects.undecided()}
    adopt(by_line[f"{C},10.77.0.30,new"])
    discard(by_line[f"{B},10.77.0.20,shop"])

    assert Server.objects.get(hostname="new").mac_address == C
    assert lab.client.renew(C, "10.77.0.30").type == "ACK"
    assert lab.client.renew(B, "10.77.0.20").type == "NAK"
    assert lab.client.acquire(B).ip == "10.77.0.10"


def test_what_was_edited_while_dnsmasq_and_we_were_down_is_served_when_both_are_back(
    lab, web, settings
):
    settings.DHCP_SYNC = "worker"
    lab.stop()
    lab.hosts.write_text(lab.hosts.read_text() + f"{C},10.77.0.30,new\n")
    Server.objects.create(hostname="shop", mac_address=B, ip_address="10.77.0.10")
    lab.start()
    assert sync().good
    assert [lab.client.acquire(mac).ip for mac in (A, B, C)] == [
        "10.77.0.9",
        "10.77.0.10",
        "10.77.0.30",
    ]


def test_a_machine_removed_by_hand_gets_nothing_until_that_is_discarded(lab, web):
    edit(lab, lambda text: text.replace(f"{A},10.77.0.9,web\n", ""))
    sync()
    assert lab.client.discover(A, **NOBODY) is None
    discard(HandEdit.objects.get())
    assert lab.client.acquire(A).ip == "10.77.0.9"


def test_a_line_that_would_kill_dnsmasq_is_taken_out_and_kept(lab, web):
    """2.90 dies of a tag at the reload after serving it; nobody was served by it yet."""
    lab.hosts.write_text(lab.hosts.read_text() + f"{C},set:x,10.77.0.30\n")
    assert sync().good
    assert lab.client.acquire(A).ip == "10.77.0.9" and lab.client.discover(C, **NOBODY) is None
    assert HandEdit.objects.get().raw == f"{C},set:x,10.77.0.30"


def test_a_bad_row_of_raw_sql_changes_nothing_but_its_own_fate(lab, web):
    sync()
    before = rows(lab)
    bad = [("net", B, "10.77.0.0"), ("end", C, "10.77.0.255"), ("lost", E, "10.99.0.1")]
    Server._base_manager.bulk_create(
        Server(hostname=name, mac_address=mac, ip_address=ip) for name, mac, ip in bad
    )
    assert sync().good and rows(lab) == before

    good = Server(hostname="shop", mac_address=D, ip_address="10.77.0.10")
    Server._base_manager.bulk_create([good])
    outcome = sync()
    assert rows(lab) == [*before, f"{D},10.77.0.10,shop"]
    assert {problem.record.name for problem in outcome.problems} == {"net", "end", "lost"}
    assert {problem["name"] for problem in Generation.objects.newest().problems} == {
        "net",
        "end",
        "lost",
    }
    assert [lab.client.acquire(mac).ip for mac in (A, D)] == ["10.77.0.9", "10.77.0.10"]
    assert lab.client.discover(B, **NOBODY) is None
