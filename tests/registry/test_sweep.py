"""Silence: inactive after the time-out, the port free after the grace, and nobody dead because we
were away."""

from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from ipam.addresses import parse_address
from ipam.models import IPAddress
from registry.models import RegistryConfig, Service
from registry.querysets import database_now
from registry.services.heartbeat import heartbeat
from registry.services.register import register
from registry.services.registration import Registration
from registry.services.sweep import FORGOTTEN, GAP, Sweeper
from tests.ipam.factories import SubnetFactory
from tests.registry.factories import ServiceFactory
from tests.support.by_hand import POSTGRESQL, only

pytestmark = pytest.mark.django_db
TIMEOUT, GRACE = 30, 20


class Time:
    """The database's clock, moved by hand: whatever is in the table grows older."""

    def __init__(self):
        self.shift = timedelta()

    def __call__(self):
        return database_now() + self.shift

    def passes(self, seconds):
        self.shift += timedelta(seconds=seconds)


@pytest.fixture
def time():
    RegistryConfig.objects.update(heartbeat_timeout=TIMEOUT, grace_period=GRACE)
    return Time()


@pytest.fixture
def sweeper(time):
    return Sweeper(time)


def watch(sweeper, seconds, step=GAP.seconds - 1):
    """Let time pass, with a round every few seconds; what the rounds did."""
    done = []
    while seconds > 0:
        sweeper.now.passes(min(step, seconds))
        seconds -= step
        done.append(sweeper.sweep())
    return done


def living():
    return set(Service.objects.filter(status="active").values_list("service_id", flat=True))


def beat_at(time, *service_ids):
    """A heartbeat at the moved time."""
    Service.objects.filter(service_id__in=service_ids).update(last_heartbeat=time())


def test_a_silent_service_is_inactive_after_its_time_out_and_not_before(sweeper, time):
    sweeper.sweep()
    watch(sweeper, 100)
    ServiceFactory(service_id="a", last_heartbeat=time())
    watch(sweeper, TIMEOUT - 1)
    assert living() == {"a"}
    watch(sweeper, 2)
    assert living() == set()


def test_its_port_is_free_after_the_grace_and_not_before(sweeper, time):
    sweeper.sweep()
    watch(sweeper, 100)
    ServiceFactory(service_id="a", port=8000, last_heartbeat=time())
    watch(sweeper, TIMEOUT + GRACE - 1)
    assert register(Registration("b", preferred_port=8000)).service.port != 8000
    watch(sweeper, 8)
    assert register(Registration("c", preferred_port=8000)).service.port == 8000


def test_a_heartbeat_within_the_grace_revives_it_with_its_port(sweeper, time):
    ServiceFactory(service_id="a", port=8000, status="inactive", inactive_since=time())
    assert heartbeat("a")
    assert (living(), Service.objects.get().port) == ({"a"}, 8000)


def test_a_heartbeat_after_the_grace_is_refused_so_that_it_registers_again(sweeper, time):
    sweeper.sweep()
    ServiceFactory(service_id="a", port=8000, status="inactive", inactive_since=time())
    watch(sweeper, TIMEOUT + GRACE + 5)
    assert not heartbeat("a")
    assert register(Registration("a")).service.status == "active"


def test_each_environment_has_its_own_time_out(sweeper, time):
    RegistryConfig.objects.filter(environment="test").update(heartbeat_timeout=300)
    test = RegistryConfig.objects.get(environment="test")
    ServiceFactory(service_id="a"), ServiceFactory(service_id="b", environment=test)
    sweeper.sweep()
    watch(sweeper, TIMEOUT + 5)
    assert living() == {"b"}


def test_a_pinned_service_keeps_its_port_for_ever(sweeper, time):
    ServiceFactory(service_id="a", port=8000, pinned=True)
    sweeper.sweep()
    watch(sweeper, 10 * (TIMEOUT + GRACE))
    assert (living(), Service.objects.get().port) == (set(), 8000)


def test_after_our_start_everybody_gets_one_full_time_out(sweeper, time):
    ServiceFactory(service_id="a")
    time.passes(100 * TIMEOUT)
    sweeper.sweep()
    watch(sweeper, TIMEOUT - 1)
    assert living() == {"a"}
    watch(sweeper, 2)
    assert living() == set()


def test_after_a_pause_of_ours_everybody_gets_one_full_time_out(sweeper, time):
    ServiceFactory(service_id="a", port=8000, status="inactive", inactive_since=time())
    ServiceFactory(service_id="b", port=8001)
    sweeper.sweep()
    watch(sweeper, TIMEOUT - 2)
    time.passes(GAP.seconds + 1000)
    sweeper.sweep()
    watch(sweeper, TIMEOUT - 1)
    assert (living(), Service.objects.get(service_id="a").port) == ({"b"}, 8000)
    watch(sweeper, 2)
    assert (living(), Service.objects.get(service_id="a").port) == (set(), None)


def test_a_clock_that_is_set_back_kills_nobody(sweeper, time):
    ServiceFactory(service_id="a")
    sweeper.sweep()
    time.passes(-3600)
    sweeper.sweep()
    assert sweeper.watching_since == sweeper.last


def test_when_most_fall_silent_at_once_they_get_one_more_time_out(sweeper, time):
    for n in range(6):
        ServiceFactory(service_id=f"s{n}")
    sweeper.sweep()
    rounds = watch(sweeper, 2 * TIMEOUT - 2)
    assert len(living()) == 6
    assert rounds[-1].spared == ("development",)
    watch(sweeper, 10)
    assert living() == set()


def test_a_heartbeat_ends_the_suspicion_for_those_who_called(sweeper, time):
    for n in range(8):
        ServiceFactory(service_id=f"s{n}")
    sweeper.sweep()
    watch(sweeper, TIMEOUT + 5)
    beat_at(time, *(f"s{n}" for n in range(7)))
    watch(sweeper, 2)
    assert living() == {f"s{n}" for n in range(7)}


def test_the_address_goes_back_to_the_ledger_with_the_port(sweeper, time):
    SubnetFactory(network="10.0.0.0/29", static_ip_pools=["10.0.0.2-10.0.0.3"])
    register(Registration("a", host=parse_address("10.0.0.2")))
    sweeper.sweep()
    watch(sweeper, TIMEOUT + GRACE + 10)
    assert IPAddress.objects.get(ip_address="10.0.0.2").status == "available"


def test_a_service_without_a_port_is_forgotten_after_a_week(sweeper, time):
    ServiceFactory(
        service_id="a", ip_address=None, port=None, status="inactive", inactive_since=time()
    )
    sweeper.sweep()
    watch(sweeper, TIMEOUT)
    assert Service.objects.exists()
    time.passes(FORGOTTEN.total_seconds())
    sweeper.sweep()
    watch(sweeper, TIMEOUT + 4)
    assert not Service.objects.exists()


@pytest.mark.parametrize("number", [2, 50])
def test_a_round_costs_the_same_however_many_fall_silent(
    sweeper, time, number, django_assert_max_num_queries
):
    test = RegistryConfig.objects.get(environment="test")
    for n in range(number):
        ServiceFactory(service_id=f"s{n}", environment=test)
    sweeper.sweep()
    watch(sweeper, 2 * TIMEOUT + 3 * GAP.seconds if number > 4 else TIMEOUT - 1)
    time.passes(3)
    with django_assert_max_num_queries(14):
        sweeper.sweep()


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_who_is_being_heard_at_this_moment_is_not_declared_dead_nor_waited_for(sweeper, time):
    """Waiting while holding others' rows is how two such transactions stop each other for good."""
    sweeper.sweep()
    watch(sweeper, 100)
    for name in ("calls", "silent"):
        ServiceFactory(service_id=name, last_heartbeat=time() - timedelta(seconds=TIMEOUT + 1))
    with psycopg.connect(**connection.get_connection_params()) as heard:
        heard.execute("SET lock_timeout = '1s'")
        heard.execute("SELECT 1 FROM services WHERE service_id = 'calls' FOR UPDATE")
        sweeper.sweep()
    assert living() == {"calls"}
