"""Look at a dnsmasq: is its process there, does it answer, and has it read our files?

Its process is looked at where it can be seen, and its DNS is asked where we know its place. An
answer has the last word; without DNS, what it has read is known from its options only."""

from __future__ import annotations

import enum
import errno
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from operator import attrgetter
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dhcp.daemon import process as daemon
from dhcp.daemon.confirm import Query
from dhcp.daemon.heartbeat import Look, State
from dhcp.daemon.process import Daemon
from dhcp.edits.written import read_file
from dhcp.files.render import GENERATION_NAME
from dhcp.files.targets import Target

ANSWER_SECONDS = 1.0  # that all answers together may take
_CLOSED = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH)


class Presence(enum.Enum):
    """Where a process is, as far as it can be seen from here."""

    RUNS = "runs"
    READS_OTHERS = "reads others"  # it runs, and its options name other files than ours
    STOPPED = "stopped"
    GONE = "gone"
    UNSEEN = "unseen"


_ENDED = Presence.GONE, gettext_lazy("The process %d has ended.")
_STOPPED = Presence.STOPPED, gettext_lazy("The process %d is stopped.")
_WAITS = Presence.STOPPED, gettext_lazy("The process %d waits for a disk.")
_RUNS = Presence.RUNS, gettext_lazy("Process %d.")
# By the letters of proc(5); a process that has ended has none, or one of two until it is reaped.
_LETTERS = {"": _ENDED, "Z": _ENDED, "X": _ENDED, "T": _STOPPED, "t": _STOPPED, "D": _WAITS}


@dataclass(frozen=True, slots=True)
class Process:
    """What is seen of a dnsmasq's process."""

    presence: Presence
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What its DNS said: the generation, None if it knows none; or why there is no answer."""

    served: IPv4Address | None = None
    error: OSError | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nothing listens there at all."""
        return self.error is not None and self.error.errno in _CLOSED

    @property
    def reason(self) -> str:
        if self.error is None:
            return ""
        return self.error.strerror or str(self.error)


class Watcher:
    """Looks at one dnsmasq, and remembers its process: the options of a process stay as they
    are."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._known: Daemon | None = None
        self._reads_others = ""

    def process(self) -> Process:
        """Its process now."""
        kind, _colon, place = self.target.reload.partition(":")
        if kind == "none":
            return Process(Presence.UNSEEN)
        if kind == "pidfile":
            return self._of_pidfile(Path(place))
        return self._of_this_host(kind)

    def _of_pidfile(self, path: Path) -> Process:
        try:
            pid = int(path.read_text())
        except FileNotFoundError:
            return Process(Presence.GONE, _("There is no %s.") % path)
        except (OSError, ValueError):
            return Process(Presence.UNSEEN, _("%s names no process.") % path)
        if self._known is None or self._known.pid != pid or not self._letter():
            self._remember(daemon.of_pidfile(path))
        if self._known is not None:
            return self._seen(self._known)
        if daemon.exists(pid) and not daemon.sees_others():
            return Process(Presence.UNSEEN, _("The process %d is hidden.") % pid)
        return Process(Presence.GONE, _("The process %d has ended.") % pid)

    def _of_this_host(self, kind: str) -> Process:
        """A dnsmasq that systemd signals. One that a path unit signals may be in a container."""
        last = self._known
        if last is not None and self._letter():
            return self._seen(last)
        found = daemon.with_files(self.target.hosts)
        others = reads_others(self.target, found)
        if found is not None and not (last and others):
            self._remember(found)
            return self._seen(found)
        if last is not None:  # what is left may serve another purpose
            text = _("The process %d has ended.") % last.pid
            return Process(Presence.GONE, f"{text} {others}".strip())
        if kind == "sudo" and daemon.sees_others():
            return Process(Presence.GONE, _("There is no process of dnsmasq."))
        return Process(Presence.UNSEEN)

    def _letter(self) -> str:
        assert self._known
        return daemon.status_letter(self._known.pid, self._known.started)

    def _remember(self, found: Daemon | None) -> None:
        self._known = found
        self._reads_others = reads_others(self.target, found)

    def _seen(self, found: Daemon) -> Process:
        presence, text = _LETTERS.get(self._letter(), _RUNS)
        if presence is Presence.RUNS and self._reads_others:
            return Process(Presence.READS_OTHERS, self._reads_others)
        return Process(presence, text % found.pid)


def reads_others(target: Target, found: Daemon | None) -> str:
    """Why this dnsmasq does not read our reservations, by its options; empty if it does, or if they
    cannot be known: a configuration that was changed after it started tells nothing."""
    if found is None or found.unreadable or found.reads(target.hosts, "dhcp-hostsfile"):
        return ""
    confs = set(filter(None, map(attrgetter("conf"), found.options)))
    if any(_changed_since(conf, found.started) for conf in confs):
        return ""
    facts = {"pid": found.pid, "ours": target.hosts}
    others = found.values("dhcp-hostsfile")
    if not others:
        return _("The process %(pid)d reads no hosts file; ours is %(ours)s.") % facts
    facts["theirs"] = others[0].value
    return _("The process %(pid)d reads %(theirs)s, not our %(ours)s.") % facts


def _changed_since(conf: Path, moment: float) -> bool:
    try:
        return conf.stat().st_mtime > moment + 1
    except OSError:
        return True


# --- its answer -----------------------------------------------------------------------------------


def look_at_all(watchers: Iterable[Watcher]) -> Iterator[tuple[Target, Look]]:
    """Look at each. All are asked at once, so a hung one delays no other."""
    asked = [(watcher, _ask(watcher.target)) for watcher in watchers]
    deadline = time.monotonic() + ANSWER_SECONDS
    for watcher, answer_within in asked:
        answer = answer_within(deadline - time.monotonic())
        yield watcher.target, judge(watcher.target, watcher.process(), answer)


def _ask(target: Target) -> Callable[[float], Answer | None]:
    """Ask at once; the result waits for the answer, None where nobody is asked."""
    if target.dns is None:
        return lambda timeout: None
    try:
        query = Query(target.dns)
    except OSError as error:
        failed = Answer(error=error)
        return lambda timeout: failed
    return partial(_answer, query)


def _answer(query: Query, timeout: float) -> Answer:
    try:
        with query:
            return Answer(query.answer(timeout))
    except OSError as error:
        return Answer(error=error)


def written_generation(target: Target) -> IPv4Address | None:
    """The generation that we have last written; None before the first one."""
    for line in read_file(target.generation).decode("ascii", "replace").splitlines():
        address, _blank, name = line.partition(" ")
        if name == GENERATION_NAME:
            return IPv4Address(address)
    return None


# --- the judgement --------------------------------------------------------------------------------


def judge(target: Target, process: Process, answer: Answer | None) -> Look:
    """What process and answer say together."""
    if target.complaint:
        return Look(State.UNKNOWN, target.complaint)
    if answer is None:
        return _by_process(process)
    if answer.error is not None:
        return _without_answer(target, process, answer)
    return _by_answer(target, process, answer)


_ALONE: dict[Presence, tuple[str, object]] = {
    Presence.RUNS: (State.UP, gettext_lazy("Its DNS is not asked what it has read.")),
    Presence.READS_OTHERS: (State.OTHER_GENERATION, ""),
    Presence.STOPPED: (State.HUNG, ""),
    Presence.GONE: (State.DEAD, ""),
    Presence.UNSEEN: (
        State.UNKNOWN,
        gettext_lazy("Nobody can see it: it has no DNS that is asked."),
    ),
}
# By whether nothing listens at its DNS port at all.
_SILENT = {
    Presence.RUNS: {True: State.UNKNOWN, False: State.HUNG},
    Presence.READS_OTHERS: {True: State.OTHER_GENERATION, False: State.HUNG},
    Presence.STOPPED: {True: State.HUNG, False: State.HUNG},
    Presence.GONE: {True: State.DEAD, False: State.DEAD},
    Presence.UNSEEN: {True: State.DEAD, False: State.HUNG},
}


def _by_process(process: Process) -> Look:
    state, text = _ALONE[process.presence]
    return Look(state, f"{process.detail} {text}".strip())


def _without_answer(target: Target, process: Process, answer: Answer) -> Look:
    assert target.dns
    facts = {"place": "{}:{}".format(*target.dns), "why": answer.reason}
    silence = _("Its DNS at %(place)s does not answer: %(why)s.") % facts
    state = _SILENT[process.presence][answer.is_closed]
    return Look(state, f"{process.detail} {silence}".strip())


def _by_answer(target: Target, process: Process, answer: Answer) -> Look:
    expected = written_generation(target)
    if expected is None:
        return Look(State.UP, _("It answers. Nothing was written for it yet."))
    if answer.served is None and process.presence is Presence.GONE:
        return Look(State.DEAD, process.detail)  # somebody else answers there
    if answer.served is None:
        detail = _("It does not know our generation: it does not read our files.")
        return Look(State.OTHER_GENERATION, detail)
    if answer.served != expected:
        facts = {"served": answer.served, "expected": expected}
        detail = _("It serves generation %(served)s; %(expected)s is written.") % facts
        return Look(State.OTHER_GENERATION, detail)
    if process.presence is Presence.READS_OTHERS:
        return Look(State.OTHER_GENERATION, process.detail)
    return Look(State.UP, _("It serves our generation %s.") % expected)
