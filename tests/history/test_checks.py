"""The checker itself, by small histories made by hand: what may happen passes, what may not is
named."""

import itertools
import random

import pytest

from tests.history.calls import LOST, NO, YES, Call, History, Lease, Line, Window
from tests.history.checks import CHECKS, faults

A, B = "10.0.0.1", "10.0.0.2"


def call(verb, start, end, answer=YES, owner="", ip="", **more):
    return Call(verb, start, end, answer, owner, ip, **more)


def allocate(start, end, owner, ip="", answer=None, **more):
    return call("allocate", start, end, answer or (YES if ip else NO), owner, ip, **more)


def found(*calls, pool=(A,), **more):
    """The names of the checks that are not content."""
    return set(faults(History(tuple(calls), frozenset(pool), **{"lines": told(calls), **more})))


def told(calls):
    """A ledger's history that has every allocation, each followed by a free line."""
    given = [c for c in calls if c.verb in ("allocate", "post") and c.answer == YES]
    lines = itertools.chain.from_iterable(
        [("allocated", c.owner, c.ip), ("available", "", c.ip)] for c in given
    )
    return tuple(Line(ip, status, owner, n) for n, (status, owner, ip) in enumerate(lines, 1))


GOOD = {
    "nothing": [],
    "one after another": [
        allocate(0, 1, "vm-1", A),
        call("release", 2, 3, owner="vm-1"),
        allocate(4, 5, "vm-2", A),
    ],
    "a release under way frees it at once": [
        allocate(0, 1, "vm-1", A),
        call("release", 2, 9, owner="vm-1"),
        allocate(3, 4, "vm-2", A),
    ],
    "a lost release may have happened": [
        allocate(0, 1, "vm-1", A),
        call("release", 2, 3, LOST, "vm-1"),
        allocate(8, 9, "vm-2", A),
    ],
    "a lost release may happen later than its caller gave up": [
        allocate(0, 1, "vm-1", A),
        call("release", 2, 3, LOST, "vm-1"),
        allocate(4, 5, "vm-1", A),
        allocate(6, 7, "vm-2", A),
    ],
    "a VM asks again": [
        allocate(0, 1, "vm-1", A),
        allocate(2, 3, "vm-1", A),
        allocate(2, 4, "vm-1", A),
    ],
    "an address is taken by its number": [
        allocate(0, 1, "vm-1", A),
        call("release_by_ip", 2, 3, ip=A),
        call("show", 4, 5, NO, "vm-1"),
        call("release_by_ip", 6, 7, NO, ip=A),
        allocate(8, 9, "vm-2", A),
    ],
    "exhausted while all is taken": [allocate(0, 1, "vm-1", A), allocate(2, 3, "vm-2")],
    "exhausted while the last one is being given": [
        allocate(0, 9, "vm-1", A),
        allocate(2, 3, "vm-2"),
    ],
    "exhausted: a lost allocation has it": [
        allocate(0, 1, "vm-1", answer=LOST),
        allocate(2, 3, "vm-2"),
    ],
    "a post finds what a lost allocation has": [
        allocate(0, 1, "vm-1", answer=LOST),
        call("post", 2, 3, NO, "name-1", A),
        call("release_by_ip", 4, 5, ip=A),
    ],
    "what a lost allocation got is learnt later": [
        allocate(0, 1, "vm-1", answer=LOST),
        call("show", 2, 3, owner="vm-1", ip=A),
        call("release", 4, 5, owner="vm-1"),
    ],
    "kept by hand, and free again": [
        call("reserve", 0, 1, ip=A),
        call("post", 2, 3, NO, "name-1", A),
        call("free", 4, 5, ip=A),
        call("quarantine", 6, 7, ip=A),
        call("reserve", 8, 9, NO, ip=A),
    ],
    "a lost post of which a repeat with its key tells": [
        allocate(0, 1, "vm-1", answer=LOST, key="k"),
        allocate(5, 6, "vm-1", A, key="k", replayed=True),
        allocate(2, 4, "vm-2"),
    ],
    "the repeat of an old answer claims nothing": [
        allocate(0, 1, "name-1", A, key="k"),
        call("free", 2, 3, ip=A),
        allocate(4, 5, "vm-2", A),
        allocate(6, 7, "name-1", A, key="k", replayed=True),
    ],
}


@pytest.mark.parametrize("name", GOOD)
def test_what_may_happen_passes(name):
    history = History(tuple(GOOD[name]), frozenset([A]), (Window(0, 99),), lines=told(GOOD[name]))
    assert faults(history) == {}


BAD = {
    "two owners": ("one_owner", [allocate(0, 1, "vm-1", A), allocate(2, 3, "vm-2", A)]),
    "two owners at one moment": (
        "one_owner",
        [allocate(0, 3, "vm-1", A), allocate(1, 2, "vm-2", A)],
    ),
    "freed for one, given to two": (
        "one_owner",
        [
            allocate(0, 1, "vm-1", A),
            call("release", 2, 9, owner="vm-1"),
            allocate(3, 8, "vm-2", A),
            allocate(3, 8, "vm-3", A),
        ],
    ),
    "a release that began too late": (
        "one_owner",
        [allocate(0, 1, "vm-1", A), allocate(2, 3, "vm-2", A), call("release", 4, 5, owner="vm-1")],
    ),
    "posted twice": (
        "one_owner",
        [call("post", 0, 9, owner="name-1", ip=A), call("post", 1, 8, owner="name-2", ip=A)],
    ),
    "refused though it was free": ("one_owner", [call("post", 0, 1, NO, "name-1", A)]),
    "reserved under its owner": (
        "one_owner",
        [allocate(0, 1, "vm-1", A), call("reserve", 2, 3, ip=A)],
    ),
    "freed, and yet not to be had": (
        "one_owner",
        [
            allocate(0, 1, "vm-1", A),
            call("release", 2, 3, owner="vm-1"),
            call("post", 4, 5, NO, "name-1", A),
        ],
    ),
    "two addresses at once": (
        "order_of_each_id",
        [allocate(0, 1, "vm-1", A), allocate(0, 1, "vm-1", B)],
    ),
    "another address without a release": (
        "order_of_each_id",
        [allocate(0, 1, "vm-1", A), allocate(2, 3, "vm-1", B)],
    ),
    "forgotten": ("order_of_each_id", [allocate(0, 1, "vm-1", A), call("show", 2, 3, NO, "vm-1")]),
    "released and still there": (
        "order_of_each_id",
        [
            allocate(0, 1, "vm-1", A),
            call("release", 2, 3, owner="vm-1"),
            call("show", 4, 5, owner="vm-1", ip=A),
        ],
    ),
    "released twice": (
        "order_of_each_id",
        [
            allocate(0, 1, "vm-1", A),
            call("release", 2, 3, owner="vm-1"),
            call("release", 4, 5, owner="vm-1"),
        ],
    ),
    "exhausted while one is free": ("none_refused_while_free", [allocate(0, 1, "vm-2")]),
    "exhausted after a release": (
        "none_refused_while_free",
        [allocate(0, 1, "vm-1", A), call("release", 2, 3, owner="vm-1"), allocate(4, 5, "vm-2")],
    ),
    "an allocation that is gone at the end": (
        "nothing_lost",
        [allocate(0, 1, "vm-1", A), call("final", 5, 5, ip=A)],
    ),
    "a release that is gone at the end": (
        "nothing_lost",
        [
            allocate(0, 1, "vm-1", A),
            call("release", 2, 3, owner="vm-1"),
            call("final", 5, 5, owner="vm-1", ip=A),
        ],
    ),
    "an owner at the end whom nobody made": (
        "nothing_lost",
        [call("final", 5, 5, owner="vm-1", ip=A)],
    ),
    "a reservation that is gone": (
        "nothing_lost",
        [call("reserve", 0, 1, ip=A), call("final", 5, 5, ip=A)],
    ),
    "one key, two addresses": (
        "repeats_agree",
        [allocate(0, 1, "name-1", A, key="k"), allocate(2, 3, "name-1", B, key="k")],
    ),
    "an error while all are alive": ("answers", [allocate(0, 1, "vm-1", answer=LOST, status=500)]),
    "an answer that never came while all are alive": (
        "answers",
        [allocate(0, 1, "vm-1", answer=LOST)],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_may_not_happen_is_found_by_its_check(name):
    check, calls = BAD[name]
    assert check in found(*calls)


def test_in_a_window_try_later_is_an_answer_and_a_traceback_is_not():
    windows = (Window(2, 3),)
    assert found(allocate(1, 4, "vm-1", answer=LOST, status=503), windows=windows) == set()
    assert found(allocate(1, 4, "vm-1", answer=LOST), windows=windows) == set()
    assert found(allocate(1, 4, "vm-1", answer=LOST, status=500), windows=windows) == {"answers"}
    assert found(allocate(4, 5, "vm-1", answer=LOST, status=503), windows=windows) == {"answers"}


def test_an_address_leased_to_another_machine_is_not_handed_out():
    leases = (Lease(A, 2, 8),)
    assert found(allocate(0, 1, "vm-1", A), leases=leases) == set()
    assert found(allocate(3, 4, "vm-1", A), leases=leases) == {"leases_kept"}
    assert (
        found(call("post", 3, 4, owner="name-1", ip=A), leases=leases) == set()
    )  # somebody knows better


def test_at_the_end_no_address_and_no_vm_stands_in_two_rows():
    def rows(*pairs):
        return tuple(Line(ip, "allocated", owner) for ip, owner in pairs)

    twice = [rows((A, "vm-1"), (A, "vm-2")), rows((A, "vm-1"), (B, "vm-1"))]
    assert all("nothing_twice" in found(rows=each, lines=()) for each in twice)
    assert "nothing_twice" not in found(rows=rows((A, "name-1"), (B, "name-1")), lines=())


def test_the_ledgers_own_history_has_it_all():
    given, free = Line(A, "allocated", "vm-1", 1), Line(A, "available", "", 2)
    told = allocate(0, 1, "vm-1", A)
    assert found(told, lines=(given,), rows=(Line(A, "allocated", "vm-1"),)) == set()
    assert found(told, lines=()) == {"history_tells_all"}
    assert found(told, lines=(given,), rows=(Line(A, "available", ""),)) == {"history_tells_all"}
    assert found(lines=(given, Line(A, "allocated", "vm-2", 2))) == {"history_tells_all"}
    assert found(lines=(given, free, Line(A, "allocated", "vm-2", 3))) == set()


def test_every_check_has_a_history_that_it_refuses():
    by_rows_and_leases = {"leases_kept", "nothing_twice", "history_tells_all"}
    assert {check for check, _calls in BAD.values()} | by_rows_and_leases == set(CHECKS)


# --- by chance ------------------------------------------------------------------------------------


class World:
    """A right ledger: does one call at a time, at some moment within it."""

    def __init__(self, chance, pool):
        self.chance, self.pool, self.has = chance, pool, {}

    def call(self, now):
        verb = self.chance.choice(
            ["allocate", "allocate", "release", "release_by_ip", "post", "free", "show"]
        )
        owner = (
            f"vm-{self.chance.randrange(4)}"
            if verb in ("allocate", "release", "show")
            else f"name-{now}"
        )
        ip = self.chance.choice(self.pool)
        answer, ip = getattr(self, verb)(owner, ip)
        start, end = now - self.chance.random() * 3, now + self.chance.random() * 3
        if answer != NO and verb != "show" and self.chance.random() < 0.1:
            answer, ip = LOST, ip if verb in ("post", "free", "release_by_ip") else ""
        return Call(
            verb, start, end, answer, owner if verb not in ("free", "release_by_ip") else "", ip
        )

    def of(self, owner):
        return next((ip for ip, has in self.has.items() if has == owner), None)

    def allocate(self, owner, _ip):
        free = [ip for ip in self.pool if ip not in self.has]
        if (ip := self.of(owner) or next(iter(free), None)) is None:
            return NO, ""
        self.has[ip] = owner
        return YES, ip

    def release(self, owner, _ip):
        ip = self.of(owner)
        return (YES if self.has.pop(ip, None) else NO), ""

    def show(self, owner, _ip):
        return (YES, self.of(owner)) if self.of(owner) else (NO, "")

    def release_by_ip(self, _owner, ip):
        if not self.has.get(ip, "").startswith("vm-"):
            return NO, ip
        del self.has[ip]
        return YES, ip

    def free(self, _owner, ip):
        self.has.pop(ip, None)
        return YES, ip

    def post(self, owner, ip):
        return (NO if ip in self.has else YES), self.has.setdefault(ip, owner) and ip


def of_a_right_ledger(seed, length=60):
    world = World(random.Random(seed), [f"10.0.0.{n}" for n in range(1, 4)])
    calls = [world.call(float(now)) for now in range(length)]
    calls += [call("final", 99.0, 99.0, owner=world.has.get(ip, ""), ip=ip) for ip in world.pool]
    return tuple(calls), frozenset(world.pool)


@pytest.mark.parametrize("seed", range(60))
def test_no_history_of_a_right_ledger_is_refused(seed):
    calls, pool = of_a_right_ledger(seed)
    assert found(*calls, pool=pool, windows=(Window(0, 99),)) == set()


def test_an_owner_at_the_end_put_in_the_place_of_another_is_found():
    caught = 0
    for seed in range(60):
        calls, pool = of_a_right_ledger(seed)
        last = calls[-1]
        wrong = Call(**{**vars(last), "owner": "vm-9"})
        caught += "nothing_lost" in found(*calls[:-1], wrong, pool=pool, windows=(Window(0, 99),))
    assert caught == 60
