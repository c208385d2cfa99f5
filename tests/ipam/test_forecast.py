"""A forecast only where the last weeks bear it out."""

from datetime import date, timedelta

import pytest

from ipam.usage.forecast import forecast
from ipam.usage.measure import Share

TODAY = date(2027, 1, 1)


def past(*numbers):
    """The numbers of the last days, today's last."""
    first = TODAY - timedelta(days=len(numbers) - 1)
    return [(first + timedelta(days=index), number) for index, number in enumerate(numbers)]


def full_on(numbers, total=100):
    found = forecast(past(*numbers), Share(total, numbers[-1]), TODAY)
    return found and found.full_on


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (range(10, 38), date(2027, 3, 5)),  # 63 are left, one a day
        ([10, 10, 11, 11, 12, 12, 13, 13], date(2027, 7, 3)),
        ([94, 95, 96, 97, 98, 99, 100], TODAY),
    ],
)
def test_steady_growth_gives_the_day_on_which_nothing_is_left(numbers, expected):
    found = full_on(list(numbers))

    assert abs((found - expected).days) <= 1


@pytest.mark.parametrize(
    "numbers",
    [
        [10] * 28,  # a level
        list(range(60, 32, -1)),  # it falls
        [10, 60] * 14,  # ups and downs
        [10, 11, 12, 13, 14, 15],  # six days are too few
        [*[10] * 27, 11],  # one more
        [*[10] * 14, *[60] * 14],  # one step
    ],
)
def test_no_growth_or_too_few_days_give_no_date(numbers):
    assert full_on(numbers) is None


def test_old_days_and_missing_ones_are_no_zeros():
    numbers = past(*[90] * 30, *range(40, 68))
    del numbers[35:40]

    found = forecast(numbers, Share(100, 67), TODAY)

    assert found.full_on == date(2027, 2, 3)


def test_what_lies_beyond_ten_years_is_no_forecast():
    assert full_on(list(range(10, 38)), total=2**64) is None


def test_a_share_without_addresses_is_never_full():
    assert forecast(past(*range(28)), Share(), TODAY) is None
