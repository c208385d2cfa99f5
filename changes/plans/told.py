"""What the DHCP servers of this installation would be told otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dhcp.files import candidate
from dhcp.files.difference import difference
from dhcp.files.records import Files
from dhcp.servers import local_targets

_KINDS = ("conf", "opts", "hosts", "names")


@dataclass(frozen=True)
class Told:
    """A DHCP server, and how its files would differ."""

    server: str
    diff: str


def files() -> dict[str, Files]:
    """The files of each server whose files we write, as the ledger is now."""
    return {target.name: candidate.build(target).new for target in local_targets()}


def differences(before: Mapping[str, Files], after: Mapping[str, Files]) -> Iterator[Told]:
    """The servers whose files differ."""
    for server, new in after.items():
        if diff := _difference(before.get(server, Files()), new):
            yield Told(server, diff)


def _difference(old: Files, new: Files) -> str:
    names = (_("now"), _("then"))
    texts = []
    for kind in _KINDS:
        before, after = getattr(old, kind) or b"", getattr(new, kind) or b""
        texts.append(difference(before, after, names))
    return "\n".join(filter(None, texts))
