"""Many processes at once: no port twice on an address, none leaked."""

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from registry.models import RegistryConfig, Service
from registry.querysets import wait_for_turn
from registry.services.register import register
from registry.services.registration import Registration
from tests.registry.factories import ServiceFactory
from tests.support.by_hand import POSTGRESQL, only
from tests.support.forks import run_at_once

pytestmark = pytest.mark.whole("sqlite")  # it writes for one at a time

LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
PROCESSES, EACH = (16, 100) if LONG else (4, 10)
SETUP = """
import django; django.setup()
from registry.services.register import register
from registry.services.registration import Registration
from registry.services.deregister import deregister
from django.db import OperationalError

def patiently(work):
    # as a caller that gets a 503: SQLite gives up after 20 s, and its queue is not fair
    for _ in range(10):
        try:
            return work()
        except OperationalError as error:
            if "locked" not in str(error): raise
    raise SystemExit("ten times 20 s")
"""

# Every process registers its services, sends half of them away and registers those anew: `+`, `-`
# and the port.
COME_AND_GO = (
    SETUP
    + """
for n in range({each}):
    ports = 20_000, 20_000 + {room}
    registration = Registration(f"s-{number}-{{n}}", type="api", port_range=ports)
    print("+", patiently(lambda: register(registration)).service.port)
    if n % 2:
        assert patiently(lambda: deregister(registration.service_id))
"""
)
SAME = SETUP + "print(register(Registration('same', type='api')).service.port)"
PREFERRED = SETUP + "print(register(Registration('s-{number}', preferred_port=8500)).service.port)"
WILD = (
    SETUP
    + """
from ipam.addresses import parse_address
host = parse_address("0.0.0.0" if {number} % 2 else "127.0.0.{number}")
for n in range(3):
    registration = Registration(f's-{number}-{{n}}', port_range=(20_000, 20_040), host=host)
    print(register(registration).service.port)
"""
)


@pytest.fixture
def environment(shared_database):
    return shared_database


def test_no_port_is_given_twice_and_none_leaks(environment):
    room = PROCESSES * EACH
    scripts = [COME_AND_GO.format(number=n, each=EACH, room=room) for n in range(PROCESSES)]

    printed = run_at_once(environment, scripts)

    assert len(printed) == 2 * PROCESSES * EACH
    places = list(Service.objects.values_list("ip_address", "protocol", "port"))
    assert len(places) == len(set(places)) == PROCESSES * EACH // 2
    assert {port for _ip, _protocol, port in places} <= set(range(20_000, 20_000 + room + 1))


def test_one_service_that_registers_from_many_processes_gets_one_port(environment):
    assert len(set(run_at_once(environment, [SAME] * PROCESSES))) == 1
    assert Service.objects.count() == 1


def test_of_many_that_prefer_one_port_exactly_one_gets_it(environment):
    given = run_at_once(environment, [PREFERRED.format(number=n) for n in range(PROCESSES)])
    assert Counter(given)["8500"] == 1
    assert len(set(given)) == PROCESSES


def test_a_port_on_all_addresses_and_the_same_on_one_are_never_given_both(environment):
    run_at_once(environment, [WILD.format(number=n) for n in range(1, PROCESSES + 1)])
    everywhere = {row.port for row in Service.objects.filter(ip_address="0.0.0.0")}
    elsewhere = Counter(row.port for row in Service.objects.exclude(ip_address="0.0.0.0"))
    assert len(everywhere) == 3 * (PROCESSES // 2)
    assert not everywhere & elsewhere.keys()


def test_a_range_that_is_just_large_enough_serves_all_of_many_at_once(environment):
    RegistryConfig.objects.update(port_first=20_000, port_last=20_000 + PROCESSES * 3 - 1)
    script = (
        SETUP + "for n in range(3): print(register(Registration(f's-{number}-{{n}}')).service.port)"
    )

    given = run_at_once(environment, [script.format(number=n) for n in range(PROCESSES)])

    assert sorted(map(int, given)) == list(range(20_000, 20_000 + PROCESSES * 3))


def test_a_service_comes_and_goes_in_many_processes_at_once_and_each_has_its_turn(environment):
    script = (
        SETUP
        + """
for n in range({each}):
    patiently(lambda: register(Registration("same")))
    patiently(lambda: deregister("same"))
    print(n)
"""
    )
    run_at_once(environment, [script.format(each=max(EACH, 60))] * 4)
    ServiceFactory(port=8000)  # the port is free again, whoever was last
    assert Service.objects.count() == 1


@only(POSTGRESQL)  # SQLite has one writer at a time
@pytest.mark.django_db(transaction=True)
def test_a_registration_waits_for_its_turn_and_not_for_other_services():
    def somewhere_else(service_id):
        try:
            return register(Registration(service_id)).service.port
        finally:
            connection.close()

    def waiting():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'")
            return cursor.fetchone()[0]

    register(Registration("first"))  # makes the ports
    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic():
            wait_for_turn("development", "same")
            same = threads.submit(somewhere_else, "same")
            assert threads.submit(somewhere_else, "other").result(30)
            deadline = time.monotonic() + 30
            while not waiting():
                assert not same.done() and time.monotonic() < deadline
                time.sleep(0.01)
        assert same.result(30)
