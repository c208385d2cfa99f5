"""Any plan on any ledger: applied, it does what was shown, row by row and line by line, and leaves
nothing to populate; undone, the ledger is as it was.

IPMANAGER_TEST_PROOF=1 (`make proof`) tries hundreds."""

import os
import random
import re
from contextlib import suppress
from functools import partial

import pytest
from django.core.exceptions import ValidationError

from changes.plans import told
from changes.plans.reshapes import Wanted, work_of
from changes.plans.verb import apply, preview
from changes.undo.verb import undo
from core.errors import IPManagerError
from dhcp.models import DhcpScope
from ipam.allocate import allocate, reserve_next
from ipam.models import Interface, Server, Subnet
from ipam.placement.populate import populate
from ipam.reshape.resize import suggested
from ipam.reshape.split import lengths
from tests.changes.undoing import change, ledger
from tests.ipam.factories import SubnetFactory

PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"
LEDGERS = 40 if PROOF else 3
PLANS = 8  # on each ledger

pytestmark = pytest.mark.django_db


def first_seed():
    """`make proof` looks for new ledgers, and `make test` repeats three that are known."""
    return int(os.environ["IPMANAGER_TEST_SEED"]) if PROOF else 1


class World:
    """A ledger by chance: subnets beside and inside each other, and who lives there."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        SubnetFactory(network="10.0.0.0/22", name="Campus")
        for start in (0, 1, 2):
            if start == 0 or self.often():
                self.subnet(f"10.0.{start}")
        if self.often():
            SubnetFactory(network="10.0.1.192/27", name="Inner")
        for number in range(self.chance.randint(8, 20)):
            self.inhabitant(number)

    def often(self):
        return self.chance.random() < 0.7

    def subnet(self, start):
        pick = self.chance.randint
        subnet = SubnetFactory(
            network=f"{start}.0/{self.chance.choice([24, 25])}",
            gateway=f"{start}.1" if self.often() else None,
            domain=self.chance.choice(["", "corp.example"]),
            static_ip_pools=[f"{start}.{pick(2, 9)}-{start}.{pick(30, 60)}"] * self.often(),
            dhcp_pools=[f"{start}.{pick(70, 80)}-{start}.{pick(90, 120)}"] * self.often(),
        )
        if self.often():
            DhcpScope(subnet=subnet, lease_time=pick(600, 900)).save()

    def inhabitant(self, number):
        mac = f"02:00:00:00:00:{number:02x}"
        works = (
            lambda: Server(
                hostname=f"s{number}", mac_address=mac, ip_address=self.address()
            ).save(),
            lambda: Interface(
                server=Server.objects.first(), name=f"eth{number}", ip_address=self.address()
            ).save(),
            lambda: allocate(self.one(), vm_id=f"vm-{number}", hostname=f"v{number}"),
            lambda: allocate(self.one(), hostname=f"d{number}", mac_address=mac),
            lambda: reserve_next(self.one(), f"note {number}"),
        )
        with suppress(ValidationError, IPManagerError):  # somebody lives there already
            self.chance.choice(works)()

    def one(self):
        return self.chance.choice(list(Subnet.objects.order_by("network")))

    def other_than(self, subnet):
        others = Subnet.objects.exclude(pk=subnet.pk).order_by("network")
        return self.chance.choice(list(others) or [subnet])

    def fit(self, verb):
        """Most often a subnet of which the plan makes sense."""
        fits = {
            "split": lambda one: not one.children,
            "merge": lambda one: one.children,
            "renumber": lambda one: one.addresses.live().exists(),
        }
        found = list(filter(fits.get(verb), Subnet.objects.order_by("network")))
        return self.chance.choice(found) if found and self.often() else self.one()

    def address(self):
        return f"10.0.{self.chance.randrange(3)}.{self.chance.randrange(2, 130)}"

    def plan(self):
        verb = self.chance.choice(["split", "merge", "resize", "renumber"])
        subnet = self.fit(verb)
        wanted = partial(
            Wanted,
            subnet,
            first_is_gateway=self.often(),
            keeps_place=self.often(),
            gateway=subnet.gateway,
            new_space=self.chance.choice(["", "static", "dhcp"]),
        )
        into = {
            "split": lambda: {
                "length": self.chance.choice(list(lengths(subnet.network))[:3] or [31])
            },
            "merge": dict,
            "resize": lambda: {"network": self.chance.choice(list(suggested(subnet.network)))},
            "renumber": lambda: {"target": self.other_than(subnet)},
        }
        return work_of(verb, wanted(**into[verb]()))


def scopes():
    """How each subnet is served."""
    rows = DhcpScope.objects.order_by("subnet__network")
    return list(rows.values_list("subnet", "lease_time", "router", "enabled"))


def rows_that_differ(before, after):
    """By their table: how many rows came, went or say something else, found without the log."""
    found = {}
    for table, rows in before.items():
        key = "ip_address" if table == "ip_addresses" else "id"
        old = {row[key]: _said(table, row) for row in rows}
        new = {row[key]: _said(table, row) for row in after[table]}
        keys = {one for one in old.keys() | new.keys() if old.get(one) != new.get(one)}
        found[table] = len(keys)
    return found


def _said(table, row):
    """What people decide: a free address says nothing, and that of a server what the server says.
    Where an address lies follows from the subnets."""
    if table != "ip_addresses":
        return row
    if row["status"] == "available":
        return None
    left_out = {"subnet_id", "ip_type"}
    if row["server_id"]:
        left_out |= {"hostname", "mac_address", "platform", "manufacturer", "description"}
    return {name: value for name, value in row.items() if name not in left_out}


def said(one):
    """What a server is told; a scope's mark holds a key, which another preview may have taken."""
    return one.server, re.sub(r"\bs[0-9]+\b", "s#", one.diff)


def by_table(items):
    found = dict.fromkeys(ledger(), 0)
    for item in items:
        table = item.kind.model._meta.db_table
        if table in found:
            found[table] += 1
    return found


@pytest.mark.parametrize("seed", range(LEDGERS))
def test_any_plan_does_what_was_shown_and_is_undone(seed, settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path
    world = World(first_seed() + seed)
    for _turn in range(PLANS):
        work = world.plan()
        if check(work) and world.often():
            apply(work)  # the next plan meets what this one has made


def check(work):
    before, files, served = ledger(), told.files(), scopes()
    try:
        shown = preview(work)
    except (ValidationError, IPManagerError) as error:
        assert ledger() == before
        with pytest.raises(type(error)):
            apply(work)
        return False
    assert (ledger(), told.files(), scopes()) == (before, files, served)

    with change() as made:
        done = apply(work, shown.digest)

    after = ledger()
    assert done.found == shown.found
    assert list(map(said, told.differences(files, told.files()))) == list(map(said, shown.told))
    assert by_table(shown.effect.items) == rows_that_differ(before, after)
    populate()
    assert ledger() == after
    undo(made)
    assert (ledger(), told.files(), scopes()) == (before, files, served)
    return True
