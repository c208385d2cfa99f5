"""The files that the agent of a DHCP server is to put in place, made by the same pipeline as those
of a local one.

What the agent has is what it was last known to have put in place (KeptFiles). When it says that it
has put files in place, the ledger is rendered again: only if that gives the same bytes do the
changes count as applied."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from core.errors import Conflict, IPManagerError
from dhcp.edits import find
from dhcp.edits.differences import HOSTS, NAMES, OPTS
from dhcp.edits.written import CONTENT, Digests, digest
from dhcp.files import candidate as candidates
from dhcp.files.candidate import Candidate
from dhcp.files.publish import Published
from dhcp.files.records import Files
from dhcp.files.sync import applied_elsewhere, failed_elsewhere
from dhcp.files.targets import Target
from dhcp.generations.outcome import Outcome
from dhcp.models import DhcpChange, DhcpServer, KeptFiles


class NotApplied(Conflict):
    """The agent could not put the files in place."""

    code = "not_applied"


@dataclass(frozen=True, slots=True)
class Offer:
    """The files, their ETag, and how many changes of the ledger wait for them."""

    candidate: Candidate
    etag: str

    @property
    def pending(self) -> int:
        return len(self.candidate.ledger.changes)

    def as_json(self) -> dict[str, object]:
        new = self.candidate.new
        return {
            "hosts": new.hosts.decode("ascii"),
            "opts": new.opts.decode("ascii"),
            "conf": (new.conf or b"").decode("ascii"),
            "names": new.names.decode("ascii"),
            "has_options": self.candidate.has_options,
        }


def etag_of(new: Files) -> str:
    """The same bytes, the same ETag; the agent computes it from its own files."""
    whole = b"\f".join((new.hosts, new.opts, new.conf or b"", *filter(None, (new.names,))))
    return hashlib.sha256(whole).hexdigest()


def check_server(server: DhcpServer) -> None:
    """Raises Conflict when no agent may serve it."""
    if server.run_by != DhcpServer.RunBy.AGENT:
        raise Conflict(
            f"{server.name} is kept in step by the worker of its installation",
            hint="set the DHCP server's “run by” to “an agent on its own host”",
        )
    if not server.enabled:
        raise Conflict(
            f"{server.name} is disabled, so its files stay as they are",
            hint="enable the DHCP server",
        )


def make(server: DhcpServer, directory: Path, *, force: bool = False) -> Offer:
    """What the agent is to put in place. Raises Refused, and records why."""
    made = _candidate(server, directory)
    try:
        candidates.refuse_unfit_content(made, force=force)
    except IPManagerError as error:
        failed_elsewhere(made, error)
        raise
    return Offer(made, etag_of(made.new))


def mark(server: DhcpServer) -> int:
    """What changes when the ledger does: the newest change that waits. One query."""
    rows = DhcpChange.objects.for_server(server.pk).order_by("-pk")
    return rows.values_list("pk", flat=True).first() or 0


def applied(
    server: DhcpServer, directory: Path, etag: str, confirmed: bool | None
) -> Outcome | None:
    """The agent has put files in place. None when the ledger says something else by now: then it
    gets those."""
    made = _candidate(server, directory)
    if etag_of(made.new) != etag:
        return None
    edits = find.save(made.found, made.edits)
    is_new = etag_of(made.old) != etag or not KeptFiles.objects.newest(server.pk)
    return applied_elsewhere(made, Published(is_new, confirmed, edits))


def failed(server: DhcpServer, directory: Path, reason: str) -> Outcome:
    """The agent could not put the files in place."""
    return failed_elsewhere(_candidate(server, directory), NotApplied(reason))


def edited(server: DhcpServer, directory: Path, on_disk: Files) -> int:
    """Somebody has edited the files on the agent's host: store what was done. Returns the number
    of edits that nobody has decided."""
    with transaction.atomic():
        made = _candidate(server, directory, lambda _kept: on_disk)
        return len(find.save(made.found, made.edits))


def _candidate(
    server: DhcpServer, directory: Path, on_disk: Callable[[Files], Files] = lambda kept: kept
) -> Candidate:
    target = Target.of_remote(server, directory)
    kept = _kept(server)
    old = on_disk(kept)
    digests = _digests(kept) if kept.hosts else {}
    found = find.find_beside(target, old, digests)
    return candidates.beside(target, old, found)


def _kept(server: DhcpServer) -> Files:
    row = KeptFiles.objects.newest(server.pk)
    if row is None:
        return Files()
    return Files(*row.document.files, names=row.document.names)


def _digests(kept: Files) -> Digests:
    return {
        CONTENT: [digest(kept.hosts + kept.opts + kept.names)],
        HOSTS: [digest(kept.hosts)],
        OPTS: [digest(kept.opts)],
        NAMES: [digest(kept.names)],
    }
