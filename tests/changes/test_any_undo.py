"""Any change of any history is undone, or refused with a later change or a row that exists.

Random changes by the models, the verbs, in bulk and by raw SQL, in a small world in which they
meet. Then a random change is undone. If that is refused, the refusal names what is there. If it is
done, every row is as the lines of the change say that it was, `populate` finds nothing to do, and
the undo of the undo brings back what was. With the later changes undone, too, the ledger is as it
was before all of them. IPMANAGER_TEST_PROOF=1 (`make proof`) tries thousands, or those of as many
histories as IPMANAGER_TEST_HISTORIES says."""

import ipaddress
import os
import random

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from changes.lines import Line, lines_of
from changes.undo.verb import NotPossible, prepare, undo
from core.errors import IPManagerError, NotFound
from ipam.allocate import allocate, find, quarantine, release, reserve
from ipam.models import Interface, Pool, Server, Subnet
from ipam.placement.populate import populate
from tests.changes.undoing import change, ledger
from tests.support.by_hand import by_hand

PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"
MANY = int(os.environ.get("IPMANAGER_TEST_HISTORIES", "300"))
HISTORIES, UNDONE = (MANY, 6) if PROOF else (2, 4)  # and changes of each
STEPS = 25


def first_seed():
    """`make proof` looks for new histories, and `make test` repeats two that are known."""
    return int(os.environ["IPMANAGER_TEST_SEED"]) if PROOF else 1


NETWORKS = ("10.0.0.0/16", "10.0.0.0/24", "10.0.0.0/25", "10.0.0.128/25", "10.0.0.64/26")
BASE = ipaddress.ip_address("10.0.0.0")

pytestmark = pytest.mark.django_db


class World:
    """One administrator with a short memory, each of whose steps is a change."""

    def __init__(self, chance):
        self.chance, self.count, self.made = chance, 0, []

    def step(self):
        work = self.chance.choice(WORKS)
        try:
            with transaction.atomic(), change() as made:
                work(self)
        except (ValidationError, IPManagerError):
            return
        if lines_of(made):
            self.made.append(made)

    def address(self, *, often_none=False):
        if often_none and self.chance.random() < 0.3:
            return None
        return BASE + self.chance.randrange(24)

    def one(self, model):
        rows = list(model.objects.order_by("pk"))
        if not rows:
            raise NotFound("none yet")
        return self.chance.choice(rows)

    def name(self):
        self.count += 1
        return f"s{self.count}"

    def mac(self):
        return f"02:00:00:00:00:{self.chance.randrange(1, 9):02x}"

    # --- changes

    def make_subnet(self):
        subnet = Subnet(network=self.chance.choice(NETWORKS))
        if self.chance.random() < 0.7:
            subnet.static_ip_pools = ["10.0.0.4-10.0.0.12"]
        subnet.save()

    def change_subnet(self):
        subnet = self.one(Subnet)
        subnet.description, subnet.gateway = self.name(), self.address(often_none=True)
        subnet.save()

    def resize_subnet(self):
        subnet = self.one(Subnet)
        subnet.network = self.chance.choice(NETWORKS)
        subnet.save()

    def delete_subnet(self):
        self.one(Subnet).delete(force=True)

    def change_pools(self):
        subnet = self.one(Subnet)
        first, size = self.chance.randrange(2, 16), self.chance.randrange(1, 9)
        subnet.static_ip_pools = [f"{BASE + first}-{BASE + first + size}"]
        subnet.save()

    def delete_pool(self):
        self.one(Pool).delete()

    def make_server(self):
        mac = self.mac() if self.chance.random() < 0.5 else None
        Server(hostname=self.name(), ip_address=self.address(), mac_address=mac).save()

    def move_server(self):
        server = self.one(Server)
        server.ip_address = self.address(often_none=True)
        server.save()

    def describe_server(self):
        server = self.one(Server)
        column = self.chance.choice(["description", "location", "hostname"])
        setattr(server, column, self.name())
        server.save()

    def delete_server(self):
        self.one(Server).delete()

    def make_card(self):
        address = self.address(often_none=True)
        Interface(server=self.one(Server), name=self.name(), ip_address=address).save()

    def delete_card(self):
        self.one(Interface).delete()

    def allocate(self):
        wanted = self.address(often_none=True)
        vm_id = f"vm-{self.chance.randrange(5)}"
        allocate(self.one(Subnet), vm_id=vm_id, wanted=wanted)

    def turn(self):
        verb = self.chance.choice([reserve, quarantine])
        verb(find(self.address()), self.name())

    def release(self):
        release(find(self.address()))

    def detach(self):
        reserve(find(self.address()), "kept", detach=True)

    def bulk(self):
        keys = [self.one(Server).pk for _number in range(3)]
        with transaction.atomic():
            Server.objects.filter(pk__in=keys).update(location=self.name())

    def several(self):
        for _number in range(3):
            self.chance.choice(SINGLE)(self)

    def raw(self):
        """PostgreSQL's transaction has an id; on SQLite the line has none."""
        values = [self.name(), self.one(Server).pk]
        by_hand("UPDATE hosts SET description = %s WHERE id = %s", values)
        self.made.append(Line(Server, Server.history.latest("history_id")).key)


SINGLE = [
    World.make_subnet,
    World.change_subnet,
    World.resize_subnet,
    World.delete_subnet,
    World.change_pools,
    World.delete_pool,
    World.make_server,
    World.make_server,
    World.move_server,
    World.move_server,
    World.describe_server,
    World.delete_server,
    World.make_card,
    World.delete_card,
    World.allocate,
    World.allocate,
    World.turn,
    World.release,
    World.detach,
    World.bulk,
]
WORKS = [*SINGLE, World.raw, World.several, World.several, World.several]


def in_step():
    """The ledger is as if it had been written down afresh."""
    with transaction.atomic():
        done = populate()
        transaction.set_rollback(True)
    assert not (done.freed or done.deleted or done.moved or done.static_created)
    assert not (done.static_updated or done.dhcp_created or done.dhcp_updated)


def refusal_names_what_is_there(plan):
    assert plan.refusals
    for refusal in plan.refusals:
        assert refusal.text
        for later in refusal.later:
            assert lines_of(later.token) or ":" in later.token
        if not refusal.later and refusal.rows:
            assert all(row.pk for row in refusal.rows if hasattr(row, "pk"))


def goes_back(made):
    """Undo one change: as it was before in all its rows, and the undo of that as it is now."""
    before = ledger()
    plan = prepare(made)
    with change() as back:
        undo(made, digest=plan.digest)
    for item in plan.items:
        row = item.kind.rows([item.identity]).get(item.identity)
        state = item.kind.state(row)
        assert {name: state[name] for name in item.wanted if name in state} == {
            name: value for name, value in item.wanted.items() if name in state
        }
    in_step()
    try:
        undo(back)
    except NotPossible as error:
        refusal_names_what_is_there(error.plan)
        return False
    assert ledger() == before
    in_step()
    return True


def undone_or_refused(made):
    with transaction.atomic():
        plan = prepare(made)
        if plan.is_possible:
            done = goes_back(made)
        else:
            refusal_names_what_is_there(plan)
            done = False
        transaction.set_rollback(True)
    return done


def test_any_change_goes_back_or_the_refusal_names_why(record_property):
    seed = first_seed()
    tried = done = 0
    for number in range(HISTORIES):
        chance = random.Random(f"{seed}/{number}")
        world = World(chance)
        with transaction.atomic():
            for _step in range(STEPS):
                world.step()
            for made in chance.sample(world.made, min(UNDONE, len(world.made))):
                tried += 1
                done += undone_or_refused(made)
            transaction.set_rollback(True)
    record_property("undone", f"{done} of {tried}")
    assert done >= tried // 4


def goes_back_to(before, made):
    """Or there was nothing to undo: what the change made, it took away again."""
    with transaction.atomic():
        if prepare(made).items:
            undo(made)
        assert ledger() == before
        transaction.set_rollback(True)


def test_the_last_change_goes_back_to_what_was_before(record_property):
    """Nothing can stand in its way, so none is refused."""
    seed = first_seed()
    for number in range(HISTORIES):
        world = World(random.Random(f"last {seed}/{number}"))
        with transaction.atomic():
            for _step in range(STEPS):
                before, count = ledger(), len(world.made)
                world.step()
                if len(world.made) > count:
                    goes_back_to(before, world.made[-1])
            transaction.set_rollback(True)


def test_with_its_later_changes_it_goes_back_or_says_why():
    seed = first_seed()
    for number in range(HISTORIES):
        chance = random.Random(f"later {seed}/{number}")
        world = World(chance)
        with transaction.atomic():
            for _step in range(STEPS):
                world.step()
            for made in chance.sample(world.made, min(UNDONE, len(world.made))):
                with transaction.atomic():
                    plan = prepare(made, with_later=True)
                    if plan.is_possible:
                        undo(made, with_later=True, digest=plan.digest)
                        in_step()
                    else:
                        refusal_names_what_is_there(plan)
                    transaction.set_rollback(True)
            transaction.set_rollback(True)
