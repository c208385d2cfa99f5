"""dhcp.edits.decide: an adopted hand edit is in the ledger like anything else;
a discarded one is gone with the next sync."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import Conflict
from dhcp.edits import find
from dhcp.edits.decide import adopt, adopt_all, discard, discard_all
from dhcp.files import candidate
from dhcp.files.sync import sync
from dhcp.models import DhcpChange, HandEdit
from ipam.models import Interface, Server, Subnet
from tests.support.by_hand import only

pytestmark = pytest.mark.django_db(transaction=True)

A, B, C, D = (f"02:00:00:00:00:0{sign}" for sign in "abcd")
WEB, SHOP = f"{A},10.77.0.9,web", f"{B},10.77.0.10,shop"


@pytest.fixture
def web(target):
    Subnet.objects.create(network="10.77.0.0/24")
    web = Server.objects.create(hostname="web.example.org", mac_address=A, ip_address="10.77.0.9")
    Server.objects.create(hostname="shop", mac_address=B, ip_address="10.77.0.10")
    sync()
    return web


def rows(target):
    return [line for line in target.hosts.read_text().splitlines() if not line.startswith("#")]


def edited(target, *lines):
    """Somebody makes these the file's lines; the proposals that come of it."""
    target.hosts.write_text("".join(f"{line}\n" for line in lines))
    assert sync().good
    return list(HandEdit.objects.undecided())


def facts(server):
    server.refresh_from_db()
    return server.hostname, server.mac_address, str(server.ip_address)


# --- adopt ----------------------------------------------------------------------------------------


def test_an_added_line_becomes_a_server(web, target):
    (edit,) = edited(target, WEB, SHOP, f"{C},10.77.0.11,new")
    adopt(edit, "joe")
    assert facts(Server.objects.get(hostname="new")) == ("new", C, "10.77.0.11")
    edit.refresh_from_db()
    assert (edit.state, edit.decided_by) == ("adopted", "joe") and edit.decided_at
    assert rows(target) == [WEB, SHOP, f"{C},10.77.0.11,new"] and not DhcpChange.objects.exists()


@only(connection.vendor == "postgresql")
def test_the_ledger_is_locked_before_the_edit(web, target):
    """Else two who adopt at once, one of them several edits that wait for each other, may wait for
    ever."""
    (edit,) = edited(target, WEB, SHOP, f"{C},10.77.0.11,new")
    with CaptureQueriesContext(connection) as queries:
        adopt(edit, "joe")
    told = [query["sql"] for query in queries]
    first = {
        word: next(n for n, sql in enumerate(told) if word in sql)
        for word in ("LOCK TABLE", "UPDATE ")
    }
    assert first["LOCK TABLE"] < first["UPDATE "]


def test_further_cards_of_an_added_line_become_interfaces(web, target):
    line = f"{C},{D},10.77.0.11,new"
    (edit,) = edited(target, WEB, SHOP, line)
    adopt(edit)
    assert Interface.objects.get().mac_address == D
    assert rows(target) == [WEB, SHOP, line]


def test_a_moved_line_moves_its_server(web, target):
    (edit,) = edited(target, f"{A},10.77.0.99,web", SHOP)
    adopt(edit)
    assert facts(web) == ("web.example.org", A, "10.77.0.99")


def test_a_renamed_line_renames_its_server_within_its_domain(web, target):
    (edit,) = edited(target, f"{A},10.77.0.9,www", SHOP)
    adopt(edit)
    assert facts(web)[0] == "www.example.org"


def test_a_changed_card_changes_its_server_s(web, target):
    (edit,) = edited(target, f"{C},10.77.0.9,web", SHOP)
    adopt(edit)
    assert facts(web)[1] == C


def test_a_line_of_an_interface_changes_the_interface(web, target):
    nic = Interface.objects.create(server=web, name="bmc", mac_address=C, ip_address="10.77.0.19")
    sync()
    (edit,) = edited(target, WEB, SHOP, f"{C},10.77.0.29,web-ipmi")
    adopt(edit)
    nic.refresh_from_db()
    assert (str(nic.ip_address), nic.name) == ("10.77.0.29", "ipmi")


def test_a_line_of_several_cards_moves_them_all(web, target):
    Interface.objects.create(server=web, name="wifi", mac_address=C, ip_address="10.77.0.9")
    (edit,) = edited(target, f"{A},{C},10.77.0.99,web", SHOP)
    adopt(edit)
    assert facts(web)[2] == "10.77.0.99" and str(Interface.objects.get().ip_address) == "10.77.0.99"


def test_a_removed_line_disables_its_server(web, target):
    (edit,) = edited(target, SHOP)
    adopt(edit)
    web.refresh_from_db()
    assert not web.enabled and rows(target) == [SHOP]


def test_a_removed_line_of_an_interface_takes_its_address(web, target):
    Interface.objects.create(server=web, name="bmc", mac_address=C, ip_address="10.77.0.19")
    (edit,) = edited(target, WEB, SHOP)
    adopt(edit)
    web.refresh_from_db()
    assert web.enabled and Interface.objects.get().ip_address is None


def test_a_server_whose_other_card_is_served_is_not_disabled(web, target):
    Interface.objects.create(server=web, name="bmc", mac_address=C, ip_address="10.77.0.19")
    (edit,) = edited(target, SHOP, f"{C},10.77.0.19,web-bmc")
    with pytest.raises(Conflict, match="has other cards"):
        adopt(edit)
    assert [one.state for one in HandEdit.objects.all()] == ["open"]


# --- conflicts ------------------------------------------------------------------------------------


def test_a_conflict_names_the_holder_and_changes_nothing(web, target):
    (edit,) = edited(target, WEB, SHOP, f"{C},10.77.0.10,new")
    with pytest.raises(Conflict, match="shop"):
        adopt(edit)
    edit.refresh_from_db()
    assert edit.is_open and not Server.objects.filter(mac_address=C).exists()


def test_a_name_that_another_has_stays_open_with_the_holder(web, target):
    Server.objects.create(hostname="www.example.org")
    (edit,) = edited(target, f"{A},10.77.0.99,www", SHOP)
    with pytest.raises(Conflict, match="www.example.org"):
        adopt(edit)
    assert facts(web) == ("web.example.org", A, "10.77.0.9") and HandEdit.objects.get().is_open


def test_a_line_that_we_cannot_read_cannot_be_adopted(web, target):
    (edit,) = edited(target, WEB, SHOP, f"{C},ignore")
    with pytest.raises(Conflict, match="discard the edit"):
        adopt(edit)


def test_a_ledger_that_has_changed_since_is_a_conflict(web, target):
    (edit,) = edited(target, f"{A},10.77.0.99,web", SHOP)
    web.ip_address = "10.77.0.50"
    web.save()
    with pytest.raises(Conflict, match="has changed since"):
        adopt(edit)


def test_of_two_who_decide_one_does(web, target):
    (edit,) = edited(target, WEB, SHOP, f"{C},10.77.0.11,new")
    discard(edit)
    for verb in (adopt, discard):
        with pytest.raises(Conflict, match="decided this already"):
            verb(edit)
    assert not Server.objects.filter(mac_address=C).exists()


# --- discard --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines", [[SHOP], [WEB, SHOP, f"{C},10.77.0.11,new"], [f"{A},10.77.0.99,web", SHOP]]
)
def test_a_discarded_edit_is_gone_at_once_and_stays_gone(web, target, lines):
    (edit,) = edited(target, *lines)
    discard(edit, "joe")
    assert rows(target) == [WEB, SHOP]
    edit.refresh_from_db()
    assert (edit.state, edit.decided_by, edit.served) == ("discarded", "joe", False)
    assert sync().result == "unchanged" and not HandEdit.objects.undecided().exists()


# --- several at once ------------------------------------------------------------------------------


def test_all_can_be_adopted_whatever_their_order(web, target):
    edits = edited(target, f"{A},10.77.0.10,web", f"{B},10.77.0.11,shop", f"{C},10.77.0.9,new")
    assert [decision.error for decision in adopt_all(edits)] == [None, None, None]
    assert rows(target) == [f"{C},10.77.0.9,new", f"{A},10.77.0.10,web", f"{B},10.77.0.11,shop"]


def test_machines_that_changed_places_move_together(web, target):
    edits = edited(target, f"{B},10.77.0.9,shop", f"{A},10.77.0.10,web")
    assert not any(decision.error for decision in adopt_all(edits))
    assert facts(web)[2] == "10.77.0.10" and not HandEdit.objects.undecided().exists()


def test_one_that_cannot_be_adopted_keeps_no_other_from_it(web, target):
    edits = edited(target, WEB, SHOP, f"{C},10.77.0.10,clash", f"{D},10.77.0.12,fine")
    errors = {decision.edit.line: decision.error for decision in adopt_all(edits)}
    assert errors[f"{D},10.77.0.12,fine"] is None and "shop" in str(errors[f"{C},10.77.0.10,clash"])
    assert [edit.line for edit in HandEdit.objects.undecided()] == [f"{C},10.77.0.10,clash"]


def test_all_can_be_discarded(web, target):
    assert len(discard_all(edited(target, SHOP, f"{C},10.77.0.11,new", "garbage"))) == 3
    assert rows(target) == [WEB, SHOP] and not HandEdit.objects.undecided().exists()


def test_a_sync_that_was_looking_meanwhile_undoes_no_decision(web, target):
    (edit,) = edited(target, WEB, SHOP, f"{C},10.77.0.11,new")
    found = find.find(target, candidate.read(target))
    (seen,) = found.edits
    discard(edit)
    find.save(found, [replace(seen, reason="something else")])
    edit.refresh_from_db()
    assert edit.state == "discarded"
