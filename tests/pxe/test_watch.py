"""dnsmasq's log tells what machines do before iPXE runs."""

from datetime import UTC, datetime

import pytest

from core.following.entries import Entry
from pxe.events import boot_state
from pxe.events.dnsmasq_log import AT_ONCE, Reader
from pxe.events.dnsmasq_log import consume as consume_lines
from pxe.models import BootEvent
from tests.ipam.factories import ServerFactory

MAC, IP = "02:00:00:00:00:0a", "10.77.0.9"
AT = datetime(2026, 11, 30, 14, 11, 11, tzinfo=UTC)
DHCP, TFTP = "dnsmasq-dhcp", "dnsmasq-tftp"
VENDOR = Entry(AT, DHCP, "42 vendor class: PXEClient:Arch:00007:UNDI:003016")
ACK = Entry(AT, DHCP, f"42 DHCPACK(eth0) {IP} {MAC} web")
SENT = Entry(AT, TFTP, f"sent /srv/tftp/undionly.kpxe to {IP}")


def sent(name="undionly.kpxe", ip=IP):
    return SENT._replace(message=f"sent /srv/tftp/{name} to {ip}")


def consume(*entries):
    consume_lines(entries, None)


@pytest.mark.django_db
def test_a_bios_loader_sent_to_a_uefi_client_is_diagnosed():
    server = ServerFactory(mac_address=MAC, ip_address=IP)
    consume(VENDOR)
    consume(ACK, SENT)
    events = BootEvent.objects.order_by("pk").values_list("kind", "firmware", "detail", "at")
    assert list(events) == [
        ("dhcp", "uefi", "architecture 7", AT),
        ("loader", "", "undionly.kpxe", AT),
    ]
    events = boot_state.events_of(server)
    assert (
        "BIOS loader undionly.kpxe was sent to a UEFI client"
        in boot_state.diagnosis(events, events[0].at).text
    )


@pytest.mark.parametrize(
    "entry",
    [
        Entry(AT, DHCP, ""),
        ACK,
        sent("other.kpxe"),
        VENDOR,
        Entry(AT, "dnsmasq", "reading /etc/hosts"),
        SENT._replace(program=DHCP),
    ],
)
def test_other_lines_say_nothing(entry):
    assert Reader().steps([entry]) == []


def test_a_line_that_makes_no_sense_costs_none_after_it(caplog):
    assert [step.detail for step in Reader().steps([sent(ip="9.9.9.999"), SENT])] == [
        "undionly.kpxe"
    ]
    assert "9.9.9.999" in caplog.text


def test_of_a_storm_the_newest_steps_are_taken():
    steps = Reader().steps([*[SENT] * AT_ONCE, sent("snponly.efi")])
    assert (len(steps), steps[-1].detail) == (AT_ONCE, "snponly.efi")
