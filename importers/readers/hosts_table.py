"""Tables of hosts: /etc/hosts (hosts(5)) and what is written like it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from importers.records import Held, LeftOut, Name, Record
from importers.source import BadInput, Line, Source
from ipam.addresses import Address, can_be_a_machines, parse_address

_TYPES = {4: "A", 6: "AAAA"}


def read(source: Source, name: str) -> Iterator[Record]:
    """Raises BadInput."""
    return records(source.lines(name))


def records(lines: Iterable[Line]) -> Iterator[Record]:
    """An address with its names in each line."""
    for line in lines:
        words = line.text.partition("#")[0].split()
        if not words:
            continue
        try:
            ip = parse_address(words[0])
        except ValueError as error:
            if "%" in words[0]:
                yield LeftOut(line.at, line.text[:200], str(error))
                continue
            raise BadInput(line.at, error) from error
        if len(words) < 2:
            raise BadInput(line.at, _("An address needs a name."))
        yield from named(line.at, ip, words[1:])


def named(at: str, ip: Address, names: list[str]) -> Iterator[Record]:
    """An address by its first name; the others are records of a zone."""
    what = " ".join([str(ip), *names])[:200]
    if not can_be_a_machines(ip) or ip.is_link_local:
        yield LeftOut(at, what, _("It is an address of every machine."))
        return
    if not names:
        yield LeftOut(at, what, _("An address needs a name."))
        return
    yield Held(at, ip, status="allocated", hostname=names[0].rstrip("."))
    for alias in names[1:]:
        yield Name(at, alias.lower().rstrip("."), _TYPES[ip.version], str(ip))


def address(text: str) -> Address | None:
    """The address that a text is, or None."""
    try:
        return parse_address(text.strip("[]"))
    except ValueError:
        return None
