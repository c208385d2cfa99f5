"""A row is judged alike in bulk and by hand: accepted or refused, and for the same fields.

Ten thousand generated rows, most of them bad, under IPMANAGER_TEST_PROOF=1 (`make proof`); a
hundred otherwise."""

import csv
import io
import os
import random

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from ipam.addresses import parse_mac
from ipam.allocate import allocate, find, quarantine, reserve
from ipam.models import Server
from ipam.transfer.columns import SERVERS
from ipam.transfer.files import open_sheet
from ipam.transfer.servers import import_servers
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db
ROWS = 10_000 if os.environ.get("IPMANAGER_TEST_PROOF") == "1" else 100
PLACES = (
    20  # rows of one file; each has a subnet and rivals of its own, so that none depends on another
)
NAMES = ("hostname", "ip_address", "mac_address", "location", "description", "enabled")


def mac(place, number):
    return f"02:00:00:00:{place:02x}:{number:02x}"


def make_place(place):
    """A subnet in which every kind of holder has an address."""
    net = f"10.{place}.0"
    subnet = SubnetFactory(network=f"{net}.0/24", gateway=f"{net}.254")
    PoolFactory(subnet=subnet, first=f"{net}.10", last=f"{net}.20")
    PoolFactory(subnet=subnet, first=f"{net}.100", last=f"{net}.109", kind="dhcp")
    SubnetFactory(network=f"{net}.128/28")
    ServerFactory(hostname=f"rival-{place}", ip_address=f"{net}.10", mac_address=mac(place, 1))
    ServerFactory(hostname=f"bare-{place}", ip_address=f"{net}.11", mac_address=None)
    known = ServerFactory(
        hostname=f"known-{place}", ip_address=f"{net}.12", mac_address=mac(place, 2)
    )
    InterfaceFactory(server=known, ip_address=f"{net}.13", mac_address=mac(place, 3))
    other = ServerFactory(hostname=f"other-{place}", mac_address=None)
    InterfaceFactory(server=other, ip_address=f"{net}.14", mac_address=mac(place, 4))
    allocate(subnet, wanted=f"{net}.15", vm_id=f"vm-{place}")
    reserve(find(f"{net}.16"), "kept")
    quarantine(find(f"{net}.17"), "odd")


def cells(place, chance):
    """What a row says of a server, each cell as often wrong as right."""
    net = f"10.{place}.0"
    names = [
        "",
        "'",
        f"row-{place}",
        f"row-{place}.example.org",
        f"rival-{place}",
        f"RIVAL-{place}",
        f"bare-{place}",
        f"known-{place}",
        f"other-{place}",
        "-a",
        "a b",
        "x" * 64,
        "x." * 130 + "x",
        "ü",
        "a..b",
        "a.",
        "a\nb",
    ]
    addresses = [
        "",
        "'",
        *(f"{net}.{last}" for last in (0, *range(10, 19), 30, 100, 128, 129, 143, 254, 255, 300)),
        f"198.51.100.{place}",
        f"10.{place}.0.010",
        f"{net}.10/24",
        "fe80::1%eth0",
        f"::ffff:{net}.10",
        "x",
    ]
    macs = [
        "",
        "'",
        *(mac(place, number) for number in range(1, 6)),
        mac(place, 1).upper().replace(":", "-"),
        "01:00:00:00:00:01",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "02:00",
        "x",
    ]
    texts = ["", "", "", "room 1", "x" * 100, "x" * 101, "x" * 256]
    drawn = map(
        chance.choice, (names, addresses, macs, texts, texts, ["", "", "yes", "no", "perhaps"])
    )
    return dict(zip(NAMES, drawn, strict=True))


def files(rows):
    """The same rows at every run, in files of which each place has one."""
    chance = random.Random(4)
    for _ in range(rows // PLACES):
        yield [cells(place, chance) for place in range(PLACES)]


def in_bulk(rows):
    """For every row the columns that are to blame."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(
        [["line", *NAMES], *([number, *row.values()] for number, row in enumerate(rows))]
    )
    with open_sheet(io.BytesIO(text.getvalue().encode()), SERVERS) as sheet:
        verdicts = import_servers(sheet, "dry-run").verdicts
    return [
        {remark.field for remark in verdict.remarks} if verdict.state == "bad" else set()
        for verdict in verdicts
    ]


def by_hand(row):
    """The fields that are to blame when the same is saved in a form."""
    try:
        with transaction.atomic():
            said(row).save()
            transaction.set_rollback(True)
    except ValidationError as error:
        return set(error.message_dict)
    return set()


def said(row):
    """The server that the row speaks of, with what it says; cells as they were typed."""
    server = known(row)
    for name, cell in row.items():
        if cell:
            setattr(server, name, typed(name, cell))
    return server


def typed(name, cell):
    if cell == "'":
        return None if name in ("ip_address", "mac_address") else ""
    return {"yes": True, "no": False}.get(cell, cell) if name == "enabled" else cell


def known(row):
    """By its MAC, else by its name, if that server's MAC is no other."""
    try:
        wanted = row["mac_address"].strip("'") and parse_mac(row["mac_address"])
    except ValueError:
        return Server(hostname="any")  # nobody knows which
    if wanted and (found := Server.objects.filter(mac_address=wanted).first()):
        return found
    found = Server.objects.filter(hostname__iexact=row["hostname"]).first()
    return found if found and not (wanted and found.mac_address) else Server()


def test_a_file_is_judged_as_each_of_its_rows_saved_by_hand():
    for place in range(PLACES):
        make_place(place)
    refused = 0
    for rows in files(ROWS):
        for row, fields in zip(rows, in_bulk(rows), strict=True):
            assert fields == by_hand(row), row
            refused += bool(fields)
    assert ROWS / 2 < refused < ROWS
