"""What a source may cost: words, time, and nobody waits for a preview."""

import threading

import pytest
from django.db import connections

from core.errors import Invalid
from core.history import origin
from importers import source
from importers.kinds import KINDS
from importers.plan import import_records
from importers.readers.kea import json_lines
from importers.source import BadInput, Source
from ipam.models import Server, Subnet
from tests.importers.test_plan import LAN

FILES = {
    "isc-dhcpd": ("dhcpd.conf", b"default-lease-time 600;\n"),
    "kea": ("kea.json", b'{"Dhcp4": {}}'),
    "dnsmasq": ("dnsmasq.conf", LAN.encode()),
}


@pytest.mark.parametrize("kind", FILES)
def test_reading_ends_after_some_minutes(monkeypatch, kind):
    monkeypatch.setattr(source, "LONGEST", -1)
    name, data = FILES[kind]
    with pytest.raises(Invalid, match="took more than"):
        KINDS[kind].records(Source.of_uploads({name: data}))


def test_what_includes_make_of_a_small_file_is_bounded(monkeypatch):
    monkeypatch.setattr(json_lines, "MOST_WORDS", 50)
    leaf = b"[" + b"1," * 20 + b"1]"
    whole = b"[" + b'<?include "leaf.json"?>,' * 3 + b"1]"
    with pytest.raises(BadInput, match="^leaf.json:1: It has more than 50 words"):
        json_lines.load(Source.of_uploads({"kea.json": whole, "leaf.json": leaf}), "kea.json")


def test_a_pattern_of_a_directory_is_one_of_names(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.conf").write_text("")
    files = Source.at_path(tmp_path)
    assert files.below("/etc/conf.d", ["*.conf"]) == ["conf.d/a.conf"]
    assert files.below("/etc/conf.d", ["**x", "../**/*"]) == []


@pytest.mark.django_db(transaction=True)
def test_no_writer_waits_for_a_preview():
    """Another connection writes and commits while records are tried."""
    written = threading.Event()

    def write():
        with origin.acting("command", "writer"):
            Server(hostname="elsewhere", ip_address="10.9.9.9").save()
        connections.close_all()
        written.set()

    def progress(what, done, total):
        if not writer.ident:
            writer.start()
            assert written.wait(5), "the writer waits for the preview"

    writer = threading.Thread(target=write)
    records = KINDS["dnsmasq"].records(Source.of_uploads({"dnsmasq.conf": LAN.encode()}))
    import_records(records, apply=False, progress=progress)
    writer.join()
    assert (Server.objects.get().hostname, Subnet.objects.count()) == ("elsewhere", 0)
