"""registry.discovery.start_order: those that others need start first; a circle has no first."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, NotFound
from registry.discovery import start_order
from tests.registry.services import service


def services(**needs):
    return [service(own, dependencies=tuple(others)) for own, others in needs.items()]


def started(records, service_id):
    return [record.service_id for record in start_order.start_order(records, service_id).services]


def test_what_others_need_comes_first_and_the_service_itself_last():
    records = services(shop=["billing", "mail"], billing=["db"], mail=["db"], db=[], other=["db"])
    assert started(records, "shop") == ["db", "billing", "mail", "shop"]


def test_a_needed_service_that_nobody_registered_is_named_and_hides_nothing_else():
    found = start_order.start_order(
        services(shop=["billing", "ghost"], billing=["phantom"]), "shop"
    )
    assert [record.service_id for record in found.services] == ["billing", "shop"]
    assert found.missing == ("ghost", "phantom")


def test_a_circle_is_refused_and_told_from_its_least_member():
    records = services(shop=["c"], c=["a"], a=["b"], b=["c"])
    with pytest.raises(Conflict, match="a → b → c → a"):
        start_order.start_order(records, "shop")


def test_a_service_that_needs_itself_is_a_circle():
    with pytest.raises(Conflict, match="loop → loop"):
        start_order.start_order(services(loop=["loop"]), "loop")


def test_a_circle_elsewhere_is_no_obstacle():
    assert started(services(shop=["db"], db=[], a=["b"], b=["a"]), "shop") == ["db", "shop"]


def test_an_unknown_service_is_not_found():
    with pytest.raises(NotFound, match="ghost"):
        start_order.start_order(services(shop=["ghost"]), "ghost")


def test_a_long_chain_is_no_matter():
    chain = {f"s{n:05}": [f"s{n + 1:05}"] for n in range(5000)}
    assert len(started(services(**chain), "s00000")) == 5000


ids = st.sampled_from("abcdefgh")


@given(st.dictionaries(ids, st.lists(ids, max_size=3)), ids)
def test_an_order_keeps_every_need_and_a_refusal_names_a_true_circle(needs, first):
    needs.setdefault(first, [])
    try:
        found = started(services(**needs), first)
    except Conflict as error:
        path = str(error).split(": ")[1].partition(".")[0].split(" → ")
        assert path[0] == path[-1] and all(b in needs[a] for a, b in pairwise(path))
    else:
        place = {own: number for number, own in enumerate(found)}
        assert all(
            place[other] < place[own] for own in found for other in needs[own] if other in needs
        )
        assert found[-1] == first
