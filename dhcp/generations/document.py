"""What a generation keeps: every line of its files, each with the ledger rows that it comes from.

The text has one line for each line of the files, followed by a tab and the rows' keys, the nearest
first (`02:…,10.0.0.9,web<TAB>server 12,subnet 7`); a line with a form feed alone stands between two
files. It is stored whole now and then, and as the difference to the one before else. Pure."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import Conflict
from dhcp.generations import delta

_BETWEEN = "\f"
_LARGEST = 3  # a delta of more than a third of the full copy is no gain


class Damaged(Conflict):
    """What is stored of a generation does not make up its files any more."""

    code = "generation_damaged"


@dataclass(frozen=True, slots=True)
class Document:
    """The lines of the hosts file, of the options file, of the proposed configuration, and of the
    file of names where there is one."""

    lines: tuple[str, ...]

    @classmethod
    def of(
        cls,
        hosts: bytes,
        opts: bytes,
        conf: bytes = b"",
        sources: Mapping[str, str] | None = None,
        names: bytes = b"",
    ) -> Document:
        """The files, and the sources by the text of a line."""
        sources = sources or {}
        lines: list[str] = []
        for data in (hosts, opts, conf, *filter(None, (names,))):
            for text in data.decode("latin-1").split("\n"):
                lines.append(f"{text}\t{sources.get(text, '')}")
            lines.append(_BETWEEN)
        return cls(tuple(lines))

    @property
    def files(self) -> tuple[bytes, bytes, bytes]:
        """Hosts, options and configuration, byte for byte."""
        hosts, opts, conf = self._parts[:3]
        return hosts, opts, conf

    @property
    def names(self) -> bytes:
        """The file of names, byte for byte."""
        return b"".join(self._parts[3:])

    @property
    def _parts(self) -> list[bytes]:
        found: list[list[str]] = [[]]
        for line in self.lines:
            if line == _BETWEEN:
                found.append([])
            else:
                found[-1].append(line.rpartition("\t")[0])
        return ["\n".join(texts).encode("latin-1") for texts in found[:-1]]

    @property
    def sources(self) -> dict[str, str]:
        """The keys of the ledger rows by the text of a line, where there are any."""
        found = {}
        for line in self.lines:
            text, _tab, keys = line.rpartition("\t")
            if keys and line != _BETWEEN:
                found[text] = keys
        return found

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.lines).encode("latin-1")).hexdigest()

    def pack(self) -> bytes:
        """All of it, compressed."""
        return zlib.compress("\n".join(self.lines).encode("latin-1"))

    @classmethod
    def unpack(cls, packed: bytes) -> Document:
        """Raises zlib.error."""
        return cls(tuple(zlib.decompress(packed).decode("latin-1").split("\n")))

    def pack_delta(self, later: Document) -> bytes:
        """What leads from this one to a later one, compressed."""
        hunks = delta.between(self.lines, later.lines)
        return zlib.compress(json.dumps(hunks, separators=(",", ":")).encode("ascii"))

    def apply_delta(self, packed: bytes) -> Document:
        """The later one. Raises ValueError or zlib.error when the delta is not of this one."""
        hunks = json.loads(zlib.decompress(packed))
        return Document(tuple(delta.apply(hunks, self.lines)))


def is_worth_it(packed_delta: bytes, packed_full: bytes) -> bool:
    """Whether a delta saves enough beside the full copy that it builds on."""
    return len(packed_delta) * _LARGEST <= len(packed_full)
