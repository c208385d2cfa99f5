from datetime import timedelta

import pytest
from django.utils import timezone

from ipam.admin import marks
from ipam.usage import Share


def used(live, usable=100):
    return Share(usable, live)


@pytest.mark.parametrize(
    ("live", "level"),
    [
        (0, "empty"),
        (1, "free"),
        (75, "free"),
        (76, "filling"),
        (90, "filling"),
        (91, "full"),
        (100, "full"),
    ],
)
def test_a_usage_bar_is_amber_above_75_and_red_above_90_per_cent(live, level):
    assert f'class="ipm-{level}"' in marks.static_bar(used(live))


@pytest.mark.parametrize(
    ("live", "usable", "text"),
    [
        (0, 100, "0 %"),
        (1, 254, "&lt; 1 %"),
        (2539, 2540, "&gt; 99 %"),
        (254, 254, "100 %"),
        (1, 2**64, "&lt; 1 %"),
    ],
)
def test_a_rounded_percentage_hides_neither_the_first_nor_the_last_address(live, usable, text):
    assert f'"ipm-percent">{text}<' in marks.dhcp_bar(used(live, usable))


@pytest.mark.parametrize(
    ("number", "text"),
    [(7, "7"), (16_777_213, "16,777,213"), (2**64 - 1, "1.8·10¹⁹"), (2**96, "7.9·10²⁸")],
)
def test_numbers_too_long_to_read_are_written_as_powers(number, text):
    assert marks.count(number) == text


def test_what_happened_a_moment_ago_happened_just_now():
    assert marks.ago(timezone.now()) == "just now"
    assert marks.ago(timezone.now() - timedelta(hours=2)) == "2\N{NO-BREAK SPACE}hours ago"
