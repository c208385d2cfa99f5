"""The search: what is found, in the order in which it is shown. The number of queries depends on
what was asked, not on how much there is."""

from __future__ import annotations

from operator import attrgetter

from search import actions, address, kinds, places
from search.asked import Asked
from search.hits import Found, Group


def find(asked: Asked) -> Found:
    """The address that was asked for, what one can do, and rows by their kind: the kind with the
    best match first."""
    if asked.is_empty:
        return Found([])
    rows = sorted(kinds.groups(asked), key=attrgetter("rank"))
    groups: list[Group] = [*address.groups(asked), *actions.groups(asked), *rows]
    return Found([group for group in [*groups, *places.groups(asked)] if group.hits])
