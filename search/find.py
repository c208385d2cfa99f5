"""The search: what is found, in the order in which it is shown. The number of queries depends on
what was asked, not on how much there is."""

from __future__ import annotations

from operator import attrgetter

from search import actions, address, kinds, places
from search.asked import Asked
from search.hits import Found


def find(asked: Asked) -> Found:
    """The address that was asked for, what one can do, and rows by their kind: the kind with the
    best match first."""
    if not asked.text:
        return Found([])
    rows = sorted(kinds.groups(asked), key=attrgetter("rank"))
    groups = [*address.groups(asked), actions.group(asked), *rows, places.group(asked)]
    return Found(list(filter(attrgetter("hits"), groups)))
