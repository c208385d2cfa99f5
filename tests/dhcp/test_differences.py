"""dhcp.edits.differences: what was done to a file by hand, whatever the editor; each thing once,
and nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.edits.differences import MOST_KEPT, Edit, compare

A, B, C, D = (f"02:00:00:00:00:0{sign}" for sign in "abcd")
HEAD = "# Written by IPManager; change it at http://x/\n# Reservations: 2\n"
WEB, SHOP = f"{A},10.77.0.9,web", f"{B},10.77.0.10,shop"
BASE = f"{HEAD}{WEB}\n{SHOP}\n"


def edits(after, before=BASE):
    after = after if isinstance(after, bytes) else after.encode()
    return compare("hosts", before.encode(), after)


def said(after):
    return [(edit.action, edit.was, edit.line) for edit in edits(after)]


def test_an_untouched_file_has_no_edit():
    assert edits(BASE) == []


def test_an_added_line():
    new = f"{C},10.77.0.11,new"
    assert edits(f"{BASE}{new}\n") == [Edit("hosts", "add", line=new, raw=new)]


def test_a_removed_line():
    assert edits(f"{HEAD}{SHOP}\n") == [Edit("hosts", "remove", was=WEB)]


@pytest.mark.parametrize(
    "line",
    [f"{A},10.77.0.99,web", f"{A},10.77.0.9,www", f"{C},10.77.0.9,web"],
    ids=["moved", "renamed", "new card"],
)
def test_a_changed_line_is_one_edit(line):
    assert said(BASE.replace(WEB, line)) == [("change", WEB, line)]


def test_two_machines_that_changed_places_are_told_apart_by_their_cards():
    after = f"{HEAD}{B},10.77.0.9,shop\n{A},10.77.0.10,web\n"
    assert set(said(after)) == {
        ("change", SHOP, f"{B},10.77.0.9,shop"),
        ("change", WEB, f"{A},10.77.0.10,web"),
    }


def test_other_order_and_other_comments_of_ours_are_no_edit():
    assert edits(f"# Reservations: 7\n{SHOP}\n\n{WEB}\n") == []


@pytest.mark.parametrize(
    "after",
    [
        BASE.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + BASE.encode(),
        BASE.removesuffix("\n"),
        BASE.replace(WEB, WEB.upper()),
        BASE.replace(WEB, f"  {A} , 10.77.0.9 , web  "),
        BASE.replace(WEB, f"{WEB} # the web server"),
    ],
    ids=["crlf", "byte order mark", "no last line end", "capitals", "blanks", "remark"],
)
def test_what_editors_do_by_themselves_is_no_edit(after):
    assert edits(after) == []


def test_a_line_in_capitals_is_served_in_ours_and_kept_as_typed():
    (edit,) = edits(f"{BASE}02:00:00:00:00:0C,10.77.0.11,New # Joe\n")
    assert (edit.line, edit.raw) == (
        f"{C},10.77.0.11,new",
        "02:00:00:00:00:0C,10.77.0.11,New # Joe",
    )


def test_a_comment_above_a_new_line_stays_with_it():
    (edit,) = edits(f"{BASE}# Joe, at night\n{C},10.77.0.11\n")
    assert edit.raw == f"# Joe, at night\n{C},10.77.0.11"


def test_a_line_that_was_commented_out_is_removed():
    assert edits(BASE.replace(WEB, f"# {WEB}")) == [
        Edit("hosts", "remove", was=WEB, raw=f"# {WEB}")
    ]


def test_a_comment_alone_is_kept():
    (edit,) = edits(f"{BASE}# call me\n")
    assert (edit.action, edit.raw) == ("kept", "# call me")


@pytest.mark.parametrize(
    "line",
    [
        f"{C},set:x,10.77.0.11",
        f"{C},ignore",
        f"{C},10.77.0.11,12h",
        "garbage",
        f"{C},10.77.0.300,x",
        "x" * 1100,
        f"{C},10.77.0.11,bücher",
        f"{C},10.77.0.11,{'y' * 64}",
        f"{C},010.77.0.11",
    ],
)
def test_what_our_grammar_refuses_is_kept_word_for_word_with_the_reason(line):
    (edit,) = edits(f"{BASE}{line}\n")
    assert (edit.action, edit.line, edit.raw) == ("kept", "", line) and edit.reason


def test_bytes_that_are_no_text_are_kept_readably():
    (edit,) = edits(BASE.encode() + b"\xff\x00x\n")
    assert (edit.action, edit.raw) == ("kept", r"\xff\x00x")


def test_rubbish_makes_no_thousand_edits():
    found = edits(BASE + "".join(f"rubbish {number}\n" for number in range(1000)))
    assert len(found) == MOST_KEPT + 1
    assert sum(edit.raw.count("rubbish") for edit in found) == 1000


def test_options_are_known_by_their_tag_and_number():
    before, after = (
        "tag:s1,option:router,10.77.0.1\ntag:s2,option:router,10.78.0.1\n",
        "tag:s1,option:router,10.77.0.2\n",
    )
    found = compare("opts", before.encode(), after.encode())
    assert [(edit.action, edit.was, edit.line) for edit in found] == [
        ("change", "tag:s1,option:router,10.77.0.1", "tag:s1,option:router,10.77.0.2"),
        ("remove", "tag:s2,option:router,10.78.0.1", ""),
    ]


def test_an_option_that_is_none_of_ours_is_kept():
    (edit,) = compare("opts", b"", b"option:router,10.77.0.1\n")
    assert edit.action == "kept" and "not tag:sN,OPTION" in edit.reason


@given(st.binary(max_size=300))
def test_no_file_can_break_it_and_nothing_printable_is_lost(data):
    found = compare("hosts", BASE.encode(), BASE.encode() + data)
    kept = "".join(edit.raw for edit in found)
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace").split("\n")
    for word in (
        word
        for line in lines
        if not line.startswith("#")
        for word in line.split()
        if word.isalnum()
    ):
        assert word in kept or word in BASE


@pytest.mark.parametrize("typed", ["dhcp-host={}", "dhcp-host = {}", "DHCP-HOST={}  # by hand"])
def test_a_line_as_in_a_configuration_is_read(typed):
    """What the manual of the first version says: `dhcp-host=MAC,IP,NAME`."""
    new = f"{C},10.77.0.11,new"
    raw = typed.format(new)
    assert edits(f"{BASE}{raw}\n") == [Edit("hosts", "add", line=new, raw=raw)]
    assert said(BASE.replace(WEB, f"dhcp-host={WEB}")) == []
