"""What the ledger's commands share: an address space by name, and a delimiter."""

import argparse

from django.core.management.base import CommandError

from ipam.models import VRF


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
        raise argparse.ArgumentTypeError(f"{text!r} is not a delimiter; use one of ; , | or tab")
    return text
