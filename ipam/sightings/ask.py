"""Ask whether somebody answers at the addresses that would be handed out next, by a room that can:
`discovery` registers itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.conf import settings

from ipam.addresses import Address
from ipam.models import Subnet

AT_ONCE = 8  # addresses, so that several callers at once get one that was asked
_ATTEMPTS = 8

# Who answers, of these addresses of a subnet. What is found is recorded before it returns.
Asker = Callable[[Subnet, Sequence[Address]], set[Address]]
_askers: list[Asker] = []


def register(asker: Asker) -> None:
    _askers.append(asker)


def before_handout(subnet: Subnet, candidates: Callable[[int], Sequence[Address]]) -> None:
    """Ask the first candidates, and the next ones as long as all answer. Those that have answered
    are no candidates any more. Takes IPMANAGER_ASK_BEFORE_HANDOUT each time at most, and nothing if
    that is off."""
    if not settings.ASK_BEFORE_HANDOUT:
        return
    for _attempt in range(_ATTEMPTS):
        asked = list(candidates(AT_ONCE))
        answered = {ip for asker in _askers for ip in asker(subnet, asked)}
        if not answered or asked[0] not in answered:
            return
