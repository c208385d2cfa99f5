"""Which ledger rows a line comes from: known from the records that it was rendered of.

A row is named by its kind and key, `server 12`, as in the change rows. The keys of one line stand
side by side, the nearest first: `interface 14,server 12,subnet 7`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dhcp.edits.find import OpenEdit
from dhcp.edits.overlay import KIND
from dhcp.files import render, scopes
from dhcp.files.candidate import Candidate
from dhcp.generations.document import Damaged, Document
from dhcp.models import KeptFiles

_PLACE = re.compile(rf"{KIND} #([0-9]+)")


@dataclass(frozen=True, slots=True)
class LineSources:
    """The sources of a candidate's lines by their text, and of the lines that its server was made
    to read last (`former`)."""

    candidate: Candidate
    edits: Sequence[OpenEdit]
    former: KeptFiles | None
    before: Mapping[str, str]
    after: Mapping[str, str]

    @classmethod
    def load(cls, candidate: Candidate, edits: Sequence[OpenEdit]) -> LineSources:
        """`edits` are the candidate's hand edits as they were stored. Two queries."""
        former = KeptFiles.objects.newest(candidate.target.server_id)
        return cls(candidate, edits, former, _of_kept(former), _of_candidate(candidate, edits))

    def of_diff(self, diff: str) -> tuple[str, ...]:
        """The sources of each line of a difference. A line that went, and that we never wrote, was
        written by hand."""
        sides = {"+": self.after, "-": {**dict(_typed(self.edits)), **self.before}}
        lines = diff.splitlines()
        return tuple(sides.get(line[:1], {}).get(line[1:], "") for line in lines)

    def document(self) -> Document:
        """What is kept of the candidate. Where it has no configuration of its own, the present one
        stays."""
        new, old = self.candidate.new, self.candidate.old
        conf = old.conf if new.conf is None else new.conf
        sources = {**self.before, **self.after}
        return Document.of(new.hosts, new.opts, conf or b"", sources, new.names)


def _of_kept(kept: KeptFiles | None) -> Mapping[str, str]:
    try:
        return kept.document.sources if kept else {}
    except Damaged:
        return {}


def _of_candidate(candidate: Candidate, edits: Sequence[OpenEdit]) -> Mapping[str, str]:
    found = dict(candidate.given_sources)
    for text, keys in _rendered(candidate):
        found[text] = _with_keys(",".join(keys), edits)
    return found


def _rendered(candidate: Candidate) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in candidate.validated.lines:
        yield render.host_line(line).rstrip("\n"), line.sources
    for ignored in candidate.validated.ignored:
        yield render.ignored_line(ignored).rstrip("\n"), ignored.sources
    for name in candidate.ledger.names.lines:
        yield name.text, name.sources
    for option in candidate.options:
        yield option.text, option.sources
    for scope in candidate.ledger.scopes:
        yield from scopes.scope_lines(scope)


def _with_keys(keys: str, edits: Sequence[OpenEdit]) -> str:
    """While it is rendered, a hand edit is named by its place."""
    if KIND not in keys:
        return keys
    return _PLACE.sub(lambda found: _key(edits[int(found[1])]), keys)


def _key(edit: OpenEdit) -> str:
    return f"{KIND} {edit.pk or 'new'}"


def _typed(edits: Iterable[OpenEdit]) -> Iterator[tuple[str, str]]:
    """The lines of each edit as somebody typed them."""
    for edit in edits:
        for text in (edit.line, *edit.raw.split("\n")):
            yield text, _key(edit)
