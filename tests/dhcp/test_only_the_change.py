"""A sync works out only what has changed, and its result is the one that it would have had from the
beginning."""

import os
import random
from ipaddress import ip_network

import pytest

from dhcp.files import snapshot
from dhcp.files.memory import MOST, Memory
from dhcp.files.validate import Validator, validate
from ipam.models import Interface, Server, Subnet
from tests.dhcp.records import NET, host

STEPS = 20_000 if os.environ.get("IPMANAGER_TEST_PROOF") == "1" else 600
OTHER = ip_network("10.77.1.0/24")
DUID = "00:03:00:01:02:00:00:00:00:0"


def any_record(place):
    """Few addresses, cards and names: many records clash, and some are bad by themselves."""
    number = random.randrange(1, 60)
    return host(
        number,
        id=place,
        kind=random.choice(["server", "interface", "ipaddress"]),
        mac=f"02:00:00:00:00:{random.randrange(1, 50):02x}",
        ip=random.choice([None, f"10.77.1.{number}", "10.99.0.1"]),
        name=random.choice([None, "web", "12h", ""]),
        net=random.choice([NET, NET, OTHER]),
    )


def any_record_of_ipv6(place):
    number = random.randrange(1, 30)
    return host(
        id=place,
        mac=random.choice([(), f"02:00:00:00:00:{number:02x}"]),
        ip=f"fd00:{random.randrange(3)}::{number:x}",
        name=f"six{number}",
        net=ip_network(f"fd00:{random.randrange(3)}::/64"),
        duid=random.choice(["", DUID + str(random.randrange(1, 9))]),
        by_end=random.random() < 0.5,
    )


def test_records_that_come_and_go_are_validated_as_all_of_them_would_be():
    kept, records, ignored, whole = Validator(), {}, (), 0
    begin = kept._begin
    kept._begin = lambda: (begin(), beginnings.append(1))
    beginnings = []
    for _step in range(STEPS):
        for place in random.sample(range(24), random.choice([0, 1, 1, 1, 2, 5])):
            records.pop(place, None)
            if random.random() < 0.8:
                records[place] = random.choice([any_record, any_record_of_ipv6])(place)
        if random.random() < 0.02:
            ignored = random.choice([(), (host(99, id=99, mac="02:00:00:00:00:07"),)])
        assert kept.validate(records.values(), ignored) == validate(records.values(), ignored)
        whole += 1
    assert 0 < len(beginnings) < whole  # both ways were gone


def test_without_a_problem_one_record_of_many_is_validated_alone(monkeypatch):
    kept, records = Validator(), [host(number) for number in range(1, 200)]
    kept.validate(records)
    added = []
    monkeypatch.setattr(
        kept, "_add", lambda record, add=kept._add: (added.append(record), add(record))
    )
    records[7] = host(8, name="another")
    assert kept.validate(records) == validate(records)
    assert added == [records[7]]


@pytest.mark.django_db
def test_a_snapshot_after_any_edit_is_the_one_of_a_process_that_knows_nothing():
    subnets = [Subnet.objects.create(network=f"10.77.{n}.0/24") for n in range(2)]
    for _step in range(40):
        random.choice([add, move, rename, remove, add_interface, regroup])(subnets)
        remembered = snapshot.take()
        snapshot._memory._kept.clear()
        assert remembered == snapshot.take()


def free_address(subnets):
    taken = set(Server.objects.values_list("ip_address", flat=True))
    taken |= set(Interface.objects.values_list("ip_address", flat=True))
    network = random.choice(subnets).network
    return next(network[n] for n in random.sample(range(2, 250), 200) if network[n] not in taken)


def any_mac():
    return "02:00:" + ":".join(f"{random.randrange(256):02x}" for _ in range(4))


def any_server():
    return Server.objects.order_by("?").first()


def add(subnets):
    name = f"host-{random.randrange(10**6)}"
    Server.objects.create(hostname=name, mac_address=any_mac(), ip_address=free_address(subnets))


def move(subnets):
    if server := any_server():
        server.ip_address = free_address(subnets)
        server.save()


def rename(subnets):
    if server := any_server():
        server.hostname = f"renamed-{random.randrange(10**6)}"
        server.save()


def remove(subnets):
    if server := any_server():
        server.delete()


def add_interface(subnets):
    if server := any_server():
        shared = random.choice([server.ip_address, free_address(subnets)])
        name = f"eth{random.randrange(10**6)}"
        server.interfaces.create(name=name, mac_address=any_mac(), ip_address=shared)


def regroup(subnets):
    """Another subnet around some of them."""
    network = random.choice(["10.77.0.128/25", "10.77.1.0/26"])
    found, is_new = Subnet.objects.get_or_create(network=network)
    if not is_new:
        found.delete(force=True)


def test_a_memory_is_lent_to_one_thread_at_a_time_and_lost_by_an_error():
    memory = Memory(list)
    with memory.of(None) as one, memory.of(None) as other:
        assert one is not other
    with pytest.raises(ZeroDivisionError), memory.of(None) as kept:
        assert kept is one
        kept.append(1 / 0)
    with memory.of(None) as new:
        assert new is not one


def test_of_very_many_servers_those_of_long_ago_are_forgotten():
    memory = Memory(list)
    for key in range(MOST + 3):
        with memory.of(key):
            pass
    assert list(memory._kept) == list(range(3, MOST + 3))
