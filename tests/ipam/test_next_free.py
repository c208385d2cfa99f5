"""The next free address, for those who look, reserve it, or give it to a server."""

import threading

import pytest
from django.db import connection, transaction

from core.errors import Exhausted
from ipam.allocate import hold_next, next_free, reserve_next
from ipam.models import IPAddress
from tests.ipam.factories import ServerFactory, SubnetFactory


@pytest.fixture
def subnet(db):
    return SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.11"])


def test_looking_takes_nothing(subnet):
    assert str(next_free(subnet)) == str(next_free(subnet)) == "10.0.0.10"


def test_reserving_takes_one_after_the_other_with_one_line_of_history_each(subnet):
    first, second = reserve_next(subnet, "printer"), reserve_next(subnet)

    assert [str(first), str(second)] == ["10.0.0.10", "10.0.0.11"]
    assert list(first.history.values_list("status", "description")) == [("reserved", "printer")]


def test_nothing_is_left_when_the_pools_are_used_up(subnet):
    for _ in range(2):
        reserve_next(subnet)

    assert next_free(subnet) is None
    with pytest.raises(Exhausted):
        reserve_next(subnet)


@pytest.mark.django_db
def test_a_pool_too_large_for_rows_is_looked_at_and_reserved_from():
    subnet = SubnetFactory(
        network="2001:db8::/64", static_ip_pools=["2001:db8::-2001:db8::ffff:ffff:ffff:ffff"]
    )

    assert str(next_free(subnet)) == "2001:db8::1"
    assert str(reserve_next(subnet)) == "2001:db8::1"


@pytest.mark.django_db(transaction=True)
def test_an_address_that_is_held_for_a_server_goes_to_nobody_else(subnet):
    others = []

    def reserve_meanwhile():
        try:
            others.append(str(reserve_next(subnet)))
        finally:
            connection.close()

    with transaction.atomic():
        held = hold_next(subnet)
        thread = threading.Thread(target=reserve_meanwhile)
        thread.start()
        thread.join(0.5)  # on PostgreSQL it is done by now; on SQLite it waits for us
        ServerFactory(ip_address=held.ip_address)
    thread.join(20)

    assert (str(held), others) == ("10.0.0.10", ["10.0.0.11"])
    assert IPAddress.objects.get(ip_address="10.0.0.10").server
