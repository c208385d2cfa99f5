"""Hand edits of dnsmasq's files: found before a sync would overwrite them, and stored.

The operation manual lets an administrator edit the files while IPManager is down. So every sync
compares them with what it has last written there (dhcp/edits/written.py), line by line
(dhcp/edits/differences.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter

from django.db import transaction
from django.utils import timezone

from core.errors import Conflict, IPManagerError
from dhcp.edits import differences, written
from dhcp.edits.differences import ADD, CHANGE, HOSTS, KEPT, NAMES, OPTS, REMOVE, Edit
from dhcp.files.records import Files
from dhcp.files.targets import Target
from dhcp.models import HandEdit, KeptFiles

FEW = 10  # lines that may vanish by hand at once; of more, half must stay
_LONGEST_KEPT = 1_000_000


class Busy(Conflict):
    """Somebody is editing a file at this moment."""

    code = "file_changed"


@dataclass(frozen=True, slots=True)
class OpenEdit:
    """A hand edit that nobody had decided when the sync began; `pk` is None until it is stored."""

    file: str
    action: str
    was: str = ""
    line: str = ""
    raw: str = ""
    served: bool = False
    reason: str = ""
    state: str = HandEdit.State.OPEN
    decided_at: datetime | None = None
    pk: int | None = None

    @classmethod
    def of_row(cls, row: HandEdit) -> OpenEdit:
        return cls(**{name: getattr(row, name) for name in _COLUMNS}, pk=row.pk)

    @classmethod
    def of(cls, edit: Edit) -> OpenEdit:
        """As it was just found."""
        return cls(edit.file, edit.action, edit.was, edit.line, edit.raw, reason=edit.reason)

    def row(self, server_id: int | None) -> HandEdit:
        """The row to store it in."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        return HandEdit(pk=self.pk, server_id=server_id, **columns)

    @property
    def is_open(self) -> bool:
        return self.state == HandEdit.State.OPEN

    @property
    def is_reservation(self) -> bool:
        """Whether it changes a line of the hosts file, and is not text that was only kept."""
        return self._is_line_of(HOSTS)

    @property
    def is_option(self) -> bool:
        """The same for the options file."""
        return self._is_line_of(OPTS)

    @property
    def is_served_reservation(self) -> bool:
        return self.is_reservation and self.served

    def _is_line_of(self, file: str) -> bool:
        return (self.state, self.file) == (HandEdit.State.OPEN, file) and self.action != KEPT

    def settle(self, state: str) -> OpenEdit:
        """Nobody has to decide it any more: the ledger, or the file, says the same."""
        return replace(self, state=state, served=False, decided_at=timezone.now())

    def refuse(self, reason: str) -> OpenEdit:
        return replace(self, served=False, reason=reason)

    def serve(self, reason: str = "") -> OpenEdit:
        return replace(self, served=True, reason=reason)


_COLUMNS = tuple(one.name for one in fields(OpenEdit) if one.name != "pk")
_CHANGING = tuple(name for name in _COLUMNS if name != "file")


@dataclass(frozen=True, slots=True)
class Found:
    """The undecided edits of one directory, those included that its files show now. Nothing is
    stored before `save`."""

    target: Target
    on_disk: Mapping[str, bytes]
    digests: written.Digests
    stored: Mapping[int, OpenEdit] = field(default_factory=dict)
    edits: tuple[OpenEdit, ...] = ()
    last_written: int = 0  # reservations that we last wrote, where that had to be looked up


def find(target: Target, on_disk: Files) -> Found:
    """The open edits, and what the files show beyond them. Call it before the ledger is read: an
    edit that is adopted meanwhile is then there twice, which does no harm, and never missing."""
    return find_beside(target, on_disk, written.read(target))


def find_beside(target: Target, on_disk: Files, digests: written.Digests) -> Found:
    """The same for files that may be on another host; `digests` are those of what we have last
    written there."""
    contents = {HOSTS: on_disk.hosts, OPTS: on_disk.opts, NAMES: on_disk.names}
    stored = _stored(target.server_id)
    found = Found(target, contents, digests, stored, tuple(stored.values()))
    edited = written.foreign(digests, contents)
    if edited:
        return _with_new(found, edited)
    return found


def _stored(server_id: int | None) -> dict[int, OpenEdit]:
    rows = HandEdit.objects.undecided().filter(server=server_id)
    return {row.pk: OpenEdit.of_row(row) for row in rows}


def _with_new(found: Found, edited: Iterable[str]) -> Found:
    """Add what these files show; it may continue a stored edit."""
    base = _last_written(found)
    edits = list(found.edits)
    new: list[OpenEdit] = []  # they continue the stored ones, never each other
    for name in edited:
        for edit in _edits(name, base.get(name), found.on_disk[name]):
            place = _continued_by(edit, edits)
            if place is None:
                new.append(OpenEdit.of(edit))
            else:
                edits[place] = _continue(edits[place], edit)
    last_written = differences.count(base.get(HOSTS, b""))
    return replace(found, edits=(*edits, *new), last_written=last_written)


def _last_written(found: Found) -> dict[str, bytes]:
    """What stood in the files before they were edited; empty where nobody knows."""
    content = found.digests[written.CONTENT][0]
    kept = KeptFiles.objects.last_written(content, found.target.server_id)
    if kept is None:
        return {}
    try:
        return {HOSTS: kept.hosts, OPTS: kept.opts, NAMES: kept.names}
    except IPManagerError:  # damaged, which its own page reports
        return {}


def _edits(file: str, base: bytes | None, data: bytes) -> list[Edit]:
    """What was done by hand; the whole file where that cannot be said line by line, or can hardly
    be meant."""
    if base is None:
        return [_whole(file, data, "nothing is known of what we wrote there before")]
    if differences.is_damage(base, data):
        return []
    found = differences.compare(file, base, data)
    if file == HOSTS and (reason := _damage(found, differences.count(base))):
        return [_whole(file, data, reason)]
    return found


def _damage(found: Sequence[Edit], before: int) -> str:
    """Why this is rather damage than an edit; empty when it is an edit."""
    gone = list(map(attrgetter("action"), found)).count(REMOVE)
    if gone > FEW and gone * 2 > before:
        return f"{gone} of {before} reservations were missing, which was taken for damage"
    return ""


def _whole(file: str, data: bytes, reason: str) -> Edit:
    text = data[:_LONGEST_KEPT].decode("utf-8", "backslashreplace").replace("\0", r"\x00")
    return Edit(file, KEPT, raw=text, reason=reason)


def _continued_by(edit: Edit, edits: Sequence[OpenEdit]) -> int | None:
    """The place of the earlier edit that this one changes further, or takes back."""
    for place, earlier in enumerate(edits):
        if _continues(earlier, edit):
            return place
    return None


def _continues(earlier: OpenEdit, edit: Edit) -> bool:
    if (earlier.state, earlier.file) != (HandEdit.State.OPEN, edit.file):
        return False
    if KEPT in (earlier.action, edit.action):
        return (earlier.action, earlier.raw) == (edit.action, edit.raw)
    if edit.was:
        return edit.was in (earlier.line, earlier.was)
    if edit.line == earlier.line:
        return True
    stands_elsewhere = earlier.served and earlier.line
    if stands_elsewhere:
        return False
    return differences.same_one(edit.file, edit.line, earlier.line or earlier.was)


def _continue(earlier: OpenEdit, edit: Edit) -> OpenEdit:
    """`earlier` leads from the ledger to the file as it was, `edit` from there to the file as it
    is."""
    if edit.action == KEPT:
        return earlier
    was = earlier.was
    if not was and edit.was != earlier.line:
        was = edit.was
    if edit.line == was:
        return earlier.settle(HandEdit.State.DISCARDED)
    return replace(earlier, was=was, line=edit.line, raw=edit.raw, action=_action(was, edit.line))


def _action(was: str, line: str) -> str:
    if not was:
        return ADD
    if line:
        return CHANGE
    return REMOVE


def save(found: Found, edits: Sequence[OpenEdit]) -> tuple[OpenEdit, ...]:
    """Store the edits before the file that shows them is overwritten; the same edits with their
    keys."""
    new: dict[int, HandEdit] = {}  # by place
    changed: dict[int, HandEdit] = {}  # by key
    for place, edit in enumerate(edits):
        if edit.pk is None and edit.is_open:
            new[place] = edit.row(found.target.server_id)
        elif edit.pk and edit != found.stored[edit.pk]:
            changed[edit.pk] = edit.row(found.target.server_id)
    with transaction.atomic():
        HandEdit.objects.bulk_create(new.values())
        # A decision made meanwhile stands.
        undecided = changed.keys() & HandEdit.objects.lock_undecided()
        rows = list(map(changed.__getitem__, sorted(undecided)))
        HandEdit.objects.bulk_update(rows, _CHANGING, batch_size=200)
    stored = list(edits)
    for place, row in new.items():
        stored[place] = replace(edits[place], pk=row.pk)
    return tuple(stored)


def refuse_if_edited(found: Found) -> None:
    """Raises Busy when a file was edited since it was read."""
    for name, data in found.on_disk.items():
        path = found.target.directory / name
        if written.read_file(path) != data:
            raise Busy(f"{path} has changed just now", hint="the next sync reads it")
