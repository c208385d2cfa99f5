"""The newest changes, for the first page."""

import pytest
from django.contrib.auth.models import User

from changes.log import newest
from changes.log.newest import newest_changes
from changes.log.rights import Reader
from ipam.models import VRF
from tests.changes.undoing import change
from tests.ipam.factories import VRFFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(db):
    return Reader(User.objects.create_superuser("reader"))


def named(number, lines):
    """A change with so many lines."""
    with change(f"change {number}") as made:
        row = VRFFactory(name=f"vrf {number}")
        for line in range(lines - 1):
            row.description = f"{number}.{line}"
            row.save()
    return made


def test_as_many_changes_are_found_however_many_lines_each_has(
    reader, django_assert_max_num_queries
):
    made = [named(number, 40) for number in range(5)]
    with django_assert_max_num_queries(8):
        found = newest_changes(reader, 4)
    assert [one.id for one in found] == made[:0:-1]
    assert [one.total for one in found] == [40] * 4
    assert {len(one.lines) for one in found} == {newest.LINES}


def test_a_change_with_more_lines_than_a_step_hides_none(reader, monkeypatch):
    monkeypatch.setattr(newest, "DEPTHS", (5, 5, 50))
    made = [named(number, lines) for number, lines in enumerate((2, 3, 30))]
    found = newest_changes(reader, 3)
    assert [(one.id, one.total) for one in found] == [(made[2], 30), (made[1], 3), (made[0], 2)]


def test_lines_without_a_change_stand_for_themselves(reader):
    for name in ("blue", "red"):
        VRFFactory(name=name)
    VRF.history.update(history_change=None)
    rows = [one.newest.record.name for one in newest_changes(reader, 5) if one.newest.model is VRF]
    assert rows == ["red", "blue"]
