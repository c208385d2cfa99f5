"""What a DHCP server's files should say, beside what they say now: the steps of a sync up to the
point where something is written.

    snapshot -> overlay (hand edits) -> validate -> render -> check"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import starmap
from operator import attrgetter

from core.commands import manage_command
from core.errors import Conflict
from dhcp.edits import find, overlay
from dhcp.edits.differences import count
from dhcp.edits.find import Found, OpenEdit
from dhcp.edits.overlay import Layer
from dhcp.edits.written import read_file
from dhcp.files import check, netboot, render, scopes, snapshot
from dhcp.files.difference import difference
from dhcp.files.memory import Memory
from dhcp.files.records import ConfGroup, ConfLine, Files, OptionLine, Problem, Validated
from dhcp.files.snapshot import Snapshot
from dhcp.files.targets import Target
from dhcp.files.validate import Validator
from dhcp.models import DhcpChange
from ipam import freeze
from names import dnsmasq
from names import render as names_render
from names.ledger import Names
from names.render import names_file

# A change of one of these takes many names away on purpose, as when a subnet loses its domain.
SWITCHES = (DhcpChange.Kind.ZONE, DhcpChange.Kind.NAMES_OFF, DhcpChange.Kind.SUBNET)
FEW = 10  # reservations that may vanish at once without a question

_validators = Memory(Validator)


class Refused(Conflict):
    """The new files are not ones that dnsmasq may read."""

    code = "sync_refused"


class Held(Refused):
    """Somebody has rolled back, on purpose, and has not released it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The files of one DHCP server as they are (`old`) and as they should be (`new`), and what the
    new ones were made of."""

    target: Target
    old: Files
    new: Files
    found: Found
    edits: tuple[OpenEdit, ...] = ()
    ledger: Snapshot = field(default_factory=Snapshot)
    validated: Validated = field(default_factory=Validated)
    options: tuple[OptionLine, ...] = ()
    given_sources: Mapping[str, str] = field(default_factory=dict)  # of files that were kept
    has_options: bool = False  # whether the options count as part of what dnsmasq reads

    @property
    def content(self) -> bytes:
        """Everything that dnsmasq is to read, as one."""
        if self.has_options:
            return self.new.hosts + self.new.opts + self.new.names
        return self.new.hosts + self.new.names

    @property
    def has_new_conf(self) -> bool:
        """Whether root is to install another configuration."""
        return self.new.conf is not None and self.old.conf != self.new.conf

    @property
    def is_changed(self) -> bool:
        old, new = self.old, self.new
        files_differ = (old.hosts, old.opts, old.names) != (new.hosts, new.opts, new.names)
        return files_differ or self.has_new_conf

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (*self.validated.problems, *self.ledger.problems)

    @property
    def diff(self) -> str:
        parts = [
            difference(self.old.opts, self.new.opts),
            difference(self.old.hosts, self.new.hosts),
            difference(self.old.names, self.new.names),
        ]
        if self.new.conf is not None:
            parts.insert(0, difference(self.old.conf or b"", self.new.conf))
        return "\n".join(filter(None, parts))


def build(target: Target) -> Candidate:
    """Make the files of a DHCP server from the ledger and the hand edits. Nothing is written.
    Raises OSError, DatabaseError, Invalid."""
    old = read(target)
    return beside(target, old, find.find(target, old))


def beside(target: Target, old: Files, found: Found) -> Candidate:
    """The same for files that may be on another host. Raises DatabaseError, Invalid."""
    ledger = snapshot.take(target.server_id)
    with _validators.of(target.server_id) as validator:
        layer, validated = _validate(overlay.lay(found.edits, ledger), validator)
    options, edits = overlay.lay_options(
        layer.edits, scopes.option_lines(ledger.scopes), set(map(attrgetter("tag"), ledger.scopes))
    )
    further = (*netboot.configured(), *_conf_of_names(ledger.names, target))
    new = Files(
        hosts=render.hosts_file(validated.lines, target.url, validated.ignored),
        opts=scopes.opts_file(options, target.url),
        conf=scopes.conf_file(ledger.scopes, target.directory, target.url, further),
        names=_names_file(ledger.names, target.url),
    )
    has_options = bool(ledger.scopes)
    return Candidate(
        target, old, new, found, edits, ledger, validated, options, has_options=has_options
    )


def _conf_of_names(names: Names, target: Target) -> list[ConfGroup]:
    lines = starmap(ConfLine, dnsmasq.lines(names, target.directory))
    return [ConfGroup("Names", tuple(lines))] if names.zones else []


def _names_file(names: Names, url: str) -> bytes:
    """Without a zone there is no name, and no file."""
    if names.zones:
        return names_file(names.lines, render.header(url))
    return b""


def of_files(target: Target, new: Files, sources: Mapping[str, str]) -> Candidate:
    """A candidate of given files with the sources of their lines, as a rollback puts them in place:
    no change row is part of it."""
    old = read(target)
    found = find.find(target, old)
    return Candidate(
        target, old, new, found, found.edits, given_sources=sources, has_options=new.opts != b""
    )


def empty(target: Target) -> Candidate:
    """What is known before anything was read."""
    return Candidate(target, Files(), Files(), Found(target, {}, {}))


def read(target: Target) -> Files:
    """A server's files as they are; a missing one is empty."""
    paths = (target.hosts, target.opts, target.conf, target.names)
    return Files(*map(read_file, paths))


def _validate(layer: Layer, validator: Validator) -> tuple[Layer, Validated]:
    """Validate the reservations. An edit that clashes with the ledger is taken out, and the rest
    validated again."""
    while True:
        validated = validator.validate(layer.records, layer.ledger.ignored)
        judged = layer.judged_by(validated)
        if judged.served == layer.served:
            return judged.with_names(), overlay.without_edits(validated)
        layer = judged


# --- reasons not to publish it --------------------------------------------------------------------


def refuse_unfit(candidate: Candidate, *, force: bool = False) -> None:
    """Raises Refused when the files must not be published now; `force` allows a sudden shrink."""
    _refuse_when_held(candidate)
    refuse_unfit_content(candidate, force=force)


def refuse_unfit_content(candidate: Candidate, *, force: bool = False) -> None:
    """The same, but for what the directory says of itself."""
    _refuse_when_frozen(candidate)
    _refuse_bad_file(candidate)
    if not force:
        _refuse_sudden_shrink(candidate)


def _refuse_when_held(candidate: Candidate) -> None:
    """Somebody went back to an earlier generation and has not released it."""
    number = read_file(candidate.target.held).decode("ascii", "replace")
    if number:
        hint = f"to go on: {_command(candidate.target)} --release"
        raise Held(f"held at generation {number}", hint=hint)


def _refuse_when_frozen(candidate: Candidate) -> None:
    """The files may know more than a ledger that was restored; where there are none, its
    reservations are better than nothing."""
    frozen = freeze.state() if candidate.old.hosts else None
    if frozen:
        raise Refused(
            f"the ledger may have lost changes ({frozen.reason})",
            hint=f"to go on: {manage_command('thaw')}",
        )


def _refuse_bad_file(candidate: Candidate) -> None:
    new, ledger = candidate.new, candidate.ledger
    complaints = check.hosts_file(new.hosts, ledger.networks, ledger.by_end).complaints
    complaints += check.opts_file(new.opts) + names_render.complaints(new.names)
    if complaints:
        raise Refused(
            f"our own check refuses the new file: {'; '.join(complaints)}",
            hint="a bug; please report it",
        )


def _refuse_sudden_shrink(candidate: Candidate) -> None:
    """An empty file is valid for dnsmasq: one mistake in the ledger would take every address
    away."""
    before = max(count(candidate.old.hosts), candidate.found.last_written)
    gone = before - len(candidate.validated.lines) - _planned(candidate)
    if _is_sudden(gone, before) and _is_sudden(gone - _moved(candidate), before):
        raise _shrinks(candidate, gone, before, "reservations")
    _refuse_fewer_names(candidate)


def _refuse_fewer_names(candidate: Candidate) -> None:
    """The same for names, unless a zone or a subnet's names were switched off on purpose."""
    kinds = list(map(attrgetter("kind"), candidate.ledger.changes))
    before, after = map(names_render.count, (candidate.old.names, candidate.new.names))
    # Services that fall silent lose their addresses, many at once and each with a row of its own.
    gone = before - after - _planned(candidate) - kinds.count(DhcpChange.Kind.SERVICE)
    if _is_sudden(gone, before) and not set(kinds).intersection(SWITCHES):
        raise _shrinks(candidate, gone, before, "names")


def _shrinks(candidate: Candidate, gone: int, before: int, what: str) -> Refused:
    return Refused(
        f"{gone} of {before} {what} would vanish at once",
        hint=f"if that is meant: {_command(candidate.target)} --force",
    )


def _is_sudden(gone: int, before: int) -> bool:
    return gone > FEW and gone * 2 > before


def _planned(candidate: Candidate) -> int:
    """How many went one by one, each as it was meant to when it was made."""
    actions = list(map(attrgetter("action"), candidate.ledger.changes))
    return actions.count(DhcpChange.Action.RETIRE)


def _moved(candidate: Candidate) -> int:
    """How many of those that vanish here are another server's from now on."""
    rows = check.hosts_file(candidate.old.hosts, None).rows
    return sum(row.ip in candidate.ledger.elsewhere for row in rows)


def _command(target: Target) -> str:
    if target.server_id:
        return manage_command(f"sync_dnsmasq --server {target.name}")
    return manage_command("sync_dnsmasq")
