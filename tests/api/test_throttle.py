"""How fast one caller may ask the API."""

import pytest
from django.test import Client

from api.throttle import MAX_CALLERS, Buckets
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def rates(settings):
    """Four requests at once for a token, two for an address, and next to none after that."""
    settings.API_RATE, settings.API_RATE_ANONYMOUS = 0.4, 0.2
    return settings


def statuses(client, path, number, **extra):
    return [client.get(f"{API}/{path}", **extra).status_code for _ in range(number)]


# --- the buckets ----------------------------------------------------------------------------------


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_a_bucket_lets_a_burst_through_and_then_its_rate():
    clock = Clock()
    buckets = Buckets(rate=2, burst=4, clock=clock)
    for _ in range(4):
        assert buckets.wait("a") == 0
        buckets.take("a")
    assert buckets.wait("a") == 0.5
    assert buckets.wait("b") == 0
    clock.now += 0.5
    assert buckets.wait("a") == 0
    clock.now += 60
    for _ in range(4):
        assert buckets.wait("a") == 0
        buckets.take("a")
    assert buckets.wait("a") > 0


def test_a_rate_of_zero_is_no_limit_and_nobody_is_not_counted():
    free, tight = Buckets(rate=0, burst=0), Buckets(rate=1, burst=1)
    for _ in range(9):
        free.take("a")
        tight.take("")
    assert (free.wait("a"), tight.wait("")) == (0, 0)


def test_full_buckets_are_forgotten():
    clock = Clock()
    buckets = Buckets(rate=1, burst=1, clock=clock)
    for number in range(MAX_CALLERS):
        buckets.take(str(number))
    clock.now += 60
    buckets.take("late")
    assert len(buckets._full_at) == 1


# --- the API --------------------------------------------------------------------------------------


def test_a_token_that_asks_too_fast_is_told_when_to_come_back(rates):
    api = with_token("read")
    assert statuses(api, "subnets/", 6) == [
        200,
        200,
        200,
        200,
        200,
        429,
    ]  # the first was the address's to pay for
    refused = api.get(f"{API}/subnets/")
    assert refused["Content-Type"] == "application/problem+json"
    assert (refused.json()["code"], int(refused["Retry-After"]) > 0) == ("throttled", True)


def test_a_token_is_one_caller_however_it_is_spelt(rates):
    api = with_token("read")
    value = api.defaults["HTTP_AUTHORIZATION"].split()[1]
    spelt = [{"authorization": text} for text in (f"Bearer {value}", f"bearer   {value}")]
    found = [api.get(f"{API}/subnets/", headers=spelt[n % 2]).status_code for n in range(8)]
    assert found == [200] * 5 + [429] * 3


def test_one_tokens_haste_is_not_anothers(rates):
    hasty, other = with_token("read"), with_token("read")
    other.handler = hasty.handler  # one web process
    statuses(hasty, "subnets/", 9)
    assert statuses(other, "subnets/", 3) == [200, 200, 200]


def test_made_up_tokens_cost_their_address(rates):
    client = Client()
    made_up = [
        client.get(f"{API}/subnets/", headers={"authorization": f"Bearer x{n}"}).status_code
        for n in range(4)
    ]
    assert made_up == [401, 401, 429, 429]
    assert statuses(client, "health", 1) == [429]
    assert statuses(client, "health", 1, REMOTE_ADDR="192.0.2.9") == [200]


def test_nobody_chooses_his_address(rates):
    client = Client()
    forged = [
        client.get(f"{API}/health", headers={"x-forwarded-for": f"192.0.2.{n}"}).status_code
        for n in range(4)
    ]
    assert forged == [200, 200, 429, 429]


def test_the_addresses_of_an_ipv6_network_count_as_one(rates):
    client = Client()
    found = [
        client.get(f"{API}/health", REMOTE_ADDR=f"2001:db8::{n}").status_code for n in range(1, 5)
    ]
    assert found == [200, 200, 429, 429]


def test_the_open_pool_speaks_its_own_language_and_has_the_tokens_rate(rates):
    rates.POOL_API = "open"
    client = Client()
    assert statuses(client, "ip/stats", 5) == [200, 200, 200, 200, 429]
    assert client.get(f"{API}/ip/stats").json() == {"error": "Too many requests"}


def test_what_is_not_the_api_is_not_counted(rates):
    client = Client()
    assert {client.get("/healthz").status_code for _ in range(9)} == {200}


def test_counting_asks_the_database_nothing(rates, django_assert_num_queries):
    client = Client()
    with django_assert_num_queries(0):
        assert statuses(client, "health", 3) == [200, 200, 429]
