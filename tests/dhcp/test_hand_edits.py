"""dhcp.edits: a file that somebody edited is never overwritten unseen;
his lines are served until it is decided."""

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from core import files
from dhcp.edits import find
from dhcp.files import publish
from dhcp.files.sync import preview, sync
from dhcp.generations.rollback import release, rollback
from dhcp.models import DhcpScope, Generation, HandEdit, KeptFiles
from dhcp.state import machines
from ipam.allocate import allocate
from ipam.models import Interface, Pool, Server, Subnet

pytestmark = pytest.mark.django_db

A, B, C, D = (f"02:00:00:00:00:0{sign}" for sign in "abcd")
WEB, SHOP = f"{A},10.77.0.9,web", f"{B},10.77.0.10,shop"
NEW = f"{C},10.77.0.11,new"


@pytest.fixture
def web(target):
    """Two servers, served."""
    Subnet.objects.create(network="10.77.0.0/24")
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    Server.objects.create(hostname="shop", mac_address=B, ip_address="10.77.0.10")
    sync()
    return web


def rows(target):
    return [line for line in target.hosts.read_text().splitlines() if not line.startswith("#")]


def edit(target, change, file="hosts"):
    """What an administrator does with an editor: in place, same file."""
    path = target.directory / file
    path.write_text(change(path.read_text()))


def add(target, line):
    edit(target, lambda text: text + line + "\n")


def still_open():
    return list(HandEdit.objects.undecided())


def only():
    (found,) = still_open()
    return found


# --- found, and served ----------------------------------------------------------------------------


def test_an_added_line_stays_and_waits_for_a_decision(web, target):
    add(target, NEW)
    assert sync().good
    assert rows(target) == [WEB, SHOP, NEW]
    assert (only().action, only().line, only().served) == ("add", NEW, True)


def test_a_changed_line_stays(web, target):
    edit(target, lambda text: text.replace("10.77.0.9,", "10.77.0.99,"))
    sync()
    assert rows(target) == [SHOP, f"{A},10.77.0.99,web"]
    assert (only().action, only().was, only().served) == ("change", WEB, True)


def test_a_removed_line_stays_out(web, target):
    edit(target, lambda text: text.replace(f"{WEB}\n", ""))
    sync()
    assert rows(target) == [SHOP]
    assert (only().action, only().was, only().line) == ("remove", WEB, "")


def test_other_changes_go_on_beside_it(web, target):
    add(target, NEW)
    Server.objects.create(hostname="mail", mac_address=D, ip_address="10.77.0.12")
    assert sync().good
    assert rows(target) == [WEB, SHOP, NEW, f"{D},10.77.0.12,mail"]


def test_it_is_found_once_however_often_we_look(web, target):
    add(target, NEW)
    for _ in range(3):
        sync()
    assert only().line == NEW


def test_what_dnsmasq_would_not_survive_is_kept_and_not_served(web, target):
    add(target, f"{C},set:x,10.77.0.11")
    sync()
    assert rows(target) == [WEB, SHOP]
    assert (only().action, only().raw, only().served) == ("kept", f"{C},set:x,10.77.0.11", False)
    assert "not MAC,IP[,name]" in only().reason


@pytest.mark.parametrize(
    "line, reason",
    [
        (f"{C},10.77.0.9,new", "10.77.0.9 is already reserved for web"),
        (f"{C},10.99.0.9,new", "no subnet holds 10.99.0.9"),
        (f"{C},10.77.0.255,new", "10.77.0.255 is the broadcast address of 10.77.0.0/24"),
    ],
)
def test_a_line_that_clashes_with_the_ledger_is_kept_and_not_served(web, target, line, reason):
    add(target, line)
    assert sync().good
    assert rows(target) == [WEB, SHOP]
    assert (only().line, only().served) == (line, False) and reason in only().reason


def test_a_line_never_displaces_the_reservation_of_an_interface(web, target):
    nic = Interface(server=web, name="bmc", mac_address=D, ip_address="10.77.0.19")
    nic.save()
    sync()
    add(target, f"{C},10.77.0.19,new")
    assert sync().good
    assert rows(target) == [WEB, SHOP, f"{D},10.77.0.19,web-bmc"]
    assert not only().served and "already reserved for web-bmc" in only().reason


def test_two_lines_for_one_card_in_two_subnets_are_two_edits(web, target):
    Subnet.objects.create(network="10.78.0.0/24")
    add(target, f"{NEW}\n{C},10.78.0.11,new-too")
    assert sync().good
    assert rows(target) == [WEB, SHOP, NEW, f"{C},10.78.0.11,new-too"]
    assert {edit.line for edit in still_open()} == {NEW, f"{C},10.78.0.11,new-too"}


def test_a_file_of_other_lines_costs_no_comparison_of_each_with_each(web, target, monkeypatch):
    """Some thousand lines from an old backup would else hold the directory's lock for minutes."""
    asked = []
    monkeypatch.setattr(find, "_continues", lambda *pair: asked.append(pair))
    add(target, "".join(f"02:00:00:00:01:{n:02x},10.77.0.{n},pc{n}\n" for n in range(100, 200)))
    assert sync().good
    assert len(still_open()) == 100 and asked == []


def test_a_line_is_served_no_longer_once_a_vm_has_got_its_address(web, target):
    subnet = Subnet.objects.get()
    Pool.objects.create(subnet=subnet, first="10.77.0.11", last="10.77.0.20", kind="static")
    add(target, NEW)
    sync()
    assert rows(target) == [WEB, SHOP, NEW]
    allocate(subnet, wanted="10.77.0.11", vm_id="vm-1")
    assert sync().good
    assert rows(target) == [WEB, SHOP]
    assert not only().served and "10.77.0.11 to vm-1" in only().reason


def test_a_line_that_gives_away_the_address_of_a_server_without_a_mac_is_not_served(web, target):
    Server.objects.create(hostname="printer", ip_address="10.77.0.11")
    add(target, NEW)
    assert sync().good
    assert rows(target) == [WEB, SHOP]
    assert not only().served and "10.77.0.11 to printer" in only().reason


def test_the_line_of_a_disabled_server_may_be_put_back_by_hand(web, target):
    Server.objects.filter(pk=web.pk).update(enabled=False)
    sync()
    add(target, WEB)
    assert sync().good
    assert WEB in rows(target) and only().served


def test_a_change_that_clashes_leaves_the_ledger_s_line_in_place(web, target):
    edit(target, lambda text: text.replace(WEB, f"{A},10.77.0.10,web"))
    assert sync().good
    assert rows(target) == [WEB, SHOP]
    assert not only().served


def test_a_line_that_clashed_is_served_once_there_is_room(web, target):
    add(target, f"{C},10.77.0.10,new")
    sync()
    Server.objects.get(hostname="shop").delete()
    sync()
    assert rows(target) == [WEB, f"{C},10.77.0.10,new"]
    assert only().served and only().reason == ""


def test_a_name_that_is_taken_costs_only_the_name(web, target):
    add(target, f"{C},10.77.0.11,web")
    sync()
    assert rows(target) == [WEB, SHOP, f"{C},10.77.0.11"]
    assert only().served and "'web' is already the name of 10.77.0.9" in only().reason


def test_machines_that_changed_places_by_hand_have_changed_places(web, target):
    swapped = [f"{B},10.77.0.9,shop", f"{A},10.77.0.10,web"]
    target.hosts.write_text("\n".join(swapped) + "\n")
    sync()
    assert rows(target) == swapped
    assert all(edit.served for edit in still_open())


def test_a_machine_whose_line_was_edited_is_said_to_be_until_that_is_decided(web, target):
    edit(target, lambda text: text.replace("10.77.0.9,", "10.77.0.99,").replace(f"{SHOP}\n", ""))
    DhcpScope.objects.create(subnet=Subnet.objects.get())
    sync()
    states = machines.states_of_servers(Server.objects.all())
    told = [(states[one.pk].kind, states[one.pk].reason) for one in Server.objects.order_by("pk")]
    assert told == [
        (
            "pending",
            f"Its line in dnsmasq's file was edited by hand: {A},10.77.0.99,web.",
        ),
        ("unserved", "Its line was removed from dnsmasq's file by hand."),
    ]


# --- the ledger goes on ---------------------------------------------------------------------------


def test_what_the_ledger_says_by_now_is_no_question_any_more(web, target):
    add(target, NEW)
    sync()
    Server.objects.create(hostname="new", mac_address=C, ip_address="10.77.0.11")
    sync()
    assert still_open() == [] and HandEdit.objects.get().state == "adopted"
    assert rows(target) == [WEB, SHOP, NEW]


def test_a_file_edited_into_what_the_ledger_says_leaves_nothing_open(web, target, settings):
    settings.DHCP_SYNC = "worker"
    Server.objects.filter(pk=web.pk).update(ip_address="10.77.0.99")
    Server.objects.create(hostname="new", mac_address=C, ip_address="10.77.0.11")
    edit(target, lambda text: text.replace("10.77.0.9,", "10.77.0.99,") + NEW + "\n")
    assert sync().good
    assert not HandEdit.objects.exists()
    assert rows(target) == [SHOP, NEW, f"{A},10.77.0.99,web"]


def test_a_later_change_of_the_ledger_wins_over_an_edited_line(web, target):
    edit(target, lambda text: text.replace("10.77.0.9,", "10.77.0.99,"))
    sync()
    web.ip_address = "10.77.0.50"
    web.save()
    sync()
    assert rows(target) == [SHOP, f"{A},10.77.0.50,web"]
    assert not only().served and "the ledger has changed" in only().reason


def test_a_removed_machine_that_the_ledger_loses_too_is_settled(web, target):
    edit(target, lambda text: text.replace(f"{WEB}\n", ""))
    sync()
    web.delete()
    sync()
    assert HandEdit.objects.get().state == "adopted"


# --- edited again ---------------------------------------------------------------------------------


def test_a_line_edited_twice_is_one_proposal(web, target):
    add(target, NEW)
    sync()
    edit(target, lambda text: text.replace(NEW, f"{C},10.77.0.12,new"))
    sync()
    assert (only().action, only().line) == ("add", f"{C},10.77.0.12,new")
    assert rows(target)[-1] == f"{C},10.77.0.12,new"


def test_an_addition_taken_back_by_hand_is_discarded(web, target):
    add(target, NEW)
    sync()
    edit(target, lambda text: text.replace(f"{NEW}\n", ""))
    sync()
    assert rows(target) == [WEB, SHOP]
    assert HandEdit.objects.get().state == "discarded"


def test_a_removed_line_put_back_by_hand_is_discarded(web, target):
    edit(target, lambda text: text.replace(f"{WEB}\n", ""))
    sync()
    add(target, WEB)
    sync()
    assert rows(target) == [WEB, SHOP] and still_open() == []


def test_a_changed_line_that_is_removed_next_is_a_removal_of_the_ledger_s(web, target):
    edit(target, lambda text: text.replace("10.77.0.9,", "10.77.0.99,"))
    sync()
    edit(target, lambda text: text.replace(f"{A},10.77.0.99,web\n", ""))
    sync()
    assert (only().action, only().was) == ("remove", WEB) and rows(target) == [SHOP]


def test_a_second_line_of_the_same_card_in_another_subnet_is_an_edit_of_its_own(web, target):
    Subnet.objects.create(network="10.78.0.0/24")
    add(target, NEW)
    sync()
    add(target, f"{C},10.78.0.11,new2")
    sync()
    assert rows(target)[2:] == [NEW, f"{C},10.78.0.11,new2"] and len(still_open()) == 2


# --- what is no hand edit -------------------------------------------------------------------------


def test_a_missing_or_eaten_file_comes_back_without_a_question(web, target):
    right = target.hosts.read_bytes()
    for damage in (
        target.hosts.unlink,
        lambda: target.hosts.write_bytes(b""),
        lambda: target.hosts.write_bytes(b"\0\n"),
    ):
        damage()
        assert sync().result == "applied"
        assert target.hosts.read_bytes() == right
    assert not HandEdit.objects.exists()


def test_a_file_that_lost_more_than_half_is_damaged_and_kept_whole(target):
    Subnet.objects.create(network="10.77.0.0/24")
    Server.objects.bulk_create(
        Server(hostname=f"s{n}", mac_address=f"02:00:00:00:01:{n:02x}", ip_address=f"10.77.0.{n}")
        for n in range(1, 31)
    )
    sync()
    line = f"{D},10.77.0.200,new"
    edit(target, lambda text: "\n".join(text.splitlines()[:10]) + f"\n{line}\n")
    assert sync().good
    assert len(rows(target)) == 30
    assert (
        only().action == "kept"
        and line in only().raw
        and "22 of 30 reservations were missing" in only().reason
    )


def test_a_mode_alone_is_no_edit(web, target):
    target.hosts.chmod(0o600)
    assert sync().result == "applied"
    assert not HandEdit.objects.exists() and target.hosts.stat().st_mode & 0o777 == 0o644


def test_a_file_of_another_installation_is_replaced(target):
    target.prepare()
    target.hosts.write_text(f"{D},10.77.0.77,old\n")
    Subnet.objects.create(network="10.77.0.0/24")
    assert sync().result == "applied"
    assert rows(target) == [] and not HandEdit.objects.exists()


def test_what_an_editor_leaves_beside_the_file_is_left_alone(web, target):
    for name in ("hosts~", ".hosts.swp", "4913"):
        (target.directory / name).write_text(NEW)
    add(target, NEW)
    sync()
    assert rows(target) == [WEB, SHOP, NEW] and len(still_open()) == 1
    assert all((target.directory / name).exists() for name in ("hosts~", ".hosts.swp", "4913"))


def test_a_crash_after_any_step_of_ours_is_no_hand_edit(web, target, monkeypatch):
    """Killed before the n-th file is put in place, for every n."""
    replace = files.replace
    for allowed in range(6):
        left = [allowed]

        def die(path, data, mode=0o644, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            replace(path, data, mode)

        with monkeypatch.context() as patched:
            patched.setattr(files, "replace", die)
            try:
                web.ip_address = f"10.77.0.{100 + allowed}"
                web.save()
                sync()
            except KeyboardInterrupt:
                pass
        assert sync().good
        assert rows(target)[-1] == f"{A},10.77.0.{100 + allowed},web"
    assert not HandEdit.objects.exists()


def test_a_crash_while_an_edit_is_noted_asks_once(web, target, monkeypatch):
    add(target, NEW)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(files, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        sync()
    assert sync().good
    assert only().line == NEW and rows(target) == [WEB, SHOP, NEW]


def test_the_last_generation_s_file_put_back_by_hand_is_a_hand_edit(web, target):
    former = target.hosts.read_text()
    web.ip_address = "10.77.0.20"
    web.save()
    sync()
    target.hosts.write_text(former)
    sync()
    assert (only().was, only().line) == (f"{A},10.77.0.20,web", WEB)


def test_a_database_that_cannot_remember_leaves_the_file_as_it_is(web, target, monkeypatch):
    add(target, f"{C},ignore")
    before = target.hosts.read_bytes()

    def gone(found, edits):
        raise DatabaseError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(find, "save", gone)
        assert not sync().good
    assert target.hosts.read_bytes() == before
    assert sync().good and only().raw == f"{C},ignore"


def test_what_is_edited_while_we_write_is_left_for_the_next_time(web, target, monkeypatch):
    save = find.save

    def slow(found, edits):
        add(target, NEW)
        return save(found, edits)

    monkeypatch.setattr(publish.find, "save", slow)
    web.ip_address = "10.77.0.20"
    web.save()
    assert "has changed just now" in sync().reason and NEW in target.hosts.read_text()
    monkeypatch.undo()
    assert sync().good and only().line == NEW
    assert rows(target) == [SHOP, NEW, f"{A},10.77.0.20,web"]


def test_an_edit_of_files_that_nobody_remembers_is_kept_whole(web, target):
    KeptFiles.objects.all().delete()
    add(target, NEW)
    assert sync().good
    assert rows(target) == [WEB, SHOP]
    assert only().action == "kept" and NEW in only().raw


# --- options --------------------------------------------------------------------------------------


@pytest.fixture
def scope(web):
    scope = DhcpScope.objects.create(
        subnet=Subnet.objects.get(), router="10.77.0.1", domain="example.org"
    )
    sync()
    return scope


def options(target):
    return [
        line.partition(",")[2]
        for line in target.opts.read_text().splitlines()
        if not line.startswith("#")
    ]


def test_an_edited_option_stays_until_the_scope_says_something_else(scope, target):
    edit(target, lambda text: text.replace("10.77.0.1\n", "10.77.0.2\n"), "opts")
    sync()
    assert options(target) == ["option:router,10.77.0.2", "option:domain-name,example.org"]
    assert (only().file, only().action, only().served) == ("opts", "change", True)
    scope.router = "10.77.0.3"
    scope.save()
    sync()
    assert options(target)[0] == "option:router,10.77.0.3"
    assert not only().served and "10.77.0.3" in only().reason


def test_options_are_added_and_removed_by_hand_too(scope, target):
    tag = f"tag:s{scope.subnet_id}"
    lines = [
        f"{tag},option:router,10.77.0.1",
        f"{tag},option:ntp-server,10.77.0.4",
        "tag:s9999,option:router,10.9.0.1",
    ]
    target.opts.write_text("\n".join(lines) + "\n")
    sync()
    assert options(target) == ["option:router,10.77.0.1", "option:ntp-server,10.77.0.4"]
    assert sorted((edit.action, edit.served) for edit in still_open()) == [
        ("add", False),
        ("add", True),
        ("remove", True),
    ]


def test_a_scope_that_says_the_same_by_now_settles_it(scope, target):
    edit(target, lambda text: text.replace("10.77.0.1\n", "10.77.0.2\n"), "opts")
    sync()
    scope.router = "10.77.0.2"
    scope.save()
    sync()
    assert HandEdit.objects.get().state == "adopted"


# --- going back, looking ahead --------------------------------------------------------------------


def test_a_rollback_overwrites_nothing_unseen(web, target):
    first = Generation.objects.filter(result="applied").first().pk
    add(target, NEW)
    rollback(first)
    assert rows(target) == [WEB, SHOP] and only().line == NEW
    release()
    assert rows(target) == [WEB, SHOP, NEW] and only().served


def test_what_is_edited_during_a_rollback_waits_in_the_file_until_its_end(web, target):
    rollback(Generation.objects.filter(result="applied").first().pk)
    add(target, NEW)
    assert not sync().good
    assert NEW in rows(target) and still_open() == []
    release()
    assert NEW in rows(target) and only().served


def test_a_preview_tells_and_remembers_nothing(web, target):
    add(target, f"{C},ignore")
    assert f"-{C},ignore" in preview().diff
    assert not HandEdit.objects.exists()


def test_a_sync_costs_no_query_more_for_a_hundred_edits(web, target):
    add(target, NEW)
    sync()
    with CaptureQueriesContext(connection) as one:
        sync()
    for number in range(20, 120):
        add(target, f"02:00:00:00:01:{number:02x},10.77.0.{number}")
    sync()
    with CaptureQueriesContext(connection) as hundred:
        sync()
    assert len(still_open()) == 101 and len(hundred) == len(one)
