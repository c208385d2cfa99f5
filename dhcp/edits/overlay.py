"""Hand edits of dnsmasq's files: found before a sync would overwrite them, kept, served until
somebody decides.

The operation manual lets an administrator edit the files while IPManager is down. So every sync
compares them with what it has written there itself; what it notes beside them (`written`) tells a
hand edit from a crash of its own. An open edit lies over the ledger's records: it never pushes
another reservation out, and a later change of the ledger wins."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network

from django.db import transaction
from django.utils import timezone

from core import files
from core.errors import Conflict
from dhcp.edits import differences
from dhcp.edits.differences import ADD, CHANGE, HOSTS, KEPT, OPTS, REMOVE, Edit
from dhcp.files import check, scopes
from dhcp.files.names import safe_name
from dhcp.files.records import HostRecord, ScopeRecord, Sifted
from dhcp.files.snapshot import Snapshot
from dhcp.files.targets import Target
from dhcp.files.validate import sift
from dhcp.models import HandEdit, KeptFiles
from dhcp.querysets import holders_of, name_of
from ipam.addresses import Address, Network

FEW = 10  # lines that may vanish by hand at once; of more, half must stay
KIND = "handedit"
_HOLDER = re.compile(r"(?:server|interface|handedit) [0-9]+")
_LONGEST_KEPT = 1_000_000
_SAVED = ("action", "was", "line", "raw", "served", "reason", "state", "decided_at")
Rows = dict[tuple[frozenset[str], Address], HostRecord]


class Busy(Conflict):
    """Somebody is editing a file at this moment."""

    code = "file_changed"


@dataclass(slots=True)
class Handwork:
    """The open edits of one directory, those that its files show now included; nothing is saved
    before `record`."""

    target: Target
    looked_at: dict[str, bytes] = field(default_factory=dict)
    note: dict[str, list[str]] = field(default_factory=dict)
    open: list[HandEdit] = field(default_factory=list)
    before: dict[int, HandEdit] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)  # the files that we did not leave like this
    rows: int = 0  # reservations that we have last written, as far as that had to be looked up

    # --- what dnsmasq is told ---------------------------------------------------------------------

    def sift(self, seen: Snapshot) -> Sifted:
        """The ledger's reservations with the open edits over them. An edit that clashes is left
        out, alone."""
        active = [edit for edit in self._undecided(HOSTS) if edit.action != KEPT]
        if not active:
            return sift(seen.records)
        rows = {(frozenset(record.identities), record.told_ip): record for record in seen.records}
        for edit in active:
            self._judge(edit, rows)
        for edit, reason in _held_by_others(active, seen.records):
            _refuse(edit, reason)
        while True:
            served = [edit for edit in active if edit.served]
            sifted = sift(_overlaid(seen.records, served, rows, seen.networks))
            if not _take_back(sifted, served):
                break
        names = {record.key: record.name for record in seen.records}
        for edit in active:
            edit.reason = _HOLDER.sub(
                lambda found: names.get(found[0], "another hand edit"), edit.reason
            )
        return sifted

    def opts(self, records: Collection[ScopeRecord], url: str) -> bytes:
        """The ledger's options with the open edits over them."""
        data = scopes.opts_file(records, url)
        active = [edit for edit in self._undecided(OPTS) if edit.action != KEPT]
        if not active:
            return data
        head = [line for line in data.decode("ascii").splitlines() if line.startswith("#")]
        lines = {
            differences.key_of(line): line
            for line in data.decode("ascii").splitlines()
            if not line.startswith("#")
        }
        tags = {record.tag for record in records}
        for edit in active:
            _lay_option(edit, lines, tags)
        head[-1] = f"# Options: {len(lines)}"
        return "".join(
            f"{line}\n" for line in [*head, *sorted(lines.values(), key=_in_order(lines))]
        ).encode("ascii")

    def _undecided(self, file: str) -> list[HandEdit]:
        return [edit for edit in self.open if edit.is_open and edit.file == file]

    def _judge(self, edit: HandEdit, rows: Rows) -> None:
        """Does the ledger say the same by now, or something else than it said when the line was
        edited?"""
        now, then = _record_of(edit.line, rows), _record_of(edit.was, rows)
        complaint = differences.read(HOSTS, edit.line) if edit.line else ""
        if isinstance(complaint, str) and complaint:  # an older version of us could read it
            _refuse(edit, complaint)
        elif now or (edit.action == REMOVE and not then):
            _settle(edit, HandEdit.State.ADOPTED)
        elif edit.was and not then:
            _refuse(edit, "the ledger has changed this reservation since")
        else:
            edit.served, edit.reason = True, ""

    # --- the memory -------------------------------------------------------------------------------

    def record(self) -> None:
        """Save what was found, before the file that shows it is overwritten."""
        new = [edit for edit in self.open if edit.pk is None and edit.is_open]
        changed = [
            edit for edit in self.open if edit.pk and _facts(edit) != _facts(self.before[edit.pk])
        ]
        with transaction.atomic():
            HandEdit.objects.bulk_create(new)
            undecided = (
                HandEdit.objects.lock_undecided()
            )  # what somebody has decided meanwhile stays decided
            HandEdit.objects.bulk_update(
                [edit for edit in changed if edit.pk in undecided], _SAVED, batch_size=200
            )

    def intend(self, content: str, **after: bytes) -> None:
        """Note beside the files what is about to be written: a crash halfway is no hand edit."""
        for name, data in self.looked_at.items():
            if _bytes(self.target, name) != data:
                raise Busy(
                    f"{self.target.directory / name} has changed just now",
                    hint="the next try will tell",
                )
        written = {"content": [content], **{name: [_digest(data)] for name, data in after.items()}}
        if (
            all(written[name] == self.note.get(name, [])[:1] for name in written)
            and not self.strange
        ):
            return
        for name, data in self.looked_at.items():
            written[name].append(_digest(data))
        files.replace(self.target.written, json.dumps(written).encode())


def look(target: Target, hosts: bytes, opts: bytes) -> Handwork:
    """The open edits, and what the files show beyond them. Read them before the ledger: what is
    adopted meanwhile is then there twice, which does no harm, and never missing."""
    work = Handwork(target, {HOSTS: hosts, OPTS: opts}, _note(target), _open(target))
    work.before = {edit.pk: _copy(edit) for edit in work.open}
    work.strange = [
        name for name, data in work.looked_at.items() if not _is_ours(work.note, name, data)
    ]
    if work.strange:
        _look_closer(work)
    return work


def _look_closer(work: Handwork) -> None:
    kept = KeptFiles.objects.last_written(work.note["content"][0], work.target.server_id)
    base = {HOSTS: kept.hosts, OPTS: kept.opts} if kept else {}
    work.rows = differences.count(base.get(HOSTS, b""))
    earlier = list(work.open)  # what is found now continues these, and never each other
    for name in work.strange:
        for edit in _found(name, base.get(name), work.looked_at[name]):
            _compose(work.open, earlier, edit, work.target.server_id)


def _open(target: Target) -> list[HandEdit]:
    return list(HandEdit.objects.undecided().filter(server=target.server_id))


def _found(file: str, base: bytes | None, data: bytes) -> list[Edit]:
    """What was done by hand; the whole file where that cannot be said line by line, or can hardly
    be meant."""
    if base is None:
        return [_whole(file, data, "nothing is known of what we wrote there before")]
    if differences.is_damage(base, data):
        return []
    found = differences.compare(file, base, data)
    gone, there = sum(edit.action == REMOVE for edit in found), differences.count(base)
    if file == HOSTS and gone > FEW and gone * 2 > there:
        return [
            _whole(
                file,
                data,
                f"{gone} of {there} reservations were missing, which was taken for damage",
            )
        ]
    return found


def _whole(file: str, data: bytes, reason: str) -> Edit:
    text = data[:_LONGEST_KEPT].decode("utf-8", "backslashreplace").replace("\0", r"\x00")
    return Edit(file, KEPT, raw=text, reason=reason)


def _compose(
    open: list[HandEdit], known: Iterable[HandEdit], edit: Edit, server_id: int | None
) -> None:
    """Add an edit to the open ones; it may change one of those that were known before, or take it
    back."""
    for earlier in known:
        if earlier.is_open and earlier.file == edit.file and _continues(earlier, edit):
            return _continue(earlier, edit)
    open.append(
        HandEdit(
            server_id=server_id,
            file=edit.file,
            action=edit.action,
            was=edit.was,
            line=edit.line,
            raw=edit.raw,
            reason=edit.reason,
        )
    )


def _continues(earlier: HandEdit, edit: Edit) -> bool:
    if edit.action == KEPT or earlier.action == KEPT:
        return earlier.action == edit.action and earlier.raw == edit.raw
    if edit.was:
        return edit.was in (earlier.line, earlier.was)
    if earlier.line == edit.line:
        return True
    stands_elsewhere = earlier.served and earlier.line
    return not stands_elsewhere and differences.same_one(
        edit.file, edit.line, earlier.line or earlier.was
    )


def _continue(earlier: HandEdit, edit: Edit) -> None:
    """`earlier` leads from the ledger to the file as it was, `edit` from there to the file as it
    is."""
    if edit.action == KEPT:
        return
    was = earlier.was or (edit.was if edit.was != earlier.line else "")
    if edit.line == was:
        return _settle(earlier, HandEdit.State.DISCARDED)
    earlier.was, earlier.line, earlier.raw = was, edit.line, edit.raw
    earlier.action = CHANGE if was and edit.line else REMOVE if was else ADD


def _held_by_others(
    active: Iterable[HandEdit], records: Iterable[HostRecord]
) -> Iterator[tuple[HandEdit, str]]:
    """The edits whose address the ledger has given to somebody of whom dnsmasq is told nothing,
    each with the reason: a VM, a server without a MAC or of another DHCP server."""
    told = {record.told_ip for record in records}
    rows = [
        (edit, check.host_row(edit.line.encode())) for edit in active if edit.served and edit.line
    ]
    asked = [(edit, row) for edit, row in rows if isinstance(row, check.Row) and row.ip not in told]
    holders = holders_of({row.ip for _edit, row in asked})
    for edit, row in asked:
        holder = holders.get(row.ip)
        if holder and holder.mac_address not in row.macs:
            yield edit, f"the ledger gives {row.ip} to {name_of(holder)}"


def _overlaid(
    records: Iterable[HostRecord],
    served: Collection[HandEdit],
    rows: Rows,
    networks: Collection[Network],
) -> list[HostRecord]:
    """The records, those of edited lines replaced. A record of a hand edit yields to every
    other."""
    edited = [record for edit in served if (record := _record_of(edit.was, rows))]
    keys, homes = {record.key for record in edited}, frozenset(networks)
    by_hand = [_record(number, edit.line, homes) for number, edit in enumerate(served) if edit.line]
    return [*(record for record in records if record.key not in keys), *by_hand]


def _record(number: int, line: str, networks: frozenset[Network]) -> HostRecord:
    row = check.host_row(line.encode())
    assert isinstance(row, check.Row)
    return HostRecord(KIND, number, row.macs, row.ip, row.name, _home(row.ip, networks), row.duid)


def _home(ip: Address, networks: frozenset[Network]) -> Network | None:
    """The most specific network around it."""
    around = (ip_network((ip, length), strict=False) for length in range(ip.max_prefixlen, -1, -1))
    return next((network for network in around if network in networks), None)


def _take_back(sifted: Sifted, served: list[HandEdit]) -> bool:
    """Move what was said of hand edits to them; whether one of them could not be served after
    all."""
    mine = [problem for problem in sifted.problems if problem.record.kind == KIND]
    sifted.problems[:] = [problem for problem in sifted.problems if problem.record.kind != KIND]
    for problem in mine:
        edit = served[problem.record.id]
        edit.reason = (
            problem.reason if problem.left_out else f"served without its name: {problem.reason}"
        )
        edit.served = not problem.left_out
    return any(problem.left_out for problem in mine)


def _record_of(line: str, rows: Rows) -> HostRecord | None:
    """The ledger's record that says what the line says."""
    row = check.host_row(line.encode()) if line else ""
    if isinstance(row, str):
        return None
    record = rows.get((frozenset(row.identities), row.ip))
    return record if record and row.name in ("", safe_name(record.name).text) else None


def _lay_option(edit: HandEdit, lines: dict[str, str], tags: Collection[str]) -> None:
    key = differences.key_of(edit.line or edit.was)
    says = lines.get(key, "")
    if says == edit.line:
        _settle(edit, HandEdit.State.ADOPTED)
    elif says != edit.was:
        _refuse(edit, f"the ledger says by now: {says or 'nothing'}")
    elif key.partition(",")[0].removeprefix("tag:") not in tags:
        _refuse(edit, "no scope has this tag")
    else:
        edit.served, edit.reason = True, ""
        if edit.line:
            lines[key] = edit.line
        else:
            del lines[key]


def _in_order(lines: dict[str, str]) -> Callable[[str], int]:
    """Tag by tag, as they came; a line that is new to a tag comes last."""
    tags = {
        tag: place
        for place, tag in enumerate(dict.fromkeys(key.partition(",")[0] for key in lines))
    }
    return lambda line: tags[line.partition(",")[0]]


def _settle(edit: HandEdit, state: str) -> None:
    """Nobody has to decide it any more: the ledger, or the file, says the same."""
    edit.state, edit.served, edit.decided_at = state, False, timezone.now()


def _refuse(edit: HandEdit, reason: str) -> None:
    edit.served, edit.reason = False, reason


def _facts(edit: HandEdit) -> list[object]:
    return [getattr(edit, name) for name in _SAVED]


def _copy(edit: HandEdit) -> HandEdit:
    return HandEdit(**{name: getattr(edit, name) for name in _SAVED})


# --- what we wrote --------------------------------------------------------------------------------


def _note(target: Target) -> dict[str, list[str]]:
    """What we have last noted; empty when that is nothing that we could have noted. Once dnsmasq
    was made to read it, what stood there before is ours no more: putting it back is a hand edit."""
    try:
        note = json.loads(target.written.read_bytes())
        names = ("content", HOSTS, OPTS)
        is_done = _bytes(target, target.applied.name).decode() == note["content"][0]
        return {name: note[name][:1] if is_done else note[name] for name in names}
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return {}


def _is_ours(note: dict[str, list[str]], name: str, data: bytes) -> bool:
    """Whether we wrote these bytes. Of a directory without a note nobody knows; a missing file is
    no edit."""
    return not note or not data or _digest(data) in note[name]


def _bytes(target: Target, name: str) -> bytes:
    try:
        return (target.directory / name).read_bytes()
    except FileNotFoundError:
        return b""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
