"""/etc/ethers (ethers(5)): MAC addresses with a host name or an address."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from importers.readers.hosts_table import address
from importers.readers.machines import mac_of, merged, reservation
from importers.records import Machine, Record
from importers.source import BadInput, Line, Source, placed


def read(source: Source, name: str) -> Iterator[Record]:
    """Raises BadInput."""
    return merged(_machines(source.lines(name)))


def _machines(lines: Iterator[Line]) -> Iterator[Machine]:
    for line in lines:
        words = line.text.partition("#")[0].split()
        if words:
            yield _machine(line, words)


def _machine(line: Line, words: list[str]) -> Machine:
    if len(words) != 2:
        raise BadInput(line.at, _("A MAC address and a name or an address are expected."))
    with placed(line.at):
        mac = mac_of(words[0])
    if ip := address(words[1]):
        return reservation(line.at, "", [ip], mac)
    return reservation(line.at, words[1], [], mac)
