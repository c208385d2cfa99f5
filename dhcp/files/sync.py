"""Bring dnsmasq's files in step with the ledger.

    lock -> snapshot -> overlay (hand edits) -> validate -> render -> check -> publish -> record

In this order, so that of two processes the later one also writes the later state. A failure leaves
the old files and the change rows; the request that caused the sync never fails because of it, the
generation's row states the reason."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from operator import attrgetter

from django.db import DatabaseError, transaction

from core import files
from core.errors import IPManagerError
from dhcp import servers
from dhcp.daemon import confirm, reload_throttle
from dhcp.edits.written import digest, read_file
from dhcp.files import candidate as candidates
from dhcp.files import memory, publish
from dhcp.files.candidate import Candidate, Held, Refused
from dhcp.files.publish import Published
from dhcp.files.records import Files
from dhcp.files.targets import Target
from dhcp.generations import record
from dhcp.generations.outcome import CHANGED, HELD, LEFT, Outcome
from dhcp.generations.sources import LineSources
from dhcp.models import DhcpChange, Generation, KeptFiles
from dhcp.nodes import lease, state
from dhcp.nodes.lease import Caller, Claim, LostLease

logger = logging.getLogger("dhcp.sync")

PATIENCE = 10.0  # seconds that a command or the worker waits for the lock
BUDGET = 0.2  # seconds that a request spends on waiting for others, at most
HELD_SECONDS = 10.0  # until the worker looks again whether a rollback was released elsewhere
INLINE_HOSTS = 5000  # with more, the work itself is too long for a request


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sync under way: whose files, since when, how long it may wait, and what this node may
    do."""

    target: Target
    force: bool = False
    brief: bool = False
    paced: bool = False
    started: float = field(default_factory=time.monotonic)
    claim: Claim | None = None  # None until the lock is there

    @property
    def caller(self) -> Caller:
        if self.brief:
            return Caller.REQUEST
        if self.paced:
            return Caller.WORKER
        return Caller.PERSON

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    @property
    def lock_seconds(self) -> float:
        if self.brief:
            return BUDGET
        return PATIENCE

    @property
    def heeds_pause(self) -> bool:
        return self.caller is not Caller.PERSON

    def confirm_seconds(self) -> float:
        """How long dnsmasq's confirmation may take from now on."""
        if self.brief:
            return max(BUDGET - self.elapsed, BUDGET / 10)
        return publish.CONFIRM_SECONDS

    @property
    def nothing_read(self) -> Candidate:
        """The candidate of a sync that has not read anything."""
        return candidates.empty(self.target)

    def outcome(self, result: str, reason: str, candidate: Candidate) -> Outcome:
        """What became of it, without a generation yet."""
        outcome = Outcome.of(candidate, result, reason, round(self.elapsed * 1000))
        return replace(outcome, seen=self.claim.seen) if self.claim else outcome


def sync(
    target: Target | None = None, *, force: bool = False, brief: bool = False, paced: bool = False
) -> Outcome:
    """Make a server's files say what the ledger says, and dnsmasq obey them. Failures are recorded,
    not raised.

    Without a target it is the default server. `force` also publishes a file that lacks more than
    half of the present reservations, and makes dnsmasq read files that are unchanged. `brief` waits
    for nobody longer than BUDGET and leaves the rest to the worker. Both `brief` and `paced` leave
    it, too, when dnsmasq has just reloaded and is to have a pause; the outcome's `wait` is its
    length in seconds. Where several nodes write a server's files, a sync that is neither takes the
    sync lease for itself (dhcp/nodes/lease.py)."""
    attempt = Attempt(target or Target.from_settings(), force, brief, paced)
    if attempt.target.complaint:
        return _failed(attempt, Refused(attempt.target.complaint), attempt.nothing_read)
    wait = reload_throttle.seconds_left(attempt.target.pace)
    if brief and wait > BUDGET:
        return _left(attempt, wait)
    try:
        with publish.lock(attempt.target, attempt.lock_seconds):
            return _sync_unless_paused(attempt)
    except files.Locked as error:
        return attempt.outcome(LEFT, str(error), attempt.nothing_read)
    except OSError as error:
        return _failed(attempt, error, attempt.nothing_read)


def _sync_unless_paused(attempt: Attempt) -> Outcome:
    """Under the lock: leave it while dnsmasq is to have a pause, but wait for the end of one that
    a request has time for."""
    wait = reload_throttle.seconds_left(attempt.target.pace)
    if not attempt.heeds_pause or not wait:
        return _sync(attempt)
    if attempt.brief and wait <= BUDGET - attempt.elapsed:
        time.sleep(wait)
        return _sync(attempt)
    return _left(attempt, wait)


def _left(attempt: Attempt, seconds: float) -> Outcome:
    reason = f"dnsmasq has just reloaded; the next time in {seconds:.1f} s"
    return replace(attempt.outcome(LEFT, reason, attempt.nothing_read), wait=seconds)


def _sync(attempt: Attempt) -> Outcome:
    """Under the lock: the pipeline, as far as this node has a part in it."""
    try:
        with lease.claimed(attempt.target, attempt.caller) as claim:
            if claim.role is lease.Role.STANDBY:
                reason = f"{claim.host} writes this directory and holds the sync lease"
                return attempt.outcome(LEFT, reason, attempt.nothing_read)
            with memory.collector_paused():
                return _run(replace(attempt, claim=claim), claim)
    except (LostLease, DatabaseError) as error:
        return _failed(attempt, error, attempt.nothing_read)


def _run(attempt: Attempt, claim: Claim) -> Outcome:
    """The pipeline."""
    candidate = attempt.nothing_read
    try:
        candidate = candidates.build(attempt.target)
        failure = _complete_rollback(attempt.target, claim)
        if failure:
            return failure
        candidates.refuse_unfit(candidate, force=attempt.force)
        published = publish.publish(
            candidate, attempt.confirm_seconds, claim.check_directory, force=attempt.force
        )
    except Held as error:
        return replace(attempt.outcome(HELD, describe_error(error), candidate), wait=HELD_SECONDS)
    except (IPManagerError, OSError, DatabaseError) as error:
        if attempt.brief and isinstance(error, confirm.Unconfirmed):
            return attempt.outcome(LEFT, str(error), candidate)
        return _failed(attempt, error, candidate)
    except Exception as error:
        # A bug of ours: recorded like any failure, and loud where it happened.
        _failed(attempt, error, candidate)
        raise
    return _done(attempt, claim, candidate, published)


def preview(target: Target | None = None) -> Outcome:
    """What a sync would change now, or why it would be refused. Nothing is written."""
    attempt = Attempt(target or Target.from_settings())
    candidate = attempt.nothing_read
    try:
        candidate = candidates.build(attempt.target)
        candidates.refuse_unfit(candidate)
    except (IPManagerError, OSError, DatabaseError) as error:
        reason = describe_error(error)
        outcome = attempt.outcome(Generation.Result.FAILED, reason, candidate)
    else:
        result = CHANGED if candidate.is_changed else Generation.Result.UNCHANGED
        outcome = attempt.outcome(result, "", candidate)
    if not outcome.diff:
        return outcome
    lines = LineSources.load(candidate, candidate.edits)
    return replace(outcome, sources=lines.of_diff(outcome.diff))


def apply(target: Target, kept: KeptFiles, claim: Claim) -> Outcome:
    """Roll back: put the kept files of a generation in place and make dnsmasq read them; no change
    row is consumed. Call it under the lock."""
    attempt = Attempt(target, claim=claim)
    candidate = attempt.nothing_read
    try:
        new = Files(kept.hosts, kept.opts, names=kept.names)
        candidate = candidates.of_files(target, new, kept.document.sources)
        published = publish.publish(candidate, attempt.confirm_seconds, claim.check_directory)
    except (IPManagerError, OSError) as error:
        return _failed(attempt, error, candidate)
    reason = f"rolled back to generation {kept.generation_id}"
    return _done(attempt, claim, candidate, published, reason)


def applied_elsewhere(candidate: Candidate, published: Published) -> Outcome:
    """Record what an agent has put in place on its host: files that say what the ledger says."""
    claim = Claim(candidate.target, Caller.WORKER)
    return _done(Attempt(candidate.target, claim=claim), claim, candidate, published)


def failed_elsewhere(candidate: Candidate, error: Exception) -> Outcome:
    """Record why an agent's host does not have the ledger's files."""
    attempt = Attempt(candidate.target, claim=Claim(candidate.target, Caller.WORKER))
    return _failed(attempt, error, candidate)


def inline() -> None:
    """Sync on behalf of a request that has just committed: briefly or not at all; the worker does
    the rest."""
    deadline = time.monotonic() + BUDGET
    for target in servers.local_targets():
        newest = Generation.objects.newest_summary(target.server_id)
        if time.monotonic() >= deadline:
            return
        if newest is None or newest.hosts <= INLINE_HOSTS:
            sync(target, brief=True)


def _complete_rollback(target: Target, claim: Claim) -> Outcome | None:
    """Complete a rollback that was interrupted: until then dnsmasq may have files of two
    generations. Answers with the outcome if that fails."""
    number = read_file(target.held)
    if not number.isdigit():
        return None
    kept = KeptFiles.objects.filter(generation=int(number)).first()
    if kept is None or _is_in_place(target, kept):
        return None
    outcome = apply(target, kept, claim)
    return None if outcome.good else outcome


def _is_in_place(target: Target, kept: KeptFiles) -> bool:
    """Whether dnsmasq was made to read these files, and they are still there."""
    digest_of_kept = digest(kept.hosts + kept.opts + kept.names).encode()
    was_read = read_file(target.applied) == digest_of_kept
    return was_read and target.hosts.exists() and target.opts.exists()


# --- what is recorded -----------------------------------------------------------------------------


def _done(
    attempt: Attempt, claim: Claim, candidate: Candidate, published: Published, reason: str = ""
) -> Outcome:
    """Delete the change rows that are served now and record the generation, both or neither. A
    follower records its own state only."""
    result = Generation.Result.APPLIED if published.applied else Generation.Result.UNCHANGED
    outcome = attempt.outcome(result, reason, candidate)
    outcome = replace(outcome, confirmed=published.confirmed, proof=published.proof)
    try:
        if not claim.is_holder:
            return _followed(claim, outcome)
        with transaction.atomic():
            claim.check_database()
            DhcpChange.objects.forget(list(map(attrgetter("id"), outcome.changes)))
            generation = _record(outcome, candidate, published)
            state.report(claim, replace(outcome, generation=generation.pk))
    except LostLease as error:
        return attempt.outcome(LEFT, str(error), candidate)
    except DatabaseError as error:
        logger.error("applied, but the database cannot record it: %s", error)
        reason = f"applied, but not recorded: {describe_error(error)}"
        failed = attempt.outcome(Generation.Result.FAILED, reason, candidate)
        return replace(failed, confirmed=published.confirmed)
    if published.applied:
        logger.info(
            "generation %s: %d reservations in %d ms",
            generation.pk,
            outcome.hosts,
            outcome.duration_ms,
        )
    return replace(outcome, generation=generation.pk)


def _followed(claim: Claim, outcome: Outcome) -> Outcome:
    """Record that this follower's files are in step."""
    state.report(claim, outcome)
    if outcome.result == Generation.Result.APPLIED:
        logger.info("follows %s: %d reservations", claim.host, outcome.hosts)
    return outcome


def _failed(attempt: Attempt, error: Exception, candidate: Candidate) -> Outcome:
    if isinstance(error, LostLease):
        return attempt.outcome(LEFT, str(error), candidate)
    outcome = attempt.outcome(Generation.Result.FAILED, describe_error(error), candidate)
    try:
        claim = attempt.claim or lease.presumed(attempt.target)
        if not claim.is_holder:
            return _failed_to_follow(claim, outcome)
        with transaction.atomic():
            generation = _record(outcome, candidate, Published(False, edits=candidate.edits))
            state.report(claim, outcome)
    except DatabaseError as worse:
        logger.error(
            "dnsmasq is not in step: %s; and the database cannot record it: %s",
            outcome.reason,
            worse,
        )
        return outcome
    # The 1st, 2nd, 4th, 8th ... time: a long outage is no flood of lines.
    if generation.attempts.bit_count() == 1:
        logger.error("dnsmasq is not in step (attempt %d): %s", generation.attempts, outcome.reason)
    return replace(outcome, generation=generation.pk)


def _failed_to_follow(claim: Claim, outcome: Outcome) -> Outcome:
    """The generations are the holder's; a follower's failure stands in its own row."""
    if state.report(claim, outcome):
        logger.error("this node does not follow %s: %s", claim.host, outcome.reason)
    return outcome


def _record(outcome: Outcome, candidate: Candidate, published: Published) -> Generation:
    """The generation of this outcome, with the rows behind each changed line; what dnsmasq was made
    to read is kept with it."""
    if not (published.applied or outcome.diff):
        return record.record(outcome)
    lines = LineSources.load(candidate, published.edits)
    generation = record.record(replace(outcome, sources=lines.of_diff(outcome.diff)))
    if published.applied:
        KeptFiles.objects.keep(generation, lines.document(), lines.former)
    return generation


def describe_error(error: Exception) -> str:
    """What an administrator can act on: the file's name for an OSError, our own sentence for our
    own errors."""
    if isinstance(error, OSError):
        return f"{error.filename or 'the files'}: {error.strerror or error}"
    if isinstance(error, IPManagerError):
        return str(error)
    return f"{type(error).__name__}: {error}".strip()
