"""What is asked of the search, and who asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest

from changes.log.rights import Reader
from ipam.addresses import Address, parse_address
from ipam.search import Range, SearchTerm, meaning

LONGEST = 200  # characters


@dataclass(frozen=True, slots=True)
class Asked:
    """A text of the search box. `limit`: how many hits of each kind are wanted."""

    text: str
    request: Any
    reader: Reader
    limit: int
    term: SearchTerm | None = None  # None: nothing can match
    address: Address | None = None

    @classmethod
    def of(cls, request: HttpRequest, limit: int) -> Asked:
        text = " ".join(request.GET.get("q", "")[:LONGEST].split())
        return cls("", request, Reader.of(request), limit).about(text)

    def about(self, text: str) -> Asked:
        """The same reader's search for another text."""
        return replace(self, text=text, term=meaning(text), address=_address(text))

    @property
    def is_empty(self) -> bool:
        return not self.text or self.term is None

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The addresses that the text may stand for."""
        return self.term.ranges if self.term else ()

    @property
    def is_start_of_address(self) -> bool:
        """Whether it is an address, a network, or the start of one, and nothing else: a number may
        be a part of a name, and `02:` of a MAC address."""
        may_be_mac = self.term is not None and bool(self.term.mac_parts)
        return bool(self.ranges) and not may_be_mac and not self.text.isdecimal()

    def may(self, *permissions: str) -> bool:
        return bool(self.reader.user.has_perms(permissions))


def _address(text: str) -> Address | None:
    try:
        return parse_address(text)
    except ValueError:
        return None
