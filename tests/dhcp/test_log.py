"""What dnsmasq's log says of DHCP becomes a timeline, evidence, problems and counters."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from django.utils import timezone

from core.following.entries import Entry
from dhcp.log import evidence
from dhcp.log.lines import exchanges
from dhcp.log.reader import LogReader
from dhcp.log.store import OF_ONE_MACHINE, store
from dhcp.models import DhcpLog, DhcpProblem, DhcpTransaction
from ipam.models import Sighting
from ipam.signals import foreign_dhcp_server
from tests.dhcp.log_lines import line
from tests.support.lab import POOL, STATIC, laboratory

MAC, OTHER, IP = "02:00:00:00:00:01", "02:00:00:00:00:08", "10.77.0.9"
DUID = "00:03:00:01:02:00:00:00:00:01"
AT = datetime(2026, 11, 30, 14, 11, 11, tzinfo=UTC)

# Real lines of dnsmasq 2.90, without and with log-dhcp.
LINES = [
    (f"DHCPDISCOVER(eth0) {MAC} ", ("discover", None, MAC, "", "eth0", "")),
    (f"DHCPDISCOVER(eth0) {IP} {MAC} ", ("discover", IP, MAC, "", "eth0", "")),
    (f"4255666708 DHCPOFFER(eth0) {IP} {MAC} ", ("offer", IP, MAC, "", "eth0", "")),
    (f"887274243 DHCPACK(eth0) {IP} {MAC} web", ("ack", IP, MAC, "", "eth0", "web")),
    (f"DHCPDISCOVER(eth0) {MAC} ignored", ("ignored", None, MAC, "", "eth0", "ignored")),
    (
        f"DHCPDISCOVER(eth0) {MAC} no address available",
        ("full", None, MAC, "", "eth0", "no address available"),
    ),
    (
        f"DHCPNAK(eth0) {IP} {MAC} wrong server-ID",
        ("nak", IP, MAC, "", "eth0", "wrong server-ID"),
    ),
    (
        f"DHCPNAK(eth0) {IP} {MAC} static lease available",
        ("nak", IP, MAC, "", "eth0", "static lease available"),
    ),
    (f"DHCPDECLINE(eth0) {IP} {MAC} ", ("decline", IP, MAC, "", "eth0", "")),
    (
        f"DHCPRELEASE(eth0) {IP} {MAC} unknown lease",
        ("release", IP, MAC, "", "eth0", "unknown lease"),
    ),
    (f"DHCPINFORM(eth0) {IP} {MAC}", ("inform", IP, MAC, "", "eth0", "")),
    (
        f"disabling DHCP static address {IP} for 10m",
        ("disabled", IP, None, "", "", "for 10m"),
    ),
    (
        f"not using configured address {IP} because it is leased to {OTHER}",
        ("not_used", IP, None, "", "", f"it is leased to {OTHER}"),
    ),
    (
        "no address range available for DHCP request via eth0",
        ("no_range", None, None, "", "eth0", "via eth0"),
    ),
    (
        "no address range available for DHCPv6 request from relay at fd00::1",
        ("no_range", None, None, "", "fd00::1", "from relay at fd00::1"),
    ),
    (
        f"duplicate dhcp-host IP address {IP} at line 3 of /var/hosts",
        ("duplicate", IP, None, "", "", "at line 3 of /var/hosts"),
    ),
    (f"DHCPSOLICIT(eth0) {DUID} ", ("discover", None, MAC, DUID, "eth0", "")),
    (
        f"6830403 DHCPADVERTISE(eth0) fd00:77::184 {DUID} ",
        ("offer", "fd00:77::184", MAC, DUID, "eth0", ""),
    ),
    (f"DHCPREPLY(eth0) fd00:77::184 {DUID} web", ("ack", "fd00:77::184", MAC, DUID, "eth0", "web")),
    (
        f"DHCPADVERTISE(eth0) {DUID} no addresses available",
        ("full", None, MAC, DUID, "eth0", "no addresses available"),
    ),
]
NOTHING = [
    "",
    "read /etc/hosts - 8 addresses and more",
    f"42 vendor class: DHCPACK(eth0) {IP} {MAC} web",
    f"DHCPWRONG(eth0) {IP} {MAC}",
    "DHCP, IP range 10.77.0.100 -- 10.77.0.101, lease time 1h",
    f"DHCPACK(eth0) {IP} 01:00:5e:00:00:01:\n{MAC}",
]


def entries(*messages, after=0):
    """Entries of one second each."""
    start = timezone.now() - timedelta(minutes=10) + timedelta(seconds=after)
    return [
        Entry(start + timedelta(seconds=number), "dnsmasq-dhcp", message)
        for number, message in enumerate(messages)
    ]


def told(*messages, after=0, server_id=None):
    """Store these messages; what somebody has to act on then."""
    store(entries(*messages, after=after), server_id)
    return sorted(DhcpProblem.objects.values_list("kind", flat=True))


@pytest.mark.parametrize(("message", "expected"), LINES, ids=[text for text, _ in LINES])
@pytest.mark.once
def test_every_kind_of_line_is_read(message, expected):
    (found,) = exchanges([Entry(AT, "dnsmasq-dhcp", message)])
    kind, _at, ip, mac, duid, interface, detail = found
    assert (kind, ip, mac, duid, interface, detail) == expected


@pytest.mark.parametrize("message", NOTHING)
@pytest.mark.once
def test_other_lines_say_nothing_of_dhcp(message):
    assert list(exchanges([Entry(AT, "dnsmasq", message)])) == []


@pytest.mark.once
def test_a_message_without_a_machine_belongs_to_the_next_request_or_the_last_decline():
    found = exchanges(
        entries(
            f"DHCPDECLINE(eth0) {IP} {MAC} ",
            f"disabling DHCP static address {IP} for 10m",
            f"not using configured address {IP} because it was previously declined",
            f"DHCPDISCOVER(eth0) {MAC} ",
        )
    )
    assert [(row.kind, row.mac, row.interface) for row in found] == [
        (kind, MAC, "eth0") for kind in ("decline", "disabled", "not_used", "discover")
    ]


@pytest.mark.django_db
def test_lines_become_rows_sightings_and_counts(django_assert_num_queries):
    lines = entries(
        f"DHCPREQUEST(eth0) {IP} {MAC} ",
        f"DHCPACK(eth0) {IP} {MAC} web",
        f"DHCPDECLINE(eth0) 10.77.0.20 {OTHER} ",
    )
    with django_assert_num_queries(7):
        counts = store(lines, None)
    assert counts == {"request": 1, "ack": 1, "decline": 1}
    rows = DhcpTransaction.objects.values_list("kind", "ip_address", "mac_address", "detail")
    assert list(rows) == [
        ("decline", ip_address("10.77.0.20"), OTHER, ""),
        ("ack", ip_address(IP), MAC, "web"),
        ("request", ip_address(IP), MAC, ""),
    ]
    seen = Sighting.objects.filter(source="dhcp").order_by("ip_address")
    assert [(row.ip_address, row.mac_address, row.hostname, row.seen_at) for row in seen] == [
        (ip_address(IP), MAC, "web", lines[1].at),
        (ip_address("10.77.0.20"), None, "", lines[2].at),
    ]


@pytest.mark.django_db
def test_a_sighting_is_renewed_and_never_set_back():
    told(f"DHCPACK(eth0) {IP} {MAC} web", f"DHCPDECLINE(eth0) {IP} {OTHER} ")
    told(f"DHCPACK(eth0) {IP} {MAC} new", f"DHCPDECLINE(eth0) {IP} {OTHER} ", after=60)
    told(f"DHCPACK(eth0) {IP} {MAC} old", after=30)
    for row in Sighting.objects.all():
        assert 59 < (row.seen_at - row.first_seen_at).total_seconds() < 62
        assert row.hostname == ("new" if row.mac_address else "")


@pytest.mark.django_db
def test_sightings_are_written_in_one_order_so_that_two_readers_cannot_block_each_other():
    told(*[f"DHCPACK(eth0) 10.77.0.{number} {MAC} " for number in (7, 9, 8)])
    told(*[f"DHCPDECLINE(eth0) 10.77.0.{number} {MAC} " for number in (7, 9, 8)])
    found = Sighting.objects.order_by("pk").values_list("ip_address", flat=True)
    assert [str(ip)[-1] for ip in found] == ["7", "8", "9"] * 2


@pytest.mark.django_db
def test_of_a_storm_the_newest_rows_are_kept_and_all_lines_counted(settings):
    counts = store(entries(*[f"DHCPDISCOVER(eth0) {MAC} "] * (OF_ONE_MACHINE + 50)), None)
    assert (counts["discover"], DhcpTransaction.objects.count()) == (150, OF_ONE_MACHINE)
    settings.KEEP_DHCP_ROWS = 10
    told(f"DHCPDISCOVER(eth0) {OTHER} ", after=300)
    assert DhcpTransaction.objects.count() == 10
    assert DhcpTransaction.objects.first().mac_address == OTHER


# Each: what is told of, and what shows that it is over.
CURED = {
    "decline": ([f"DHCPDECLINE(eth0) {IP} {MAC} "], [f"DHCPACK(eth0) {IP} {MAC} web"]),
    "not_used": (
        [
            f"not using configured address {IP} because it is leased to {OTHER}",
            f"DHCPDISCOVER(eth0) {MAC} ",
            f"DHCPACK(eth0) {IP} {OTHER} ",
        ],
        [f"DHCPACK(eth0) {IP} {MAC} web"],
    ),
    "full": (
        [f"DHCPDISCOVER(eth0) {MAC} no address available"],
        [f"DHCPACK(eth0) 10.77.0.101 {MAC} "],
    ),
    "no_range": (
        ["no address range available for DHCP request via eth0"],
        [f"DHCPOFFER(eth0) {IP} {OTHER} "],
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", CURED)
def test_a_problem_goes_when_a_later_line_shows_that_it_is_over(kind):
    bad, well = CURED[kind]
    assert told(*bad) == [kind]
    assert told(*bad, after=10) == [kind]  # told of again
    assert DhcpProblem.objects.get().times == 2
    assert told(*well, after=20) == []
    assert told(*bad, *well, after=30) == []
    assert told(*well, *bad, after=40) == [kind]


@pytest.mark.django_db
def test_a_duplicate_goes_when_dnsmasq_has_read_its_files_without_it():
    def read(*duplicates, after):
        start = Entry(timezone.now(), "dnsmasq", "read /files/generation - 0 names")
        rest = [f"duplicate dhcp-host IP address {ip} at line 3 of /h" for ip in duplicates]
        lines = entries("", *rest, "read /files/hosts", after=after)
        store([start._replace(at=lines[0].at), *lines[1:]], None)
        return [str(row.ip_address) for row in DhcpProblem.objects.order_by("ip_address")]

    assert read(IP, "10.77.0.10", after=0) == [IP, "10.77.0.10"]
    assert read("10.77.0.10", after=5) == ["10.77.0.10"]
    assert read(after=10) == []


@pytest.mark.django_db
def test_another_server_is_told_of_and_forgotten_after_a_while():
    heard = []

    def hear(sender, **facts):
        heard.append((facts["server_id"], facts["interface"], facts["mac"]))

    foreign_dhcp_server.connect(hear)
    assert told(f"DHCPNAK(eth0) {IP} {MAC} wrong server-ID") == ["foreign"]
    foreign_dhcp_server.disconnect(hear)
    assert heard == [(None, "eth0", MAC)]
    heard.clear()
    foreign_dhcp_server.connect(hear)
    told(*[f"DHCPNAK(eth{n % 2}) {IP} {OTHER} wrong server-ID" for n in range(90)])
    foreign_dhcp_server.disconnect(hear)
    assert heard == [(None, "eth0", OTHER), (None, "eth1", OTHER)]  # however many lines
    DhcpProblem.objects.update(expires_at=timezone.now())
    assert not DhcpProblem.objects.current()
    assert told() == []


@pytest.mark.django_db
def test_evidence_names_the_last_refusal_since_an_acknowledgement(django_assert_num_queries):
    ip = ip_address(IP)
    told(
        f"DHCPNAK(eth0) {IP} {MAC} address in use",
        f"DHCPNAK(eth0) {IP} {OTHER} wrong address",
        f"DHCPACK(eth0) {IP} {OTHER} ",
        f"DHCPDECLINE(eth0) 10.77.0.20 {MAC} ",
    )
    with django_assert_num_queries(1):
        found = evidence.recent([MAC, OTHER], [ip])
    assert found.refused(MAC).kind == "decline"
    assert found.refused(OTHER) is None
    assert len(found.of(None, ip)) == 3


# --- the reader ---------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path, target):
    """A log and its reader, which has read it once."""
    path = tmp_path / "dnsmasq.log"
    path.touch()
    target.prepare()
    reader = LogReader(replace(target, log=str(path)))
    reader.work()

    def say(*messages):
        with path.open("a") as file:
            file.writelines(f"{line(message)}\n" for message in messages)

    reader.say, reader.path = say, path
    yield reader
    reader.finish()


ACK = f"DHCPACK(eth0) {IP} {MAC} web"


@pytest.mark.django_db
def test_position_and_counts_are_stored_with_the_lines(log):
    log.say(ACK, "anything else")
    log.work()
    row = DhcpLog.objects.get()
    assert (row.lines, row.counts, row.problem) == (2, {"ack": 1}, "")
    again = LogReader(log.target)
    again.work()
    again.finish()
    assert DhcpTransaction.objects.count() == 1


@pytest.mark.django_db
def test_lines_that_another_process_has_read_are_not_stored_twice(log, monkeypatch):
    log.say(ACK)
    other, row = LogReader(log.target), log._row()
    other.work()
    monkeypatch.setattr(log, "_row", lambda: row)
    log._read_once()
    assert (DhcpTransaction.objects.count(), DhcpLog.objects.get().lines) == (1, 1)
    other.finish()


@pytest.mark.django_db
def test_why_a_log_cannot_be_read_is_kept_until_it_can(log, caplog):
    log.finish()
    log.path.rename(log.path.parent / "away")  # so that its inode is nobody else's
    log.path.mkdir()
    log.work()
    log.work()
    assert "not a regular file" in DhcpLog.objects.get().problem
    assert caplog.text.count("cannot read the log") == 1
    log.path.rmdir()
    log.say(ACK)
    log.work()
    row = DhcpLog.objects.get()
    assert (row.problem, row.counts, row.losses) == ("", {"ack": 1}, 1)  # of the file before


@pytest.mark.django_db
def test_without_a_log_nothing_is_read(target):
    LogReader(target).work()
    assert not DhcpLog.objects.exists()


@pytest.mark.needs("root", "namespaces", "dnsmasq")
@pytest.mark.django_db
def test_a_real_dnsmasq_is_understood(target):
    """Every line of it that names DHCP is read, with log-dhcp as without."""
    hosts = f"{MAC},{IP},web\n{OTHER},10.77.0.1,self\n02:00:00:00:00:07,ignore\n"
    with laboratory([STATIC, POOL], ["log-dhcp"]) as lab:
        lab.write_hosts(hosts)
        lab.reload()
        reader = LogReader(replace(target, log=str(lab.logfile)))
        target.prepare()
        lab.client.acquire(MAC)
        lab.client.acquire(OTHER)
        lab.client.discover("02:00:00:00:00:07", wait=0.2)
        lab.client.request(MAC, IP, server="10.77.0.250")
        lab.client.ask(do="decline", mac=MAC, wanted=IP, server="10.77.0.1")
        lab.wait(lambda: "disabling DHCP static" in lab.log(), "no DECLINE")
        reader.work()
        reader.finish()
    counts = DhcpLog.objects.get().counts
    assert counts == {
        "discover": 2,
        "offer": 2,
        "request": 3,
        "ack": 2,
        "not_used": 1,
        "ignored": 1,
        "nak": 1,
        "decline": 1,
        "disabled": 1,
    }
    kinds = DhcpProblem.objects.values_list("kind", "ip_address", "mac_address")
    assert sorted(kinds) == [
        ("decline", ip_address(IP), MAC),
        ("foreign", ip_address(IP), MAC),
        ("not_used", ip_address("10.77.0.1"), OTHER),
    ]
