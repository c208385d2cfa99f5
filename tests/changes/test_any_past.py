"""Whatever is written by API, admin, import, raw SQL and DHCP: any past moment is what a snapshot
taken then says, and the lines between two snapshots explain every difference between them.

Free addresses follow from the pools and have no past; `active` is a fact of the network.
IPMANAGER_TEST_PROOF=1 (`make proof`) takes 200 snapshots of each history.
"""

import os
import random
import time
from datetime import timedelta
from itertools import chain, pairwise
from operator import attrgetter

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from core.errors import IPManagerError
from core.history.past import tables, whole
from core.history.past.walk import Walk, walked
from dhcp.models import DhcpScope, LeaseInterval
from ipam.allocate import allocate, quarantine, release, reserve
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet
from tests.support import by_hand
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"
HISTORIES, SNAPSHOTS, STEPS = (5, 200, 5) if PROOF else (1, 12, 4)
API = "/api/v1"
STRETCHES = ("count(*) * 0", "count(*) / 2", whole.LINES)  # of the log, for a whole table
NOT_COVERED = {"active", "materialised_to"}
REFUSED = (IPManagerError, DatabaseError, CommandError, ValueError)


def covered():
    named = (VRF, Subnet, Pool, Server, Interface, IPAddress, DhcpScope)
    return [model for model in named if model in tables.tracked()]


def columns(model):
    return [field.attname for field in model._meta.concrete_fields if field.name not in NOT_COVERED]


def rows_of(model):
    """What the table says, now or within the past, by key."""
    rows = model._base_manager.all()
    if model is IPAddress:
        rows = rows.exclude(status="available")
    return {row[0]: row for row in rows.values_list("pk", *columns(model))}


def snapshot():
    return {model: rows_of(model) for model in covered()}


def differences(found, wanted):
    """What is not as it was, column by column."""
    return [
        (
            model.__name__,
            key,
            now and dict(zip(names, now, strict=True)),
            then and dict(zip(names, then, strict=True)),
        )
        for model in wanted
        for names in [["pk", *columns(model)]]
        for key in found[model].keys() | wanted[model].keys()
        for now, then in [(found[model].get(key), wanted[model].get(key))]
        if now != then
    ]


def leased(moment):
    return set(LeaseInterval.objects.at(moment).values_list("ip_address", "mac_address"))


class World:
    """Everybody who writes, with one dice."""

    def __init__(self, dice, api, browser, folder):
        self.dice, self.api, self.browser, self.folder = dice, api, browser, folder
        self.number = 0

    def step(self):
        work = self.dice.choice(
            [
                self.post_subnet,
                self.patch_subnet,
                self.delete_subnet,
                self.post_pool,
                self.post_servers,
                self.patch_server,
                self.delete_servers,
                self.post_interface,
                self.turn_address,
                self.allocate,
                self.add_by_form,
                self.import_csv,
                self.insert_by_hand,
                self.update_by_hand,
                self.delete_by_hand,
                self.lease,
            ]
        )
        try:
            with transaction.atomic():
                work()
        except REFUSED:
            pass  # a refusal leaves nothing behind, which the next snapshot shows

    def name(self):
        self.number += 1
        return f"n{self.number}"

    def address(self):
        return f"10.0.{self.dice.randrange(3)}.{self.dice.randrange(1, 60)}"

    def mac(self):
        return f"02:00:00:00:00:{self.dice.randrange(256):02x}"

    def any(self, model):
        return self.dice.choice([*model._base_manager.all()] or [None])

    def send(self, method, path, body=None):
        getattr(self.api, method)(f"{API}/{path}/", body)

    def post_subnet(self):
        network = f"10.0.{self.dice.randrange(3)}.0/{self.dice.choice([24, 25, 26])}"
        self.send("post", "subnets", {"network": network, "domain": "example.org"})

    def patch_subnet(self):
        if row := self.any(Subnet):
            self.send("patch", f"subnets/{row.pk}", {"name": self.name(), "vlan_id": 7})

    def delete_subnet(self):
        if row := self.any(Subnet):
            row.delete(force=True)

    def post_pool(self):
        if row := self.any(Subnet):
            first = str(row.network).split("/", maxsplit=1)[0].rsplit(".", 1)[0]
            pool = f"{first}.{self.dice.randrange(2, 30)}-{first}.{self.dice.randrange(30, 60)}"
            self.send("patch", f"subnets/{row.pk}", {"static_ip_pools": [pool]})

    def post_servers(self):
        made = [{"hostname": self.name(), "ip_address": self.address()} for _ in range(2)]
        self.send("post", "servers/bulk", made)

    def patch_server(self):
        if row := self.any(Server):
            change = {"ip_address": self.address(), "mac_address": self.mac()}
            self.send("patch", f"servers/{row.pk}", change)

    def delete_servers(self):
        if row := self.any(Server):
            self.send("delete", "servers/bulk", [row.pk])

    def post_interface(self):
        if row := self.any(Server):
            facts = {"server": row.pk, "name": self.name(), "ip_address": self.address()}
            self.send("post", "interfaces", facts)

    def turn_address(self):
        if row := self.any(IPAddress):
            self.dice.choice([reserve, release, quarantine])(row)

    def allocate(self):
        if row := self.any(Subnet):
            allocate(row, vm_id=self.name())

    def add_by_form(self):
        self.browser.post(reverse("admin:ipam_vrf_add"), {"name": self.name(), "rd": ""})

    def import_csv(self):
        path = self.folder / "servers.csv"
        path.write_text(f"hostname,ip_address\n{self.name()},{self.address()}\n")
        call_command("import_csv", "servers", str(path), verbosity=0)

    def insert_by_hand(self):
        by_hand.insert(Server, hostname=self.name(), ip_address=self.address())

    def update_by_hand(self):
        if row := self.any(self.dice.choice([Server, Subnet, IPAddress])):
            by_hand.update(row, description=self.name())

    def delete_by_hand(self):
        if row := self.any(self.dice.choice([Server, Interface, IPAddress])):
            by_hand.delete(row)

    def lease(self):
        now = timezone.now()
        last = LeaseInterval.objects.filter(ended_at=None).first()
        if last and self.dice.random() < 0.5:
            last.end("released", now)
            last.save()
            return
        LeaseInterval.objects.create(
            ip_address=self.address(),
            mac_address=self.mac(),
            started_at=now,
            leased_until=now + timedelta(days=1),
        )


def moment():
    """Now; what comes after has a later time, also by SQLite's clock of milliseconds."""
    time.sleep(0.002)
    now = timezone.now()
    time.sleep(0.002)
    return now


@pytest.mark.parametrize("number", range(HISTORIES))
def test_any_past_moment_is_what_a_snapshot_of_then_says(
    number, admin_client, tmp_path, monkeypatch
):
    dice = random.Random(f"{os.environ['IPMANAGER_TEST_SEED']}-{number}")
    world = World(dice, with_token("admin"), admin_client, tmp_path)
    taken = []
    for _ in range(SNAPSHOTS):
        for _ in range(STEPS):
            world.step()
        taken.append((moment(), snapshot(), leased(timezone.now())))
    assert any(taken[-1][1].values())
    for at, rows, leases in taken:
        with tables.at(at):
            assert differences(snapshot(), rows) == []
        assert walks(at) == {model: set(rows[model]) for model in walks(at)}
        for model in covered():
            monkeypatch.setattr(whole, "LINES", dice.choice(STRETCHES))
            with whole.whole_table_at(model, at):
                assert rows_of(model) == rows[model]
        assert leased(at) == leases
    for former, later in pairwise(taken):
        assert differences(explained(former[0], later[0], former[1]), later[1]) == []


def test_the_highest_number_of_the_last_seconds_counts_in_a_whole_table(monkeypatch):
    """As one by one: clocks differ a little; what is older by more does not count, and a line
    before the stretch may have the highest number."""
    now = timezone.now()
    blue, red, pink = (VRF.objects.create(name=name) for name in ("blue", "red", "pink"))
    for row in (blue, red, pink):
        row.description = "later"
        row.save()
    for row, seconds in ((blue, (20, 23)), (red, (20, 40)), (pink, (40, 60))):
        lines = VRF.history.filter(id=row.pk).order_by("history_id").values_list("pk", flat=True)
        for line, ago in zip(lines, seconds, strict=True):
            VRF.history.filter(pk=line).update(history_date=now - timedelta(seconds=ago))
    expected = {blue.pk: "later", red.pk: "", pink.pk: ""}
    with tables.at(now):
        assert dict(VRF.objects.values_list("pk", "description")) == expected
    for lines in range(7):
        monkeypatch.setattr(whole, "LINES", f"max(id) * 0 + {lines}")
        with whole.whole_table_at(VRF, now):
            assert dict(VRF.objects.values_list("pk", "description")) == expected


lines_of = attrgetter("lines")


def walks(at):
    """The keys that the walks of pages find."""
    found = {}
    for model in covered():
        if field := walked(model):
            lines = [*chain.from_iterable(map(lines_of, Walk(model, field, at).chunks(3)))]
            history = model.history.filter(history_id__in=lines)
            found[model] = set(history.values_list("id", flat=True))
    return found


def explained(since, until, rows):
    """The rows of a snapshot after the lines of the log."""
    return {model: _applied(model, since, until, dict(rows[model])) for model in rows}


def _applied(model, since, until, rows):
    lines = model.history.filter(history_date__gt=since, history_date__lte=until)
    for line in lines.order_by("history_id"):
        if line.history_type == "-" or getattr(line, "status", "") == "available":
            rows.pop(line.id, None)
        else:
            names = ["id", *columns(model)]
            rows[line.id] = tuple(getattr(line, name) for name in names)
    return rows


def test_the_past_cannot_be_changed():
    with pytest.raises(RuntimeError), tables.at(timezone.now()):
        VRF.objects.create(name="red")
    VRF.objects.create(name="red")
