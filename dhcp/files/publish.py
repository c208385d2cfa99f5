"""Put a candidate's files in place and make dnsmasq read them.

Each file is replaced by write, fsync and rename (core/files.py), then dnsmasq is made to reload
once, and asked by DNS which files it has read. Call everything here under the directory's lock, and
take the lock before the ledger is read: of two processes the later one then also writes the later
state."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core import files
from dhcp.daemon import confirm, reload_throttle
from dhcp.daemon.reload import reload
from dhcp.edits import find, written
from dhcp.edits.differences import NAMES
from dhcp.edits.find import OpenEdit
from dhcp.edits.written import digest, read_file
from dhcp.files import render
from dhcp.files.candidate import Candidate
from dhcp.files.targets import Target
from names.proof import WAIT, Proof, prove

MODE = 0o644  # dnsmasq reads its files as another user
CONFIRM_SECONDS = 5.0  # dnsmasq reads 20,000 hosts in one
ASK_SECONDS = 0.2  # for an answer that is not waited for


@dataclass(frozen=True, slots=True)
class Published:
    """What became of it: whether dnsmasq was made to read new files, or has read them already,
    and whether it has confirmed that by its own answer (None: it was not asked)."""

    applied: bool
    confirmed: bool | None = None
    edits: tuple[OpenEdit, ...] = ()
    proof: Proof | None = None  # what it answered for changed names


@contextmanager
def lock(target: Target, seconds: float) -> Iterator[None]:
    """Make the directory if it is missing, and hold its lock. Raises files.Locked when another
    process keeps it for so many seconds, OSError when the directory cannot be made."""
    target.prepare()
    with files.lock(target.lock, seconds):
        yield


def publish(
    candidate: Candidate,
    patience: Callable[[], float],
    check_directory: Callable[[], None] = lambda: None,
    *,
    force: bool = False,
    announce: Callable[[Candidate], tuple[OpenEdit, ...]] | None = None,
) -> Published:
    """Write what differs, and make dnsmasq read it, unless it was made to read exactly this before;
    with `force` in any case.
    `patience` says, once dnsmasq was told to reload, how many seconds its confirmation may take.
    `check_directory` is called before each file, and raises where it must not be written.
    `announce` stores hand edits and notes what is about to be written; an agent without a database
    has its own.
    Raises OSError, ReloadFailed, Unconfirmed, Busy."""
    target = candidate.target
    for path in target.ours:  # killed writers held the lock that we hold now
        files.remove_leftovers(path)
    check_directory()
    _propose(candidate)
    edits = (announce or _announce)(candidate)
    outdated = list(_outdated(candidate))
    for path, data in outdated:
        check_directory()
        files.replace(path, data, MODE)
    if not outdated and not force and _was_read(candidate):
        return Published(applied=False, edits=edits)
    check_directory()
    proof = None
    if not outdated and not force and _is_serving(candidate):
        confirmed: bool | None = True
    else:
        started = time.monotonic()
        confirmed = _reload(candidate, patience)
        proof = _prove(candidate, started, patience())
    files.replace(target.applied, digest(candidate.content).encode())
    return Published(True, confirmed, edits, proof)


def _propose(candidate: Candidate) -> None:
    """Lay out the configuration that root should install; ranges take effect by that only. It comes
    first: a dnsmasq that does not read our files yet confirms nothing."""
    if candidate.has_new_conf and candidate.new.conf is not None:
        files.replace(candidate.target.conf, candidate.new.conf, MODE)


def _announce(candidate: Candidate) -> tuple[OpenEdit, ...]:
    """Store the hand edits, and note what is about to be written: a crash halfway is no hand
    edit."""
    found = candidate.found
    edits = find.save(found, candidate.edits)
    note_what_is_written(candidate)
    return edits


def note_what_is_written(candidate: Candidate) -> tuple[OpenEdit, ...]:
    """Note the digests of what is about to be written. Raises Busy."""
    found = candidate.found
    find.refuse_if_edited(found)
    new = candidate.new
    after = {find.HOSTS: new.hosts, find.OPTS: new.opts, NAMES: new.names}
    written.announce(candidate.target, found.digests, candidate.content, found.on_disk, after)
    return ()


def _outdated(candidate: Candidate) -> Iterator[tuple[Path, bytes]]:
    """The files to write, with their new content."""
    target, old, new = candidate.target, candidate.old, candidate.new
    for path, before, after in (
        (target.opts, old.opts, new.opts),
        (target.hosts, old.hosts, new.hosts),
        (target.names, old.names, new.names),
    ):
        if before != after or not _is_readable(path, after):
            yield path, after


def _is_readable(path: Path, content: bytes) -> bool:
    """A mode that somebody tightened takes every reservation away at the next reload. Of a file
    that is to be empty there may be none."""
    return not content or stat.S_IMODE(path.stat().st_mode) == MODE


def _was_read(candidate: Candidate) -> bool:
    """Whether dnsmasq was made to read exactly this: a crash between write and reload shows
    here."""
    target = candidate.target
    found = read_file(target.applied), read_file(target.generation)
    return found == (digest(candidate.content).encode(), _generation(candidate))


def _is_serving(candidate: Candidate) -> bool:
    """Whether dnsmasq has read exactly this after all: it was slow, or it was started since."""
    target = candidate.target
    if not target.dns or read_file(target.generation) != _generation(candidate):
        return False
    try:
        served = confirm.serving(target.dns, ASK_SECONDS)
    except OSError:
        return False  # it does not answer; the reload will give the reason
    return served == render.generation_address(candidate.content)


def _reload(candidate: Candidate, patience: Callable[[], float]) -> bool | None:
    """Make dnsmasq read the files, and wait for its confirmation where it can be asked."""
    target = candidate.target
    files.replace(target.generation, _generation(candidate), MODE)
    reload(target.reload)
    reloaded_at = time.monotonic()
    try:
        if not target.dns:
            return None
        expected = render.generation_address(candidate.content)
        confirm.wait_until(expected, target.dns, patience())
        return True
    finally:
        seconds = time.monotonic() - reloaded_at
        reload_throttle.begin_pause(target.pace, len(candidate.ledger.changes), seconds)


def _prove(candidate: Candidate, started: float, seconds: float) -> Proof | None:
    """Whether dnsmasq, which has read the names, also serves them: its installed configuration
    must name the file."""
    dns = candidate.target.dns
    if dns is None:
        return None
    return prove(dns, candidate.old.names, candidate.new.names, started, min(seconds, WAIT))


def _generation(candidate: Candidate) -> bytes:
    """The file by which dnsmasq states what it has read."""
    return render.generation_file(candidate.content, candidate.target.url)
