"""Keep one dnsmasq in step on a host of its own by HTTPS, without access to the database.

While the centre is away, dnsmasq keeps the files that it has. On its return everything is reported:
the state since it began, the leases, and the log from where the centre had stopped."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from core.errors import IPManagerError
from core.periodic import PeriodicWork
from dhcp.daemon import reload_throttle
from dhcp.daemon.beat import HeartbeatWorker
from dhcp.edits import written
from dhcp.edits.differences import HOSTS, NAMES, OPTS
from dhcp.edits.find import Found
from dhcp.files import candidate as candidates
from dhcp.files import check, publish
from dhcp.files.candidate import Candidate
from dhcp.files.publish import Published
from dhcp.files.records import Files
from dhcp.files.sync import describe_error
from dhcp.files.targets import Target
from dhcp.remote.centre import Away, Centre, Refused
from dhcp.remote.offer import etag_of
from dhcp.remote.site import Site
from names import render

logger = logging.getLogger("dhcp.agent")

WAIT = 15.0  # seconds that the centre may take to answer when nothing changes
EVERY = 10.0  # seconds between two reports
AGAIN = 2.0  # seconds until the centre is tried again
CROWDED = 0.5  # seconds between two questions without news
PATIENCE = 10.0  # seconds for the directory's lock


def forbid_database() -> None:
    """From now on every query is an error: nothing here may need one."""
    connections.settings["default"]["ENGINE"] = "django.db.backends.dummy"
    for connection in connections.all(initialized_only=True):
        connection.close()
        del connections[connection.alias]


class CentreState:
    """Whether the centre answers. Logs its loss, and its return, once."""

    def __init__(self) -> None:
        self.reason = ""

    @contextmanager
    def asked(self) -> Iterator[None]:
        """A question to the centre. Passes its refusal or silence on."""
        try:
            yield
        except (Away, Refused) as error:
            if not self.reason:
                logger.error("%s; dnsmasq keeps its files", error)
            self.reason = str(error)
            raise
        if self.reason:
            logger.info("the centre answers again")
        self.reason = ""


class FilesWorker(PeriodicWork):
    """Puts the centre's files in place as soon as they change."""

    name = "dhcp.agent.files"
    interval = 0.05  # the centre makes the pause

    def __init__(self, target: Target, centre: Centre, state: CentreState) -> None:
        super().__init__()
        self.target, self.centre, self.state = target, centre, state
        self.is_first = True  # dnsmasq may not have read what is on disk
        self.delay = 0.0
        self.failed = ""

    def work(self) -> None:
        self.delay = 0.0
        try:
            self.step(WAIT)
        except (Away, Refused):
            self.delay = AGAIN

    def pause(self) -> float:
        return max(self.delay, super().pause())

    def step(self, wait: float = 0, *, force: bool = False) -> str:
        """Ask for the files, put them in place and say so. Returns why that failed, empty if it
        did not. Raises Away, Refused."""
        on_disk = candidates.read(self.target)
        etag = self._report_edits(on_disk) or etag_of(on_disk)
        if self.is_first or self.failed or force:
            etag, wait = "", 0
        self.delay = CROWDED  # where too many callers wait, the centre answers at once
        with self.state.asked():
            reply = self.centre.files(etag, str(self.target.directory), wait, force=force)
        if reply.content is not None:
            self.delay = 0.0
            return self._put_in_place(reply.content, reply.etag)
        if reply.pending:
            self._say(etag=reply.etag)
        return ""

    def _report_edits(self, on_disk: Files) -> str:
        """Send files that somebody has edited here before they are overwritten. Returns an ETag
        that no files have, or empty where nothing was edited."""
        contents = _contents(on_disk)
        if not written.foreign(written.read(self.target), contents):
            return ""
        texts = {name: data.decode("utf-8", "replace") for name, data in contents.items()}
        self._post("edits", {**texts})
        return "edited"

    def _put_in_place(self, content: dict[str, Any], etag: str) -> str:
        self.wait(reload_throttle.seconds_left(self.target.pace))
        try:
            published = put_in_place(self.target, content)
        except (IPManagerError, OSError) as error:
            return self._fail(describe_error(error))
        if self.failed:
            logger.info("dnsmasq is in step again")
        self.is_first, self.failed = False, ""
        self._say(etag=etag, confirmed=published.confirmed)
        return ""

    def _fail(self, reason: str) -> str:
        if reason != self.failed:
            logger.error("dnsmasq is not in step: %s", reason)
        self.failed, self.delay = reason, AGAIN
        self._post("result", {"reason": reason[:500]})
        return reason

    def _say(self, **result: Any) -> None:
        if not self._post("result", result)["recorded"]:
            self.delay = AGAIN / 4  # the ledger has changed meanwhile

    def _post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.state.asked():
            return self.centre.post(route, {**body, "directory": str(self.target.directory)})


class ReportWorker(PeriodicWork):
    """Tells the centre of this host."""

    name = "dhcp.agent.report"
    interval = EVERY

    def __init__(self, site: Site, centre: Centre, state: CentreState) -> None:
        super().__init__()
        self.site, self.centre, self.state = site, centre, state
        self.delay = EVERY

    def work(self) -> None:
        try:
            with self.state.asked():
                answer = self.centre.post("report", self.site.report())
        except (Away, Refused):
            self.delay = AGAIN
            return
        self.delay = EVERY
        if self.site.accepted(answer):
            self.delay = 0.0

    def pause(self) -> float:
        return super().pause() if self.failures else self.delay


class RemoteAgent:
    """All work of an agent, each kind in a thread of its own."""

    def __init__(self, target: Target, centre: Centre) -> None:
        state, site = CentreState(), Site(target)
        self.workers: list[PeriodicWork] = [
            HeartbeatWorker(lambda: [target], record=site.note_look),
            FilesWorker(target, centre, state),
            ReportWorker(site, centre, CentreState()),
        ]

    def run(self) -> None:
        """Until stop()."""
        logger.info("started")
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.join()
        logger.info("stopped")

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()


def put_in_place(target: Target, content: dict[str, Any]) -> Published:
    """Write the centre's files and make dnsmasq read them. They are checked once more: no error of
    the centre, and nobody on the way, gets another kind of line past our grammar. Raises
    IPManagerError, OSError."""
    names = ("hosts", "opts", "conf", "names")
    new = Files(*(str(content.get(name, "")).encode("ascii", "replace") for name in names))
    complaints = check.hosts_file(new.hosts, None, by_end=True).complaints
    complaints += check.opts_file(new.opts) + render.complaints(new.names)
    if complaints:
        raise Refused(f"our own check refuses the centre's files: {'; '.join(complaints)}")
    with publish.lock(target, PATIENCE):
        return publish.publish(
            _candidate(target, new, bool(content["has_options"])),
            lambda: publish.CONFIRM_SECONDS,
            announce=publish.note_what_is_written,
        )


def _candidate(target: Target, new: Files, has_options: bool) -> Candidate:
    old = candidates.read(target)
    found = Found(target, _contents(old), written.read(target))
    return Candidate(target, old, new, found, has_options=has_options)


def _contents(on_disk: Files) -> dict[str, bytes]:
    """The files that somebody may edit here."""
    return {HOSTS: on_disk.hosts, OPTS: on_disk.opts, NAMES: on_disk.names}
