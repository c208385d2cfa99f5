"""Bring dnsmasq's files in step with the ledger.

Lock, read, render, check, compare, write, reload, confirm, note: in this order, so that of two
processes the later one also writes the later state. A failure leaves the old file and the change
rows; the request that caused the sync never hears of it, the generation's row does."""

from __future__ import annotations

import hashlib
import logging
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from pathlib import Path

from django.db import DatabaseError, transaction

from core import files
from core.errors import Conflict, IPManagerError
from dhcp import servers
from dhcp.edits import overlay
from dhcp.edits.overlay import Handwork
from dhcp.files import check, confirm, netboot, reload_throttle, render, scopes, snapshot
from dhcp.files.records import Sifted
from dhcp.files.reload import reload
from dhcp.files.snapshot import Snapshot
from dhcp.files.targets import Target
from dhcp.generations import journal
from dhcp.generations.journal import Outcome
from dhcp.models import DhcpChange, Generation, KeptFiles
from ipam import freeze

logger = logging.getLogger("dhcp.sync")

PATIENCE = 10.0  # seconds that a command or the worker waits for the lock
CONFIRM_SECONDS = 5.0  # dnsmasq reads 20,000 hosts in one
BUDGET = 0.2  # seconds that a request spends on waiting for others, at most
INLINE_HOSTS = 5000  # with more, the work itself is too long for a request
MODE = 0o644  # dnsmasq reads its files as another user
FEW = 10  # hosts that may vanish at once without a question
LEFT, CHANGED = "left", "changed"  # results that no generation has


class Refused(Conflict):
    """The new file is not one that we would let dnsmasq read."""

    code = "sync_refused"


@dataclass(slots=True)
class _Work:
    """One sync under way, and what is known so far."""

    target: Target
    force: bool = False
    brief: bool = False
    paced: bool = False
    started: float = field(default_factory=time.monotonic)
    seen: Snapshot = field(default_factory=lambda: Snapshot([], [], []))
    sifted: Sifted = field(default_factory=Sifted)
    before: bytes = b""
    after: bytes = b""
    opts_before: bytes = b""
    opts_after: bytes = b""
    conf_before: bytes = b""  # the proposal for root
    conf_after: bytes | None = None  # None: not this sync's business
    hand: Handwork | None = None
    opts_count: bool = (
        False  # whether there are scopes, so that the options are part of what is told
    )
    told: bool = False
    confirmed: bool | None = None

    @property
    def generation(self) -> bytes:
        """The file by which dnsmasq tells that it has read `content`."""
        return render.generation_file(self.content, self.target.url)

    @property
    def content(self) -> bytes:
        """Everything that dnsmasq is to read, as one."""
        return self.after + self.opts_after if self.opts_count else self.after

    @property
    def changed(self) -> bool:
        return (self.before, self.opts_before) != (self.after, self.opts_after) or self.proposes

    @property
    def proposes(self) -> bool:
        """Whether root is to install another configuration."""
        return self.conf_after is not None and self.conf_before != self.conf_after

    @property
    def diff(self) -> str:
        pairs = [(self.opts_before, self.opts_after), (self.before, self.after)]
        if self.conf_after is not None:
            pairs.insert(0, (self.conf_before, self.conf_after))
        return "\n".join(filter(None, (difference(*pair) for pair in pairs)))

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def outcome(self, result: str, reason: str = "") -> Outcome:
        return Outcome(
            result=result,
            reason=reason,
            confirmed=self.confirmed,
            digest=_digest(self.content),
            hosts=_count(self.after),
            problems=[*self.sifted.problems, *self.seen.problems],
            changes=self.seen.changes,
            diff=self.diff,
            duration_ms=round(self.elapsed * 1000),
            server_id=self.target.server_id,
            server=self.target.name,
        )


def sync(
    target: Target | None = None, *, force: bool = False, brief: bool = False, paced: bool = False
) -> Outcome:
    """Make a server's files say what the ledger says, and dnsmasq obey them. Failures are recorded,
    not raised.

    Without a target it is the default server. `force` also publishes a file that lacks more than
    half of the present reservations; `brief` waits for nobody longer than BUDGET and leaves the
    rest to the worker. Both `brief` and `paced` leave it, too, when dnsmasq has just reloaded and
    is to have a pause; the outcome tells how long."""
    work = _Work(target or Target.from_settings(), force, brief, paced)
    if work.target.complaint:
        return _failed(work, Refused(work.target.complaint))
    if brief and (wait := reload_throttle.left(work.target.pace)) > BUDGET:
        return _left_for(work, wait)
    try:
        work.target.prepare()
        with files.lock(work.target.lock, BUDGET if brief else PATIENCE):
            wait = _pause(work)
            return _left_for(work, wait) if wait else _sync(work)
    except files.Locked as error:
        return work.outcome(LEFT, str(error))
    except OSError as error:
        return _failed(work, error)


def _pause(work: _Work) -> float:
    """How long this sync is to be put off; a pause that a request has time for is over
    afterwards."""
    left = reload_throttle.left(work.target.pace) if work.brief or work.paced else 0.0
    if work.brief and 0 < left <= BUDGET - work.elapsed:
        time.sleep(left)
        return 0.0
    return left


def _left_for(work: _Work, seconds: float) -> Outcome:
    return replace(
        work.outcome(LEFT, f"dnsmasq has just reloaded; the next time in {seconds:.1f} s"),
        wait=seconds,
    )


def apply(target: Target, hosts: bytes, opts: bytes, reason: str) -> Outcome:
    """Put these files in place and make dnsmasq read them; no change row is done by that. Call it
    under the lock."""
    work = _Work(target, after=hosts, opts_after=opts, opts_count=opts != b"")
    work.before, work.opts_before = _read(target.hosts), _read(target.opts)
    try:
        work.hand = overlay.look(target, work.before, work.opts_before)
        _publish(work)
    except (IPManagerError, OSError) as error:
        return _failed(work, error)
    return _done(work, reason)


def inline() -> None:
    """Sync on behalf of a request that has just committed: briefly or not at all; the worker does
    the rest."""
    started = time.monotonic()
    for target in servers.local_targets():
        newest = Generation.objects.newest_summary(target.server_id)
        if time.monotonic() - started < BUDGET and (newest is None or newest.hosts <= INLINE_HOSTS):
            sync(target, brief=True)


def preview(target: Target | None = None) -> Outcome:
    """What a sync would change now, or why it would be refused. Nothing is written."""
    work = _Work(target or Target.from_settings())
    try:
        _build(work)
        _refuse_when_held(work)
        _refuse_when_frozen(work)
        _refuse_bad_file(work)
        _refuse_sudden_shrink(work)
    except (IPManagerError, OSError, DatabaseError) as error:
        return work.outcome(Generation.Result.FAILED, _reason(error))
    return work.outcome(CHANGED if work.changed else Generation.Result.UNCHANGED)


def difference(before: bytes, after: bytes) -> str:
    """Unified, without context: every line tells of one reservation."""
    # What somebody wrote there by hand may hold anything; no database text holds a NUL.
    old, new = (
        data.decode("ascii", "replace").replace("\0", "?").splitlines() for data in (before, after)
    )
    return (
        "\n".join(unified_diff(old, new, "served", "ledger", lineterm="", n=0))
        if before != after
        else ""
    )


def _sync(work: _Work) -> Outcome:
    try:
        _build(work)
        if failure := _complete_rollback(work):
            return failure
        _refuse_when_held(work)
        _refuse_when_frozen(work)
        _refuse_bad_file(work)
        _refuse_sudden_shrink(work)
        _propose(work)  # first: a dnsmasq that knows nothing of us confirms nothing
        _publish(work)
    except (IPManagerError, OSError, DatabaseError) as error:
        if work.brief and isinstance(error, confirm.Unconfirmed):
            return work.outcome(LEFT, str(error))
        return _failed(work, error)
    except Exception as error:
        _failed(work, error)  # a bug of ours: recorded like any failure, and loud where it happened
        raise
    return _done(work)


def _build(work: _Work) -> None:
    """The files as they are and as they should be."""
    work.before, work.opts_before = _read(work.target.hosts), _read(work.target.opts)
    work.hand = overlay.look(work.target, work.before, work.opts_before)
    work.seen = snapshot.take(work.target.server_id)
    work.sifted = work.hand.sift(work.seen)
    work.after = render.hosts_file(work.sifted.lines, work.target.url)
    work.opts_after = work.hand.opts(work.seen.scopes, work.target.url)
    work.opts_count = bool(work.seen.scopes)
    work.conf_before = _read(work.target.conf)
    work.conf_after = scopes.conf_file(
        work.seen.scopes, work.target.directory, work.target.url, netboot.configured()
    )


def _complete_rollback(work: _Work) -> Outcome | None:
    """Until an interrupted rollback is complete, dnsmasq may have files of two generations. The
    answer is why not."""
    target, number = work.target, _read(work.target.held).decode("ascii", "replace")
    kept = KeptFiles.objects.filter(generation=int(number)).first() if number.isdecimal() else None
    if kept is None or (
        _read(target.applied) == _digest(kept.hosts + kept.opts).encode()
        and target.hosts.exists()
        and target.opts.exists()
    ):
        return None
    outcome = apply(target, kept.hosts, kept.opts, f"rolled back to generation {number}")
    return None if outcome.good else outcome


def _refuse_when_held(work: _Work) -> None:
    """Somebody went back to an earlier generation and has not released it."""
    if number := _read(work.target.held).decode("ascii", "replace"):
        raise Refused(
            f"held at generation {number}", hint=f"to go on: {_command(work.target)} --release"
        )


def _refuse_when_frozen(work: _Work) -> None:
    """The files may know more than a ledger that was restored; where there are none, its
    reservations are better than nothing."""
    if work.before and (frozen := freeze.state()):
        raise Refused(
            f"the ledger was restored from a backup ({frozen.reason})",
            hint="to go on: manage.py thaw",
        )


def _refuse_bad_file(work: _Work) -> None:
    complaints = check.hosts_file(work.after, work.seen.networks, work.seen.by_end).complaints
    complaints += check.opts_file(work.opts_after)
    if complaints:
        raise Refused(
            f"our own check refuses the new file: {'; '.join(complaints)}",
            hint="a bug; please report it",
        )


def _refuse_sudden_shrink(work: _Work) -> None:
    """An empty file is valid for dnsmasq: one mistake in the ledger would take every address
    away."""
    before = max(_count(work.before), work.hand.rows if work.hand else 0)
    gone = before - len(work.sifted.lines)
    if gone > FEW and gone * 2 > before and not work.force:
        gone -= _moved(work)
    if gone > FEW and gone * 2 > before and not work.force:
        raise Refused(
            f"{gone} of {before} reservations would vanish at once",
            hint=f"if that is meant: {_command(work.target)} --force",
        )


def _moved(work: _Work) -> int:
    """How many of those that vanish here are another server's from now on."""
    return sum(
        1 for row in check.hosts_file(work.before, None).rows if row.ip in work.seen.elsewhere
    )


def _command(target: Target) -> str:
    return "manage.py sync_dnsmasq" + (f" --server {target.name}" if target.server_id else "")


def _count(hosts: bytes) -> int:
    """How many reservations a hosts file has."""
    return sum(1 for line in hosts.splitlines() if line and not line.startswith(b"#"))


def _publish(work: _Work) -> None:
    """Write what is new; tell dnsmasq, unless it has been told exactly this before."""
    target = work.target
    _tidy(target)
    if work.hand:
        work.hand.record()
        work.hand.intend(_digest(work.content), hosts=work.after, opts=work.opts_after)
    outdated = list(_outdated(work))
    for path, data in outdated:
        files.replace(path, data, MODE)
    if outdated:
        _tell(work)
    elif _has_been_told(work):
        return
    elif not _serves(work):
        _tell(work)
    work.told = True
    files.replace(target.applied, _digest(work.content).encode())


def _tidy(target: Target) -> None:
    """Remove what killed writers left: they held the lock that we hold now."""
    for path in target.ours:
        files.remove_leftovers(path)


def _propose(work: _Work) -> None:
    """Lay out the configuration that root should install; ranges take effect by that only."""
    if work.conf_after is not None and work.proposes:
        files.replace(work.target.conf, work.conf_after, MODE)


def _tell(work: _Work) -> None:
    """Make dnsmasq read the file, and have it say so where it can be asked."""
    target = work.target
    files.replace(target.generation, work.generation, MODE)
    reload(target.reload)
    told_at = time.monotonic()
    try:
        _confirm(work)
    finally:
        reload_throttle.keep(target.pace, len(work.seen.changes), time.monotonic() - told_at)


def _confirm(work: _Work) -> None:
    if work.target.dns:
        within = max(BUDGET - work.elapsed, BUDGET / 10) if work.brief else CONFIRM_SECONDS
        confirm.wait_until(render.generation_address(work.content), work.target.dns, within)
        work.confirmed = True


def _outdated(work: _Work) -> Iterator[tuple[Path, bytes]]:
    """The files to be written, with what they shall say."""
    for path, before, after in (
        (work.target.opts, work.opts_before, work.opts_after),
        (work.target.hosts, work.before, work.after),
    ):
        if before != after or not _is_readable(path):
            yield path, after


def _is_readable(path: Path) -> bool:
    """A mode that somebody tightened takes every reservation away at the next reload."""
    return stat.S_IMODE(path.stat().st_mode) == MODE


def _has_been_told(work: _Work) -> bool:
    """Whether dnsmasq was made to read this very file: a crash between write and reload shows
    here."""
    applied, generation = _read(work.target.applied), _read(work.target.generation)
    return (applied, generation) == (_digest(work.content).encode(), work.generation)


def _serves(work: _Work) -> bool:
    """Whether dnsmasq has read this very file after all: it was slow, or it was started since."""
    if not work.target.dns or _read(work.target.generation) != work.generation:
        return False
    try:
        served = confirm.serving(work.target.dns, BUDGET)
    except OSError:
        return False  # it does not answer; telling it will give the reason
    work.confirmed = True if served == render.generation_address(work.content) else None
    return work.confirmed is True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _done(work: _Work, reason: str = "") -> Outcome:
    """Forget the changes that are served now and note the generation, both or neither."""
    outcome = work.outcome(
        Generation.Result.APPLIED if work.told else Generation.Result.UNCHANGED, reason
    )
    try:
        with transaction.atomic():
            DhcpChange.objects.forget([change.id for change in outcome.changes])
            generation = journal.note(outcome)
            if work.told:
                journal.keep(generation, work.after, work.opts_after)
    except DatabaseError as error:
        logger.error("applied, but the database cannot be told: %s", error)
        return work.outcome(Generation.Result.FAILED, f"applied, but not noted: {_reason(error)}")
    if work.told:
        logger.info(
            "generation %s: %d reservations in %d ms",
            generation.pk,
            outcome.hosts,
            outcome.duration_ms,
        )
    return replace(outcome, generation=generation.pk)


def _failed(work: _Work, error: Exception) -> Outcome:
    outcome = work.outcome(Generation.Result.FAILED, _reason(error))
    try:
        with transaction.atomic():
            generation = journal.note(outcome)
    except DatabaseError as worse:
        logger.error(
            "dnsmasq is not in step: %s; and the database cannot be told: %s", outcome.reason, worse
        )
        return outcome
    if (
        generation.attempts.bit_count() == 1
    ):  # the 1st, 2nd, 4th, 8th ... time: a long outage is no flood of lines
        logger.error("dnsmasq is not in step (attempt %d): %s", generation.attempts, outcome.reason)
    return replace(outcome, generation=generation.pk)


def _reason(error: Exception) -> str:
    """What an administrator can act on: the file's name for an OSError, our own sentence for our
    own errors."""
    if isinstance(error, OSError):
        return f"{error.filename or 'the files'}: {error.strerror or error}"
    if isinstance(error, IPManagerError):
        return str(error)
    return f"{type(error).__name__}: {error}".strip()
