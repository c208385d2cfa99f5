"""What DHCP is examined for: dnsmasq runs, reads our files and may, and says what the ledger
says."""

from __future__ import annotations

import errno
import os
import pwd
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.findings import Exam, Finding, error, note, ok, warning
from dhcp import servers
from dhcp.files import confirm, installed
from dhcp.files.sync import CHANGED, preview
from dhcp.files.targets import Target
from dhcp.models import DhcpChange, DhcpServer, Generation, HandEdit
from dhcp.state import daemon, dnsmasq_faults
from dhcp.state.daemon import Daemon
from ipam import freeze

STALE = timedelta(seconds=60)  # a change that waits for so long has been tried more than once
_ASK_SECONDS = 1.0
_FUTURE = 60  # seconds
RESTART = "systemctl restart dnsmasq"
HANG_UP = "systemctl kill -s SIGHUP dnsmasq"


# --- dnsmasq itself -------------------------------------------------------------------------------


def process(target: Target) -> Iterator[Finding]:
    """There is one, and somebody tells it of changes."""
    if target.reload == "none":
        yield note(
            _("Nobody tells dnsmasq of changes: IPMANAGER_DNSMASQ_RELOAD is none."),
            _("See docs/dnsmasq.md."),
        )
    elif found := find(target):
        yield ok(_("dnsmasq is process %d.") % found.pid)
    elif target.dns and (why := _does_not_answer(target.dns)):
        yield error(
            _("No dnsmasq runs here, and at %(place)s none answers: %(why)s.")
            % {"place": "{}:{}".format(*target.dns), "why": why},
            _("Start it, as root."),
            RESTART,
        )
    elif target.dns:
        yield ok(_("dnsmasq answers at %s.") % "{}:{}".format(*target.dns))
    elif not daemon.sees_others() and not target.reload.startswith("pidfile"):
        yield note(
            _("Whether dnsmasq runs cannot be seen from here."),
            _("Run “manage.py doctor” in a shell."),
        )
    else:
        remedy = _(
            "Start it, as root. If it runs elsewhere, IPMANAGER_DNSMASQ_DNS lets IPManager ask it."
        )
        yield error(_("dnsmasq does not run."), remedy, RESTART)


def find(target: Target) -> Daemon | None:
    """The process that serves this target, as far as it can be seen from here."""
    kind, _colon, place = target.reload.partition(":")
    if kind == "pidfile":
        return daemon.of_pidfile(Path(place))
    if kind == "none":
        return None
    found = daemon.running()
    ours = [one for one in found if one.reads(target.hosts, "dhcp-hostsfile")]
    return next(iter([*ours, *found]), None)


def _does_not_answer(server: tuple[str, int]) -> str:
    try:
        confirm.serving(server, _ASK_SECONDS)
    except OSError as failure:
        return failure.strerror or str(failure)
    return ""


def version(target: Target) -> Iterator[Finding]:
    """Its known faults are mended."""
    program, found = daemon.program(), find(target)
    if program is None or target.reload == "none":
        return
    if found and program.stat().st_ctime > found.started + 1:
        text = _("dnsmasq was upgraded after process %d began: the old one still runs.") % found.pid
        yield warning(text, _("Start it again, as root."), RESTART)
    said = daemon.version(program)
    if left := dnsmasq_faults.unmended(said, dnsmasq_faults.changelog()):
        text = _("dnsmasq %(version)s has known faults: %(faults)s.") % {
            "version": said,
            "faults": ", ".join(left),
        }
        yield warning(
            text, _("Upgrade it, as root."), "apt-get install --only-upgrade dnsmasq-base", RESTART
        )
    if dnsmasq_faults.parsed(said) >= dnsmasq_faults.SURVIVES_RELOADS:
        return
    if deadly := [path for path in _hosts_files(target) if _has_tags(path)]:
        text = _(
            "dnsmasq %(version)s dies at a reload of %(path)s: a line there has a tag (“set:”)."
        )
        remedy = _("Take the tag off the line; version 2.91 can live with it.")
        yield error(
            text % {"version": said, "path": deadly[0]}, remedy, f"grep -n 'set:' '{deadly[0]}'"
        )
    else:
        yield note(
            _(
                "dnsmasq %s dies at a reload when a hosts file has “set:” in a line; ours never have."
            )
            % said,
            _("Keep it out of files of your own, or upgrade to 2.91."),
        )


def _hosts_files(target: Target) -> set[Path]:
    found = find(target)
    return {
        target.hosts,
        *(Path(said.value) for said in (found.values("dhcp-hostsfile") if found else ())),
    }


def _has_tags(path: Path) -> bool:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return False
    return any(b"set:" in line or b"net:" in line for line in lines if not line.startswith(b"#"))


# --- its files ------------------------------------------------------------------------------------


def reads_ours(target: Target) -> Iterator[Finding]:
    """It is our hosts file that it reads, since it was started."""
    found = find(target)
    if found is None:
        yield from _asked_by_dns(target)
        return
    if here := found.reads(target.hosts, "dhcp-hostsfile"):
        if here.conf and here.conf.stat().st_mtime > found.started + 1:
            said = (
                _("dnsmasq has not read %s since it was changed: a reload is not enough for that.")
                % here.conf
            )
            yield warning(said, _("Start it again, as root."), RESTART)
        return
    if found.unread:
        yield note(
            _("Whether dnsmasq reads our files is not known: %s may not be read.")
            % ", ".join(found.unread)
        )
        return
    yield _reads_others(target, found)


def _reads_others(target: Target, found: Daemon) -> Finding:
    others = found.values("dhcp-hostsfile")
    if not others:
        conf = target.installed or Path("/etc/dnsmasq.d/ipmanager.conf")
        return error(
            _("dnsmasq reads no hosts file at all, so it knows no reservation of ours."),
            _("Let it have our configuration, as root (docs/dnsmasq.md)."),
            f"install -m 644 '{target.conf}' '{conf}'",
            RESTART,
        )
    other = others[0]
    said = _("dnsmasq reads %(theirs)s (%(place)s), not our %(ours)s.") % {
        "theirs": other.value,
        "place": other.place,
        "ours": target.hosts,
    }
    remedy = _("Let it read ours, as root; or set IPMANAGER_DNSMASQ_DIR to where it reads.")
    if other.conf is None:
        return error(said, remedy)
    swap = f"s|^\\(dhcp-hostsfile *= *\\){other.value}|\\1{target.hosts}|"
    return error(said, remedy, f"sed -i '{swap}' '{other.conf}'", RESTART)


def _asked_by_dns(target: Target) -> Iterator[Finding]:
    """Where its process cannot be seen, it may still tell."""
    if (
        target.dns
        and not _does_not_answer(target.dns)
        and confirm.serving(target.dns, _ASK_SECONDS) is None
    ):
        said = _("dnsmasq at %s does not read our files: it does not know our generation.")
        remedy = _("Let it have our configuration, as root (docs/dnsmasq.md).")
        yield error(said % "{}:{}".format(*target.dns), remedy)


def readable(target: Target) -> Iterator[Finding]:
    """Its user may read them: a hosts file that it cannot read is no reservation at all, from the
    next reload on."""
    if target.reload == "none":
        return
    reader = find(target) or Daemon(0, -1, frozenset(), 0, ())  # nobody in particular
    for directory in reversed(target.hosts.parents):
        if directory.exists() and not reader.may_enter(directory):
            said = _("dnsmasq's user cannot enter %s.") % directory
            yield error(
                said,
                _("Open it, then let dnsmasq read again."),
                f"chmod o+x '{directory}'",
                HANG_UP,
            )
            return
    for path in (target.hosts, target.opts, target.generation):
        if path.exists() and not reader.may_read(path):
            said = (
                _("dnsmasq's user cannot read %s: at its next reload it forgets what stands there.")
                % path
            )
            yield error(said, _("Write it anew; dnsmasq is then told."), _sync_command(target))


def writable(target: Target) -> Iterator[Finding]:
    """We can replace them."""
    try:
        with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=target.directory) as file:
            file.write(b"\n" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as failure:
        said = _("Nothing can be written into %(path)s: %(why)s.")
        remedy, *commands = _make_writable(target, failure.errno)
        yield error(said % {"path": target.directory, "why": failure.strerror}, remedy, *commands)


def _make_writable(target: Target, why: int | None) -> tuple[str, ...]:
    me = pwd.getpwuid(os.geteuid()).pw_name
    if why == errno.ENOENT:
        return _("Make it."), _sync_command(target)
    if why in (errno.ENOSPC, errno.EDQUOT):
        return _(
            "Make room. What takes the most: see the command."
        ), f"du -xk '{target.directory}' | sort -n | tail"
    if why == errno.EROFS:
        return _(
            "Its file system is mounted read-only; see the kernel's log for why."
        ), "dmesg | tail"
    return _(
        "Give it to the user that IPManager runs as, as root."
    ), f"chown -R {me} '{target.directory}'"


def _sync_command(target: Target) -> str:
    return "manage.py sync_dnsmasq" + (f" --server {target.name}" if target.server_id else "")


# --- what they say --------------------------------------------------------------------------------


def in_step(target: Target) -> Iterator[Finding]:
    """What the last sync became, and whether another would change anything."""
    newest = Generation.objects.newest_summary(target.server_id)
    if newest and newest.result == Generation.Result.FAILED:
        said = _("The last sync failed, %(attempts)d times: %(reason)s")
        facts = {"attempts": newest.attempts, "reason": newest.reason}
        remedy = _("Mend the reason; the worker tries again by itself, or the command does.")
        yield error(said % facts, remedy, _sync_command(target))
        return
    outcome = preview(target)
    if outcome.result == Generation.Result.FAILED:
        yield warning(_("The files stay as they are: %s") % outcome.reason)
    elif outcome.result == CHANGED and not DhcpChange.objects.for_server(target.server_id).exists():
        said = _("dnsmasq's files do not say what the ledger says.")
        yield warning(
            said,
            _("The worker puts them in step; the first command shows how they differ."),
            f"{_sync_command(target)} --diff",
            _sync_command(target),
        )
    if told := installed.look(target).warning:
        yield warning(told, _("See docs/dnsmasq.md."))
    if told := servers.warning(outcome.hosts):
        yield warning(told)


def waiting(target: Target) -> Iterator[Finding]:
    """No change waits for long."""
    rows = DhcpChange.objects.for_server(target.server_id)
    if not (oldest := rows.filter(at__lt=timezone.now() - STALE).order_by("at").first()):
        return
    number, age = rows.count(), (timezone.now() - oldest.at).total_seconds()
    said = ngettext(
        "%(number)d change waits for dnsmasq, since %(age).0f s.",
        "%(number)d changes wait for dnsmasq, the oldest since %(age).0f s.",
        number,
    )
    remedy = _("See that a worker runs. The command tries at once and says what is in the way.")
    yield error(said % {"number": number, "age": age}, remedy, _sync_command(target))


def leases(target: Target) -> Iterator[Finding]:
    """We read what it writes."""
    path, found = target.leases, find(target)
    if path is None or target.reload == "none":
        return
    written = [Path(said.value) for said in found.values("dhcp-leasefile")] if found else []
    if written and os.path.realpath(written[-1]) != os.path.realpath(path):
        said = _("dnsmasq writes its leases to %(theirs)s; we read %(ours)s.")
        yield error(
            said % {"theirs": written[-1], "ours": path}, _name_the_lease_file(target, written[-1])
        )
    elif not path.exists():
        remedy = _(
            "dnsmasq makes it when it starts; start it again, as root. Or set IPMANAGER_DNSMASQ_LEASES."
        )
        yield error(
            _("There is no lease file %s: nobody knows who uses which address.") % path,
            remedy,
            RESTART,
        )
    elif not os.access(path, os.R_OK):
        yield error(
            _("The lease file %s cannot be read.") % path,
            _("Open it, as root."),
            f"chmod a+r '{path}'",
        )
    elif (ahead := path.stat().st_mtime - time.time()) > _FUTURE:
        said = (
            _(
                "The lease file is from the future, by %.0f s: this machine's clock is behind dnsmasq's."
            )
            % ahead
        )
        yield error(
            said, _("Let both machines keep their time by NTP."), "timedatectl set-ntp true"
        )


def _name_the_lease_file(target: Target, path: Path) -> str:
    if target.server_id:
        return _("Write that path into the DHCP server %s.") % target.name
    return _("Set IPMANAGER_DNSMASQ_LEASES=%s, for every process.") % path


# --- all of them ----------------------------------------------------------------------------------


def hand_edits() -> Iterator[Finding]:
    """Nobody's edit waits for a decision."""
    if number := HandEdit.objects.undecided().count():
        said = ngettext(
            "%d edit by hand waits for a decision.", "%d edits by hand wait for a decision.", number
        )
        remedy = _("Adopt or discard them, in the admin or with sync_dnsmasq --adopt or --discard.")
        yield warning(said % number, remedy, "manage.py sync_dnsmasq --hand-edits")


def agents() -> Iterator[Finding]:
    """Those who write elsewhere are there."""
    for server in DhcpServer.objects.filter(enabled=True):
        if server.is_missed:
            yield error(
                _("The agent of the DHCP server %s has not been seen for a minute.") % server.name,
                _("Start it on its own host."),
                f"manage.py dnsmasq_agent --server {server.name}",
            )


def restored() -> Iterator[Finding]:
    """No older ledger stands in the place of the one that the network knows."""
    if found := freeze.state():
        said = (
            _("No address is handed out: the ledger was restored from a backup (%s).")
            % found.reason
        )
        yield error(said, _("Compare it with the leases, and release it."), "manage.py thaw")


def _of_each(look: Callable[[Target], Iterator[Finding]]) -> Callable[[], Iterator[Finding]]:
    """An examination of every server that this installation keeps in step."""

    def all_of_them() -> Iterator[Finding]:
        for target in servers.here():
            yield from (_named(finding, target) for finding in look(target))

    return all_of_them


def _named(finding: Finding, target: Target) -> Finding:
    if target.server_id is None:
        return finding
    return Finding(
        finding.level, f"{target.name}: {finding.said}", finding.remedy, finding.commands
    )


EXAMS = [
    Exam(gettext_noop("dnsmasq"), _of_each(process)),
    Exam(gettext_noop("dnsmasq version"), _of_each(version), slow=True),
    Exam(gettext_noop("dnsmasq's files"), _of_each(reads_ours)),
    Exam(gettext_noop("readable files"), _of_each(readable)),
    Exam(gettext_noop("writable files"), _of_each(writable)),
    Exam(gettext_noop("in step"), _of_each(in_step)),
    Exam(gettext_noop("waiting changes"), _of_each(waiting)),
    Exam(gettext_noop("leases"), _of_each(leases)),
    Exam(gettext_noop("hand edits"), hand_edits),
    Exam(gettext_noop("agents"), agents),
    Exam(gettext_noop("restored ledger"), restored),
]
