"""Zone files are read with a verdict for each line, and what is written is read back as it was."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from dhcp.models import DhcpChange
from names import rdata
from names.models import Record
from names.zones import file as zone_file
from names.zones import transfer
from names.zones.served import Served
from tests.ipam.factories import ServerFactory

pytestmark = pytest.mark.django_db
FILE = """\
$ORIGIN corp.example.   ; a comment
$TTL 1h
@       IN SOA ns1 hostmaster (
            2026120101 ; serial
            4h 1h 14d 1m )
        IN NS  ns1
www     300 IN A 192.0.2.1
            IN AAAA 2001:db8::1
alias   CNAME www
@       MX 10 mail.other.example.
_imap._tcp IN 60 SRV 0 5 143 www
txt     TXT "v=spf1 mx; -all"
$ORIGIN lab.corp.example.
db      A 192.0.2.7
web     A 10.1.0.5
bad     A 192.0.2.999
host    HINFO "x" "y"
out.other.example. A 192.0.2.8
*       A 192.0.2.9
$INCLUDE more
"""


def kinds(verdicts):
    return [verdict.kind for verdict in verdicts]


def test_every_line_gets_a_verdict_and_a_second_import_has_nothing_to_do(zone, subnet):
    ServerFactory(hostname="web.lab.corp.example", ip_address="10.1.0.5")
    planned = transfer.import_zone(zone, FILE)
    assert not Record.objects.exists()
    made = transfer.import_zone(zone, FILE, apply=True)
    assert [one.text for one in planned] == [one.text for one in made]
    assert sorted(str(row) for row in Record.objects.select_related("zone")) == [
        "_imap._tcp.corp.example SRV 0 5 143 www.corp.example",
        "alias.corp.example CNAME www.corp.example",
        "corp.example MX 10 mail.other.example",
        "db.lab.corp.example A 192.0.2.7",
        "txt.corp.example TXT v=spf1 mx; -all",
        "www.corp.example A 192.0.2.1",
        "www.corp.example AAAA 2001:db8::1",
    ]
    left_out = {one.entry.line: one.reason for one in made if one.kind == transfer.LEFT_OUT}
    assert sorted(left_out) == [3, 6, 16, 17, 18, 19, 20]
    assert left_out[16] == "“192.0.2.999” is not an IPv4 address."
    assert kinds(made).count(transfer.KNOWN) == 1  # the server's own
    again = transfer.import_zone(zone, FILE, apply=True)
    assert kinds(again).count(transfer.NEW) == 0 and kinds(again).count(transfer.KNOWN) == 8


def test_a_long_file_needs_no_more_queries_than_a_short_one(zone, subnet):
    def queries(count, name):
        lines = "".join(f"{name}{number} A 192.0.2.1\n" for number in range(count))
        with CaptureQueriesContext(connection) as made:
            verdicts = transfer.import_zone(zone, lines, apply=True)
        assert kinds(verdicts) == [transfer.NEW] * count
        return len(made)

    assert queries(2, "a") == queries(100, "b") < 40
    assert Record.history.count() == 102
    assert DhcpChange.objects.exists()


def test_an_import_keeps_its_own_cnames_apart(zone):
    text = "a CNAME b\nb CNAME a\nc CNAME x\nc TXT t\nd 300 A 192.0.2.1\n"
    made = transfer.import_zone(zone, text, apply=True)
    assert kinds(made) == ["new", "left out", "new", "left out", "new"]
    assert "leads back to itself" in made[1].reason and "CNAME stands alone" in made[3].reason
    assert Record.objects.get(name="d").ttl == 300


def test_an_import_does_not_take_a_machines_name(zone, subnet):
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    (verdict,) = transfer.import_zone(zone, "web A 192.0.2.1\n", apply=True)
    assert verdict.kind == transfer.LEFT_OUT and "belongs to server" in verdict.reason


def test_a_line_that_gives_a_known_record_another_ttl_says_what_it_keeps(zone):
    transfer.import_zone(zone, "a 300 TXT x\nb TXT y\n", apply=True)
    again = transfer.import_zone(zone, "a 300 TXT x\na 60 TXT x\nb 60 TXT y\nb 777 TXT y\n")
    assert kinds(again) == ["known"] * 4
    reasons = [verdict.reason for verdict in again]
    assert reasons == ["", "It keeps its TTL of 300 s.", "", "It keeps its TTL of 60 s."]


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=1, max_size=3).map(".".join)
TEXT = st.text(st.sampled_from(" !#$%&'()*+,-./;<=>?@AZaz09[]^_{|}~"), min_size=1, max_size=40)
PORT = st.integers(0, 65535)
VALUES = {
    "A": st.ip_addresses(v=4).map(str),
    "AAAA": st.ip_addresses(v=6).map(str),
    "CNAME": NAME,
    "MX": st.builds("{} {}".format, PORT, NAME),
    "SRV": st.builds("{} {} {} {}".format, PORT, PORT, PORT, NAME),
    "TXT": TEXT.map(str.strip).filter(bool),
    "CAA": st.builds("0 issue {}".format, NAME),
}
RECORDS = st.one_of(
    *(
        st.tuples(NAME.map("{}.corp.example".format), st.just(kind), values)
        for kind, values in VALUES.items()
    )
)


@given(st.lists(RECORDS, unique=True, max_size=10))
def test_what_is_written_is_read_back(records):
    text = zone_file.write("corp.example", 60, [Served(*record) for record in records])
    entries = zone_file.read(text, "else.example")
    found = [(one.name, one.type, one.value) for one in entries if not one.complaint]
    assert sorted(found) == sorted(records)
    assert len(entries) == len(records)


@given(st.text(max_size=200))
def test_any_text_is_read_to_its_end(text):
    for entry in zone_file.read(text, "corp.example"):
        assert entry.complaint or rdata.canonical(entry.type, entry.value) == entry.value


def test_the_commands_tell_what_they_did(zone, subnet, tmp_path, capsys):
    path = tmp_path / "db"
    path.write_text("www A 192.0.2.1\n")
    call_command("import_zone", "corp.example", str(path))
    assert "line 1: new: www.corp.example A 192.0.2.1\n1 new (nothing" in capsys.readouterr().out
    call_command("import_zone", "corp.example", str(path), "--apply")
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    capsys.readouterr()
    call_command("export_zone", "Corp.Example", server="ns1.corp.example")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "$ORIGIN corp.example."
    assert lines[4:] == ["web.corp.example. A 10.1.0.5", "www.corp.example. A 192.0.2.1"]
    with pytest.raises(CommandError, match="there is no zone x"):
        call_command("export_zone", "x")


def test_a_string_that_does_not_end_is_told_in_one_pass():
    (entry,) = zone_file.read('a TXT "' + '\\"' * 500_000, "corp.example")
    assert entry.complaint == "A string does not end."
