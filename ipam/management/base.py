"""What the ledger's commands share: an address space by name, a delimiter, progress on long
work."""

import argparse
import time
from typing import Any

from django.core.management.base import CommandError

from ipam.models import VRF


class Progress:
    """Tells how far long work has come, a few times a second at most: on a terminal, or when
    wanted."""

    def __init__(self, stream: Any, *, wanted: bool) -> None:
        self._stream = stream
        self._told = wanted or stream.isatty()
        self._next = time.monotonic() + 0.5  # short work stays silent

    def __call__(self, what: str, done: int, total: int) -> None:
        """What is being done, how far, and of how many."""
        now = time.monotonic()
        if not self._told or now < self._next:
            return
        self._next = now + 0.2
        line = f"{what}: {done} of {total}"
        if self._stream.isatty():
            self._stream.write(f"\r{line:<60}\r", ending="")
        else:
            self._stream.write(line)


def vrf_id(name: str | None) -> int | None:
    """The key of the address space; None is the global one."""
    if name is None:
        return None
    found = VRF.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(VRF.objects.values_list("name", flat=True)) or "none yet"
        raise CommandError(f"there is no VRF {name!r} (there are: {known})")
    return found.pk


def delimiter(text: str) -> str:
    """One character, or the word tab."""
    text = {"tab": "\t", "\\t": "\t"}.get(text.lower(), text)
    if len(text) != 1 or text in "\"'\r\n" or text.isalnum():
        raise argparse.ArgumentTypeError(f"{text!r} is no delimiter; take one of ; , | or tab")
    return text
