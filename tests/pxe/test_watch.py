"""dnsmasq's log tells what machines do before iPXE runs."""

import pytest
from django.db import OperationalError, connection

from pxe.events import boot_state
from pxe.events.dnsmasq_log import LogReader, Reader, Tail
from pxe.models import BootEvent
from tests.ipam.factories import ServerFactory

MAC, IP = "02:00:00:00:00:0a", "10.77.0.9"
START = "Nov 21 12:00:00 dnsmasq"
VENDOR = f"{START}-dhcp[7]: 42 vendor class: PXEClient:Arch:00007:UNDI:003016"
ACK = f"{START}-dhcp[7]: 42 DHCPACK(eth0) {IP} {MAC} web"
SENT = f"{START}-tftp[7]: sent /srv/tftp/undionly.kpxe to {IP}"


@pytest.mark.django_db
def test_a_bios_loader_sent_to_a_uefi_client_is_diagnosed():
    server = ServerFactory(mac_address=MAC, ip_address=IP)
    reader = Reader()
    for line in (VENDOR, ACK, SENT):
        reader.line(line)
    assert list(BootEvent.objects.order_by("pk").values_list("kind", "firmware", "detail")) == [
        ("dhcp", "uefi", "architecture 7"),
        ("loader", "", "undionly.kpxe"),
    ]
    events = boot_state.events_of(server)
    assert (
        "BIOS loader undionly.kpxe was sent to a UEFI client"
        in boot_state.diagnosis(events, events[0].at).text
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "line", ["", ACK, SENT.replace("undionly", "other"), VENDOR, f"{START}: reading /etc/hosts"]
)
def test_other_lines_say_nothing(line):
    Reader().line(line)
    assert not BootEvent.objects.exists()


def test_only_new_whole_lines_are_read_across_a_rotation(tmp_path):
    log = tmp_path / "log"
    tail = Tail(log)
    assert list(tail.lines()) == []
    log.write_text("old\n")
    assert list(tail.lines()) == []
    with log.open("a") as file:
        file.write("new\nhal")
    assert list(tail.lines()) == ["new"]
    log.rename(tmp_path / "log.1")
    log.write_text("rotated\n")
    assert list(tail.lines()) == ["rotated"]


@pytest.fixture
def look(settings, tmp_path):
    """Look at a log with these new lines, as the worker does every few seconds."""
    settings.DNSMASQ_LOG = tmp_path / "log"
    settings.DNSMASQ_LOG.write_text("")
    worker = LogReader()

    def look(*lines):
        with settings.DNSMASQ_LOG.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        worker.tick()
        return BootEvent.objects.values_list("detail", flat=True)

    look()
    return look


@pytest.mark.django_db(transaction=True)  # the worker's loop drops broken connections
def test_a_line_that_makes_no_sense_costs_none_after_it(look):
    ServerFactory(mac_address=MAC, ip_address=IP)
    assert list(look(SENT.replace(IP, "999.0.0.1"), SENT)) == ["undionly.kpxe"]


@pytest.mark.django_db(transaction=True)  # the worker's loop drops broken connections
def test_what_the_database_could_not_take_is_taken_later(look):
    ServerFactory(mac_address=MAC, ip_address=IP)

    def away(execute, sql, *rest):
        if sql.startswith("INSERT"):
            raise OperationalError("the database is away")
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        assert not look(SENT, SENT.replace("undionly.kpxe", "snponly.efi"))
    assert sorted(look()) == ["snponly.efi", "undionly.kpxe"]
