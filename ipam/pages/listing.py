"""What the address list shows: the rows of one page, the four numbers, the subnet that was
chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import starmap
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ipam.models import VRF, IPAddress, Subnet
from ipam.pages.filters import (
    NONE,
    PAGE_SIZES,
    SORTS,
    AddressFilter,
    SubnetChoice,
    by_vrf,
    subnet_choices,
)
from ipam.usage import Usage, usage

COLUMNS = (
    "ip_address",
    "subnet",
    "status",
    "active",
    "hostname",
    "mac_address",
    "ip_type",
    "holder",
)


@dataclass(frozen=True)
class Page:
    """Where a page stands among the others."""

    number: int
    size: int
    total: int

    @classmethod
    def nearest(cls, wanted: str, size: int, total: int) -> Page:
        """The wanted page, or the one nearest to it that exists; the first one for what is no
        number."""
        try:
            number = int(wanted)
        except ValueError:
            number = 1
        return cls(max(1, min(number, _pages(total, size))), size, total)

    @property
    def last(self) -> int:
        return _pages(self.total, self.size)

    @property
    def start(self) -> int:
        """How many rows stand before it."""
        return (self.number - 1) * self.size

    @property
    def first_row(self) -> int:
        return self.start + 1

    @property
    def last_row(self) -> int:
        return min(self.start + self.size, self.total)

    @property
    def previous(self) -> int | None:
        if self.number == 1:
            return None
        return self.number - 1

    @property
    def next(self) -> int | None:
        if self.number == self.last:
            return None
        return self.number + 1

    def sizes(self) -> list[tuple[int, int]]:
        """The page sizes on offer, each with the page that keeps the first row in sight."""
        return [(size, self.start // size + 1) for size in PAGE_SIZES]


def _pages(total: int, size: int) -> int:
    return max(1, -(-total // size))


@dataclass(frozen=True)
class Column:
    """A column's head: what a click on it sorts by, and whether the rows are sorted by it now."""

    label: str | Promise
    sort: str = ""  # for the URL; empty when the column cannot be sorted by
    sorted: str = ""  # ascending, descending or nothing: the words of aria-sort


@dataclass(frozen=True)
class StatusCount:
    """One of the four numbers."""

    status: str
    label: str | Promise
    listed: int
    unlisted: int = 0  # free addresses of large pools, which have no row yet

    @property
    def number(self) -> int:
        return self.listed + self.unlisted


class Listing:
    """Everything on the page, fetched when the page asks for it; the number of queries never
    depends on the rows. Subnets, VRFs and servers only if the user may view them."""

    def __init__(self, query: QueryDict, user: Any) -> None:
        self.query = query
        self.shows_subnets = user.has_perm("ipam.view_subnet")
        self.shows_vrfs = user.has_perm("ipam.view_vrf")
        self.shows_servers = user.has_perm("ipam.view_server")
        self.subnets = self._subnets()
        self.vrfs = list(VRF.objects.all()) if self.shows_vrfs else []
        self.filters = AddressFilter(query, self.subnets, self.vrfs, self._hidden_columns())
        self.problems = self.filters.problems()

    def _subnets(self) -> list[SubnetChoice]:
        if not self.shows_subnets:
            return []
        return subnet_choices(named=self.shows_vrfs)

    @cached_property
    def tally(self) -> dict[str, int]:
        return self.filters.of_any_status().tally()

    @cached_property
    def status(self) -> str:
        return self.filters.asked("status")

    @cached_property
    def page(self) -> Page:
        total = sum(self.tally.values())
        if self.status:
            total = self.tally.get(self.status, 0)
        return Page.nearest(self.query.get("page", "1"), self.filters.size(), total)

    @cached_property
    def rows(self) -> list[IPAddress]:
        if not self.page.total:
            return []
        rows = self.filters.of_any_status()
        if self.status:
            rows = rows.filter(status=self.status)
        return list(
            rows.page(self.filters.order(), self.page.start, self.page.size, self.page.total)
        )

    @cached_property
    def counts(self) -> list[StatusCount]:
        return list(starmap(self._count, IPAddress.Status.choices))

    def _count(self, status: str, label: str) -> StatusCount:
        listed = self.tally.get(status, 0)
        if status == "available":
            return StatusCount(status, label, listed, self.unlisted)
        return StatusCount(status, label, listed)

    def columns(self) -> list[Column]:
        hidden = self._hidden_columns()
        return [self._column(key) for key in COLUMNS if key not in hidden]

    def _hidden_columns(self) -> set[str]:
        """Columns of models that the user may not view. A holder may be a VM, too, which the
        address itself names; only servers are left out of that column."""
        return set() if self.shows_subnets else {"subnet"}

    def _column(self, key: str) -> Column:
        if key not in SORTS:
            return Column(_("Active"))
        label, _column = SORTS[key]
        now = self.filters.asked("sort") or "ip_address"
        if now == key:
            return Column(label, "-" + key, "ascending")
        if now == "-" + key:
            return Column(label, key, "descending")
        return Column(label, key)

    # --- the subnet that was chosen ---------------------------------------------------------------

    @cached_property
    def subnet(self) -> Subnet | None:
        chosen = self.filters.asked("subnet")
        if chosen in ("", NONE):
            return None
        return Subnet.objects.filter(pk=chosen).first()

    @cached_property
    def usage(self) -> Usage | None:
        if self.subnet is None:
            return None
        return usage([self.subnet])[self.subnet.pk]

    @cached_property
    def unlisted(self) -> int:
        """Free addresses of the chosen subnet that have no row. With another filter on they are no
        match."""
        narrowed = any(map(self.filters.asked, ("q", "vrf", "ip_type", "active")))
        if narrowed or not self.usage:
            return 0
        return max(0, self.usage.available - self.tally.get("available", 0))

    @cached_property
    def inside(self) -> int:
        """How many subnets lie inside the chosen one; their addresses are theirs."""
        keys = [subnet.pk for subnet in self.subnets]
        if not self.subnet or self.subnet.pk not in keys:
            return 0
        return _below(self.subnets[keys.index(self.subnet.pk) :])

    # --- what may be chosen -----------------------------------------------------------------------

    @cached_property
    def subnet_groups(self) -> list[tuple[str, list[SubnetChoice]]]:
        return by_vrf(self.subnets)

    @property
    def searched(self) -> str:
        """The text of the search box."""
        return self.query.get("q", "")

    @property
    def narrowed(self) -> bool:
        """Whether any filter is set, a wrong one included."""
        names = ("q", "vrf", "subnet", "status", "ip_type", "active")
        return any(map(self.query.get, names))


def _below(subnets: list[SubnetChoice]) -> int:
    """How many of those that follow the first one lie inside it."""
    count = 0
    for subnet in subnets[1:]:
        if subnet.depth <= subnets[0].depth:
            break
        count += 1
    return count
