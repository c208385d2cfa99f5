"""Who has made a network card, by the first half of its MAC address (IEEE's registry, as netaddr
keeps it)."""

from __future__ import annotations

from functools import lru_cache

from netaddr import EUI, NotRegisteredError


def manufacturer(mac: str | None) -> str:
    """The organisation that the MAC address's OUI is registered to; empty for a locally
    administered one, and one that is not registered."""
    if not mac or int(mac[:2], 16) & 2:
        return ""
    return _organisation(mac[:8])


@lru_cache(maxsize=4096)
def _organisation(oui: str) -> str:
    try:
        return EUI(f"{oui}:00:00:00").oui.registration().org
    except NotRegisteredError:
        return ""
