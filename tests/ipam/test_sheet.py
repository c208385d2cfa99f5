"""A table as spreadsheets keep it: encodings, delimiters, headers, and cells that must not run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from ipam.transfer.columns import INTERFACES, SERVERS, SUBNETS
from ipam.transfer.files import open_sheet
from ipam.transfer.sheet import DELIMITERS, lines, normal, protect, unprotect

HEAD = "hostname;ip;mac\n"
ROW = "PC-1;192.0.2.1;02:00:00:00:00:01\n"


def opened(content, layout=SERVERS, delimiter=None):
    """The names of the columns, the rows, and the notices."""
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    with open_sheet(file, layout, delimiter) as sheet:
        return (
            [column and column.name for column in sheet.columns],
            [row.texts for row in sheet.rows],
            sheet.notices,
        )


# --- encodings ---


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_without_a_word(encoding):
    names, rows, notices = opened("Hostname;MAC;Gerätetyp\nPC-1;;Büro\n".encode(encoding))

    assert (names, rows, notices) == (
        ["hostname", "mac_address", "device_type"],
        [["PC-1", "", "Büro"]],
        [],
    )


def test_windows_1252_is_read_with_a_notice():
    names, rows, notices = opened("Hostname;MAC;Gerätetyp\nPC-1;;Büro €\n".encode("cp1252"))

    assert (names[2], rows[0][2]) == ("device_type", "Büro €")
    assert notices == ["The file is not UTF-8; it is read as Windows-1252 (Western European)."]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"PK\x03\x04\x14\x00", "workbook"),
        (b"hostname;mac\nPC-\x81;x\n", "neither UTF-8 nor"),
        (b"hostname;mac\nPC\x00;x\n", "neither UTF-8 nor"),
        (b'hostname;mac\n"PC-1;x\n' + b"x" * 200_000, "Line 2 .* quotation mark"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(content, reason):
    with pytest.raises(Invalid, match=reason):
        opened(content)


# --- delimiters ---


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_found_out(delimiter):
    assert opened((HEAD + ROW).replace(";", delimiter))[:2] == (
        ["hostname", "ip_address", "mac_address"],
        [["PC-1", "192.0.2.1", "02:00:00:00:00:01"]],
    )


def test_a_delimiter_inside_quotation_marks_does_not_mislead():
    text = (
        '"network","static_ip_pools","name"\n192.0.2.0/24,"192.0.2.1-192.0.2.5;192.0.2.9;'
        '192.0.2.11","a;b"\n'
    )
    assert opened(text, SUBNETS)[1] == [
        ["192.0.2.0/24", "192.0.2.1-192.0.2.5;192.0.2.9;192.0.2.11", "a;b"]
    ]


def test_excels_own_hint_is_followed_and_not_read_as_a_row():
    assert opened("sep=|\n" + HEAD.replace(";", "|") + ROW.replace(";", "|"))[1] == [
        ROW.strip().split(";")
    ]


def test_the_delimiter_may_be_said():
    assert opened("hostname!mac\nPC-1!\n", delimiter="!")[1] == [["PC-1", ""]]


# --- headers ---


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("HOST", "hostname"),
        (" Name ", "hostname"),
        ("Rechnername", "hostname"),
        ("IP", "ip_address"),
        ("ip_address", "ip_address"),
        ("IP-Adresse", "ip_address"),
        ("ip adresse", "ip_address"),
        ("MAC Address", "mac_address"),
        ("mac-adresse", "mac_address"),
        ("Standort", "location"),
        ("LAN_Dose", "lan_port"),
        ("LAN-Dose", "lan_port"),
        ("lan port", "lan_port"),
        ("Gerätetyp", "device_type"),
        ("Geraetetyp", "device_type"),
        ("GERA\u0308TETYP", "device_type"),
        ("Hersteller", "manufacturer"),
        ("Beschreibung", "description"),
        ("aktiv", "enabled"),
        ("Enabled", "enabled"),
    ],
)
def test_headings_of_servers_in_two_languages(heading, name):
    assert SERVERS.find(heading).name == name


@pytest.mark.parametrize("layout", [SERVERS, SUBNETS, INTERFACES])
def test_no_heading_means_two_columns(layout):
    spellings = [word for column in layout.columns for word in column.spellings]
    assert len(spellings) == len(set(spellings))


def test_unknown_columns_are_named_and_left_out():
    names, _rows, notices = opened("hostname;Seriennummer;mac;\nPC-1;123;;\n")

    assert names == ["hostname", None, "mac_address", None]
    assert notices == ["Unknown columns are ignored: “Seriennummer”."]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "hostname;ip\nPC-1;192.0.2.1\n",
            "mac_address is missing; it may be called: mac_address, MAC-Adresse, mac, ",
        ),
        (
            "eins;zwei\na;b\n",
            r"without a header line: hostname, ip_address, mac_address, location, lan_port",
        ),
        ("Name;Hostname;mac\nPC-1;PC-1;\n", "“Name”, “Hostname” both mean hostname"),
        ("hostname;mac;VRF\nPC-1;;blue\n", "--vrf"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(content, reason):
    with pytest.raises(Invalid, match=reason):
        opened(content)


def test_without_a_header_the_columns_go_by_their_order():
    names, rows, notices = opened(ROW + "PC-2;192.0.2.2;020000000002;EG;LAN-2\n")

    assert names == ["hostname", "ip_address", "mac_address", "location", "lan_port"]
    assert [row[0] for row in rows] == ["PC-1", "PC-2"]
    assert "not a header" in notices[0]


def test_a_file_of_subnets_needs_no_header_either():
    assert opened("192.0.2.0/24,Office,192.0.2.1,7\n", SUBNETS)[0] == [
        "network",
        "name",
        "gateway",
        "vlan_id",
    ]


def test_headings_are_compared_without_what_people_vary():
    assert normal(" IP-Adresse* ") == normal("ip_adresse") == "ipadresse"


# --- rows ---


def test_rows_carry_the_number_of_their_first_line():
    text = HEAD + '\n"PC\n1";;\n;;\nPC-2;;\n'
    with open_sheet(io.BytesIO(text.encode()), SERVERS) as sheet:
        assert [(row.line, row.texts[0]) for row in sheet.rows] == [(3, "PC\n1"), (6, "PC-2")]


# --- cells ---


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-", "'-"),
        ("@home", "'@home"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("'s-Hertogenbosch", "''s-Hertogenbosch"),
        ("'", "''"),
        (" x", "' x"),
        ("x ", "'x "),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_what_a_spreadsheet_would_run_is_marked(text, cell):
    assert protect(text) == cell


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("", None),
        ("  ", None),
        (" x ", "x"),
        ("'", ""),
        ("'=1+1", "=1+1"),
        ("''", "'"),
        ("'s-Hertogenbosch", "'s-Hertogenbosch"),
        ("\u00a0x", "x"),
        ("-", "-"),
    ],
)
def test_the_mark_is_taken_off_where_it_was_put_on(cell, text):
    assert unprotect(cell) == text


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", " =1+1"])
def test_a_formula_is_refused(cell):
    with pytest.raises(ValueError, match="is a formula"):
        unprotect(cell)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text(
    "=+-@\t\r\n'\" ;,|a", max_size=6
)


@given(
    rows=st.lists(st.lists(texts, min_size=2, max_size=4), min_size=1, max_size=4),
    delimiter=st.sampled_from(DELIMITERS),
)
def test_any_text_comes_back_and_no_cell_is_dangerous(rows, delimiter):
    written = "".join(lines(rows, delimiter))

    read = list(csv.reader(io.StringIO(written, newline=""), delimiter=delimiter))

    assert not [
        cell for row in read for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    ]
    assert [[unprotect(cell) or "" for cell in row] for row in read] == rows
