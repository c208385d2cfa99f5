"""What is asked of the search, and who asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from django.http import HttpRequest

from changes.log.rights import Reader
from ipam.addresses import Address, Network, parse_address, parse_network
from ipam.search import Range, SearchTerm, meaning

LONGEST = 200  # characters
ADDRESS, NETWORK, NAME = "address", "network", "name"  # what a text may be
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A text of the search box. `limit`: how many hits of each kind are wanted."""

    text: str
    request: Any
    reader: Reader
    limit: int
    term: SearchTerm = field(default_factory=SearchTerm)
    address: Address | None = None
    network: Network | None = None  # written as a CIDR

    @classmethod
    def of(cls, request: HttpRequest, limit: int) -> Asked:
        """No text of the database has a NUL character, and PostgreSQL refuses to look for one."""
        text = request.GET.get("q", "")[:LONGEST].replace("\0", " ")
        return cls("", request, Reader.of(request), limit).about(" ".join(text.split()))

    def about(self, text: str) -> Asked:
        """The same reader's search for another text."""
        return replace(
            self,
            text=text,
            term=meaning(text) or SearchTerm(),
            address=_parsed(parse_address, text),
            network=_parsed(parse_network, text),
        )

    @property
    def kind(self) -> str:
        if self.address:
            return ADDRESS
        return NETWORK if self.network else NAME

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The addresses that the text may stand for."""
        return self.term.ranges

    @property
    def is_start_of_address(self) -> bool:
        """Whether it is an address, a network, or the start of one, and nothing else: a number may
        be a part of a name, and `02:` of a MAC address."""
        return bool(self.ranges) and not self.term.mac_parts and not self.text.isdecimal()

    def may(self, *permissions: str) -> bool:
        return bool(self.reader.user.has_perms(permissions))


def _parsed(parse: Callable[[str], _T], text: str) -> _T | None:
    try:
        return parse(text)
    except ValueError:
        return None
