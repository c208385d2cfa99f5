"""dhcp.daemon.confirm: only dnsmasq's own answer proves that it has read the new files."""

import socket
import struct
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.daemon import confirm
from dhcp.files import render
from tests.support.lab import laboratory

SERVER = ("10.77.0.1", 53)
FIRST, SECOND = b"first\n", b"second\n"


def test_dnsmasq_tells_which_files_it_has_read():
    with laboratory() as lab, lab.inside():
        assert confirm.serving(SERVER, 2) is None
        lab.generation.write_bytes(render.generation_file(FIRST, ""))
        lab.reload()
        confirm.wait_until(render.generation_address(FIRST), SERVER, 2)
        with pytest.raises(confirm.Unconfirmed, match="still serves an older generation"):
            confirm.wait_until(render.generation_address(SECOND), SERVER, 0.1)


def test_it_waits_until_dnsmasq_has_read_them():
    with laboratory() as lab, lab.inside():
        lab.generation.write_bytes(render.generation_file(SECOND, ""))
        threading.Timer(0.3, lab.reload).start()
        confirm.wait_until(render.generation_address(SECOND), SERVER, 10)


def test_a_closed_port_is_named_at_once():
    started = time.monotonic()
    with pytest.raises(confirm.Unconfirmed, match="Connection refused"):
        confirm.wait_until(render.generation_address(FIRST), ("127.0.0.1", 9), 0.1)
    assert time.monotonic() - started < 2


def answer(record):
    """What a name server makes of our question with this answer section."""
    question = confirm._question(7)
    return struct.pack("!6H", 7, 0x8180, 1, 1, 0, 0) + question[12:] + record


def record(kind, data, name=b"\xc0\x0c"):
    return name + struct.pack("!HHIH", kind, 1, 0, len(data)) + data


@pytest.mark.parametrize(
    ("section", "address"),
    [
        (record(1, b"\x7f\x80\x00\x07"), "127.128.0.7"),
        (record(1, b"\x7f\x80\x00\x07", b"\x03gen\xc0\x10"), "127.128.0.7"),
        (record(28, bytes(16)), "None"),
        (record(1, b"\x7f"), "None"),
        (b"", "None"),
        (b"\xc0", "None"),
    ],
)
def test_answers_are_read_with_care(section, address):
    assert str(confirm._first_address(answer(section), 7)) == address


def test_an_answer_to_another_question_is_no_answer():
    assert confirm._first_address(answer(record(1, b"\x7f\x80\x00\x07")), 8) is None


@given(st.binary(max_size=80))
def test_no_answer_whatsoever_is_an_error_of_ours(rubbish):
    confirm._first_address(answer(rubbish), 7)
    confirm._first_address(rubbish, 7)


def test_silence_ends_in_time():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        started = time.monotonic()
        with pytest.raises(confirm.Unconfirmed, match="timed out"):
            confirm.wait_until(render.generation_address(FIRST), silent.getsockname(), 0.2)
        assert time.monotonic() - started < 2
