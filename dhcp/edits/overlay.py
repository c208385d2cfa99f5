"""Lay the open hand edits over the ledger's records.

An open edit is served until somebody decides about it. It never displaces another reservation, and
a later change of the ledger wins. Pure, but for one query that asks who has an edited address."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from itertools import chain, compress
from operator import attrgetter

from dhcp.edits import differences
from dhcp.edits.differences import HOSTS, REMOVE
from dhcp.edits.find import OpenEdit
from dhcp.files import check
from dhcp.files.check import Row
from dhcp.files.names import safe_name
from dhcp.files.records import HostRecord, OptionLine, Problem, Validated
from dhcp.files.snapshot import Snapshot
from dhcp.models import HandEdit
from dhcp.querysets import holders_of, name_of
from ipam.addresses import Address, Network

KIND = "handedit"
_HOLDER = re.compile(r"(?:server|interface|handedit) [0-9]+")
_Known = Mapping[tuple[frozenset[str], Address], HostRecord]


def source(place: int) -> str:
    """Names an edit as the source of a line by its place: it may have no key yet."""
    return f"{KIND} #{place}"


# --- reservations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layer:
    """The open edits of the hosts file over the ledger's reservations. `replaced` has the record
    whose line an edit changes or removes, by the edit's place."""

    ledger: Snapshot
    edits: tuple[OpenEdit, ...]
    replaced: Mapping[int, HostRecord]

    @property
    def served(self) -> list[int]:
        """The places of the edits that are to be served."""
        return _places(self.edits, "is_served_reservation")

    @property
    def records(self) -> tuple[HostRecord, ...]:
        """The ledger's records, those of edited lines replaced."""
        served = self.served
        if not served:
            return self.ledger.records
        edited = set()
        by_hand = []
        networks = frozenset(self.ledger.networks)
        for place in served:
            if place in self.replaced:
                edited.add(self.replaced[place].key)
            if self.edits[place].line:
                by_hand.append(self._record(place, networks))
        records = [record for record in self.ledger.records if record.key not in edited]
        return (*records, *by_hand)

    def _record(self, place: int, networks: frozenset[Network]) -> HostRecord:
        row = check.host_row(self.edits[place].line.encode())
        assert isinstance(row, Row)
        sources: tuple[str, ...] = (source(place),)
        if place in self.replaced:
            sources += self.replaced[place].sources
        return HostRecord(
            kind=KIND,
            id=place,
            macs=row.macs,
            ip=row.ip,
            name=row.name,
            subnet=_network_around(row.ip, networks),
            duid=row.duid,
            sources=sources,
        )

    def judged_by(self, validated: Validated) -> Layer:
        """The same with what validation says of the edits' own records."""
        edits = list(self.edits)
        for problem in validated.problems:
            if problem.record.kind == KIND:
                place = problem.record.id
                edits[place] = _judged_by(edits[place], problem)
        return replace(self, edits=tuple(edits))

    def with_names(self) -> Layer:
        """The same with names instead of row numbers in the reasons."""
        names: dict[str, str] = {}
        edits = list(self.edits)
        for place, edit in enumerate(edits):
            if not edit.reason:
                continue
            names = names or {record.key: record.name for record in self.ledger.records}
            edits[place] = replace(edit, reason=_named(edit.reason, names))
        return replace(self, edits=tuple(edits))


def lay(edits: tuple[OpenEdit, ...], ledger: Snapshot) -> Layer:
    """Judge each open edit of the hosts file by itself, and lay those that can be served over the
    ledger's reservations."""
    places = _places(edits, "is_reservation")
    if not places:
        return Layer(ledger, edits, {})
    known: dict[tuple[frozenset[str], Address], HostRecord] = {}
    for record in ledger.records:
        known[frozenset(record.identities), record.written_ip] = record
    judged = list(edits)
    replaced = {}
    for place in places:
        edit = edits[place]
        then = _record_of(edit.was, known)
        judged[place] = _judge(edit, _record_of(edit.line, known), then)
        if then:
            replaced[place] = then
    return Layer(ledger, _refuse_held(judged, ledger.records), replaced)


def without_edits(validated: Validated) -> Validated:
    """The problems of the ledger's own records: an edit has its reason at itself."""
    problems = [problem for problem in validated.problems if problem.record.kind != KIND]
    return replace(validated, problems=tuple(problems))


def _places(edits: Sequence[OpenEdit], question: str) -> list[int]:
    """The places of the edits that answer yes."""
    return list(compress(range(len(edits)), map(attrgetter(question), edits)))


def _judge(edit: OpenEdit, now: HostRecord | None, then: HostRecord | None) -> OpenEdit:
    """Does the ledger say the same by now, or something else than it said when the line was
    edited? `now` and `then` are its records of the line and of the line before."""
    complaint = differences.complaint(HOSTS, edit.line)
    if complaint:  # an older version of us could read it
        return edit.refuse(complaint)
    if now:
        return edit.settle(HandEdit.State.ADOPTED)
    if then or not edit.was:
        return edit.serve()
    if edit.action == REMOVE:
        return edit.settle(HandEdit.State.ADOPTED)
    return edit.refuse("the ledger has changed this reservation since")


def _record_of(line: str, known: _Known) -> HostRecord | None:
    """The ledger's record that says what the line says."""
    row = check.host_row(line.encode())
    if not isinstance(row, Row):
        return None
    record = known.get((frozenset(row.identities), row.ip))
    if record and row.name in ("", safe_name(record.name).text):
        return record
    return None


def _refuse_held(edits: Sequence[OpenEdit], records: Iterable[HostRecord]) -> tuple[OpenEdit, ...]:
    """Refuse the edits whose address the ledger has given to somebody whom dnsmasq does not know: a
    VM, a server without a MAC or of another DHCP server."""
    rows: dict[int, Row] = {}
    addresses = set()
    for place in _places(edits, "is_served_reservation"):
        row = check.host_row(edits[place].line.encode())
        if isinstance(row, Row):
            rows[place] = row
            addresses.add(row.ip)
    addresses -= set(map(attrgetter("written_ip"), records))
    holders = holders_of(addresses)
    refused = list(edits)
    for place, row in rows.items():
        holder = holders.get(row.ip)
        if holder and holder.mac_address not in row.macs:
            reason = f"the ledger gives {row.ip} to {name_of(holder)}"
            refused[place] = edits[place].refuse(reason)
    return tuple(refused)


def _network_around(ip: Address, networks: frozenset[Network]) -> Network | None:
    """The most specific network around it."""
    for length in range(ip.max_prefixlen, -1, -1):
        network = ip_network((ip, length), strict=False)
        if network in networks:
            return network
    return None


def _judged_by(edit: OpenEdit, problem: Problem) -> OpenEdit:
    if problem.left_out:
        return edit.refuse(problem.reason)
    return edit.serve(f"served without its name: {problem.reason}")


def _named(reason: str, names: Mapping[str, str]) -> str:
    return _HOLDER.sub(lambda found: names.get(found[0], "another hand edit"), reason)


# --- options --------------------------------------------------------------------------------------


def lay_options(
    edits: tuple[OpenEdit, ...], lines: tuple[OptionLine, ...], tags: Collection[str]
) -> tuple[tuple[OptionLine, ...], tuple[OpenEdit, ...]]:
    """The options with the open edits over them, and the edits as they were judged. `tags` are
    those of the scopes."""
    places = _places(edits, "is_option")
    if not places:
        return lines, edits
    by_key = {line.key: line for line in lines}
    judged = list(edits)
    for place in places:
        judged[place] = _lay_option(edits[place], place, by_key, tags)
    return tuple(_tag_by_tag(by_key.values())), tuple(judged)


def _lay_option(
    edit: OpenEdit, place: int, lines: dict[tuple[str, str], OptionLine], tags: Collection[str]
) -> OpenEdit:
    edited = OptionLine.parse(edit.line or edit.was)
    present = lines.get(edited.key)
    text, rows = (present.text, present.sources) if present else ("", ())
    if text == edit.line:
        return edit.settle(HandEdit.State.ADOPTED)
    if text != edit.was:
        return edit.refuse(f"the ledger says by now: {text or 'nothing'}")
    if edited.tag not in tags:
        return edit.refuse("no scope has this tag")
    if edit.line:
        lines[edited.key] = replace(edited, sources=(source(place), *rows))
    else:
        del lines[edited.key]
    return edit.serve()


def _tag_by_tag(lines: Iterable[OptionLine]) -> list[OptionLine]:
    """In the order of their scopes; a line that is new to a tag comes last."""
    by_tag: dict[str, list[OptionLine]] = {}
    for line in lines:
        by_tag.setdefault(line.tag, []).append(line)
    return list(chain.from_iterable(by_tag.values()))
