"""Health checks of DHCP: dnsmasq runs, can read our files, reads them, and says what the ledger
says."""

from __future__ import annotations

import errno
import os
import pwd
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone
from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.commands import manage_command
from core.findings import (
    BOUNDED,
    SLOW,
    Finding,
    error,
    health_check,
    note,
    ok,
    warning,
)
from dhcp import servers
from dhcp.daemon import confirm, installed, known_faults
from dhcp.daemon import process as daemon
from dhcp.daemon.options import values_of
from dhcp.daemon.process import Daemon, find
from dhcp.edits.written import read_file
from dhcp.files.sync import preview
from dhcp.files.targets import DEFAULT, Target
from dhcp.generations.outcome import CHANGED
from dhcp.host import inspection
from dhcp.host.findings import HostFinding
from dhcp.models import (
    AGENT_MISSED,
    DhcpChange,
    DhcpServer,
    Generation,
    HandEdit,
    Lease,
    SyncLease,
)
from dhcp.nodes import state as nodes
from dhcp.nodes.state import NodeState
from dhcp.state import host
from dhcp.state.host import RESTART, sync_command
from ipam import freeze

WAITING_TOO_LONG = timedelta(seconds=60)  # a change that waits for so long was tried repeatedly
UNHELD_TOO_LONG = timedelta(seconds=15)  # another node takes an expired lease within 3 s
DNS_TIMEOUT = 1.0  # seconds

ServerCheck = Callable[[Target], Iterator[Finding]]


def server_check(name: str, *tags: str) -> Callable[[ServerCheck], ServerCheck]:
    """Register a health check of every DHCP server that this installation keeps in step."""

    def decorate(function: ServerCheck) -> ServerCheck:
        def check_all() -> Iterator[Finding]:
            for target in servers.local_targets():
                for finding in function(target):
                    if target.server_id is not None:
                        finding.msg = f"{target.name}: {finding.msg}"
                    yield finding

        health_check(name, "dhcp", *tags)(check_all)
        return function

    return decorate


# --- dnsmasq itself -------------------------------------------------------------------------------


@server_check(gettext_noop("dnsmasq"))
def process(target: Target) -> Iterator[Finding]:
    """dnsmasq runs, and it is told to reload."""
    if target.reload == "none":
        yield note(
            _("dnsmasq is not told of changes: IPMANAGER_DNSMASQ_RELOAD is none."),
            _("See docs/dnsmasq.md."),
        )
    elif found := find(target):
        yield ok(_("dnsmasq is process %d.") % found.pid)
    elif target.dns:
        yield _answer_by_dns(target.dns)
    elif not daemon.sees_others() and not target.reload.startswith("pidfile"):
        yield note(
            _("Whether dnsmasq runs cannot be seen from here."),
            _("Run “%s” in a shell.") % manage_command("doctor"),
        )
    else:
        remedy = _(
            "Start it, as root. If it runs on another host, set IPMANAGER_DNSMASQ_DNS, "
            "so that IPManager can query it."
        )
        yield error(_("dnsmasq does not run."), remedy, RESTART)


def _answer_by_dns(server: tuple[str, int]) -> Finding:
    place = "{}:{}".format(*server)
    if failure := _dns_failure(server):
        msg = _("No dnsmasq runs here, and at %(place)s none answers: %(why)s.")
        return error(msg % {"place": place, "why": failure}, _("Start it, as root."), RESTART)
    return ok(_("dnsmasq answers at %s.") % place)


def _dns_failure(server: tuple[str, int]) -> str:
    """Why it does not answer a DNS query; empty if it does."""
    try:
        confirm.serving(server, DNS_TIMEOUT)
    except OSError as failure:
        return failure.strerror or str(failure)
    return ""


@server_check(gettext_noop("dnsmasq version"), SLOW)
def version(target: Target) -> Iterator[Finding]:
    """Its known faults are fixed, and it is the version that is installed."""
    program = daemon.program()
    if program is None or target.reload == "none":
        return
    found = find(target)
    if found and program.stat().st_ctime > found.started + 1:
        msg = _("dnsmasq was upgraded after process %d started: the old version still runs.")
        yield warning(msg % found.pid, _("Restart it, as root."), RESTART)
    number = daemon.version(program)
    if faults := known_faults.unfixed(number, known_faults.read_changelog()):
        msg = _("dnsmasq %(version)s has known faults: %(faults)s.")
        yield warning(
            msg % {"version": number, "faults": ", ".join(faults)},
            _("Upgrade it, as root."),
            "apt-get install --only-upgrade dnsmasq-base",
            RESTART,
        )
    if known_faults.parse_version(number) < known_faults.SURVIVES_RELOADS:
        yield _tag_finding(number, _hosts_files(target, found))


def _tag_finding(number: str, hosts_files: set[Path]) -> Finding:
    """Before 2.91, a tag in a hosts file crashes dnsmasq at a reload."""
    for path in sorted(hosts_files):
        if _has_tags(path):
            msg = _(
                "dnsmasq %(version)s crashes at a reload of %(path)s: "
                "a line there has a tag (“set:”)."
            )
            return error(
                msg % {"version": number, "path": path},
                _("Remove the tag, or upgrade to version 2.91."),
                f"grep -n 'set:' '{path}'",
            )
    return note(
        _(
            "dnsmasq %s crashes at a reload when a hosts file has “set:” in a line; "
            "IPManager never writes it."
        )
        % number,
        _("Keep it out of files of your own, or upgrade to 2.91."),
    )


def _hosts_files(target: Target, found: Daemon | None) -> set[Path]:
    paths = {target.hosts}
    if found:
        paths.update(map(Path, values_of(found.values("dhcp-hostsfile"))))
    return paths


def _has_tags(path: Path) -> bool:
    try:
        text = path.read_bytes()
    except OSError:
        return False
    return bool(re.search(rb"^[^#\n].*(set|net):", text, re.MULTILINE))


# --- its files ------------------------------------------------------------------------------------


@health_check(gettext_noop("dnsmasq's hosts"), "dhcp", BOUNDED)
def hosts() -> Iterator[Finding]:
    """What the worker or agent on the host of each dnsmasq has found there; the checks below look
    again, at this host."""
    rows = host.reports()
    several = Counter(row.server_id for row in rows)
    for row in rows:
        target = Target.of(row.server)
        for seen in host.findings_of(row):
            finding = host.describe(seen, target)
            if several[row.server_id] > 1:
                finding.msg = f"{row.host}: {finding.msg}"
            if row.server_id is not None:
                finding.msg = f"{target.name}: {finding.msg}"
            yield finding


@server_check(gettext_noop("dnsmasq's files"))
def reads_ours(target: Target) -> Iterator[Finding]:
    """dnsmasq reads our hosts file, and has done so since it started."""
    found = find(target)
    if found is None:
        yield from _reads_ours_by_dns(target)
        return
    yield from _described(target, inspection.reads_ours(target, found))


@server_check(gettext_noop("dnsmasq's configuration"))
def configuration(target: Target) -> Iterator[Finding]:
    """dnsmasq serves our subnets and nothing else, and nobody else does so on its host."""
    if target.reload != "none" and (found := find(target)):
        seen = inspection.configuration(target, found, host.our_processes)
        yield from _described(target, seen)


def _described(target: Target, found: Iterable[HostFinding]) -> Iterator[Finding]:
    for seen in found:
        yield host.describe(seen, target)


def _reads_ours_by_dns(target: Target) -> Iterator[Finding]:
    """A dnsmasq whose process cannot be seen still answers with the generation that it has read."""
    if not target.dns or _dns_failure(target.dns):
        return
    if confirm.serving(target.dns, DNS_TIMEOUT) is None:
        msg = _("dnsmasq at %s does not read our files: it does not know our generation.")
        remedy = _("Install our configuration, as root (docs/dnsmasq.md).")
        yield error(msg % "{}:{}".format(*target.dns), remedy)


@server_check(gettext_noop("readable files"))
def readable(target: Target) -> Iterator[Finding]:
    """dnsmasq's user can read its files. A hosts file that it cannot read holds no reservation from
    the next reload on."""
    if target.reload != "none":
        yield from _described(target, inspection.readable(target, find(target)))


@server_check(gettext_noop("writable files"))
def writable(target: Target) -> Iterator[Finding]:
    """IPManager can replace the files."""
    try:
        with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=target.directory) as file:
            file.write(b"\n" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as failure:
        msg = _("Nothing can be written into %(path)s: %(why)s.")
        remedy, command = _make_writable(target, failure.errno)
        yield error(msg % {"path": target.directory, "why": failure.strerror}, remedy, command)


def _make_writable(target: Target, reason: int | None) -> tuple[str, str]:
    """The remedy for a failed write, and its command."""
    directory = target.directory
    if reason == errno.ENOENT:
        return _("Create it."), sync_command(target)
    if reason in (errno.ENOSPC, errno.EDQUOT):
        return (
            _("Make room. The command lists the largest directories."),
            f"du -xk '{directory}' | sort -n | tail",
        )
    if reason == errno.EROFS:
        return _("Its file system is mounted read-only; the kernel's log says why."), "dmesg | tail"
    user = pwd.getpwuid(os.geteuid()).pw_name
    return (
        _("Give it to the user that IPManager runs as, as root."),
        f"chown -R {user} '{directory}'",
    )


# --- what they say --------------------------------------------------------------------------------


@server_check(gettext_noop("in step"))
def in_step(target: Target) -> Iterator[Finding]:
    """The last sync succeeded, and another one would change nothing."""
    newest = Generation.objects.newest_summary(target.server_id)
    if newest and newest.result == Generation.Result.FAILED:
        msg = _("The last sync failed, %(attempts)d times: %(reason)s")
        facts = {"attempts": newest.attempts, "reason": newest.reason}
        remedy = _("Remove the reason. The worker then retries by itself; the command retries now.")
        yield error(msg % facts, remedy, _command_for(target, newest.reason))
        return
    outcome = preview(target)
    if target.held.exists():
        return  # the check “rollback” tells it
    if outcome.result == Generation.Result.FAILED:
        msg = _("The files are not changed: %s") % outcome.reason
        remedy = _("Remove the reason; or, if it is meant, apply it all the same.")
        yield warning(msg, remedy, _command_for(target, outcome.reason))
    elif outcome.result == CHANGED and not DhcpChange.objects.for_server(target.server_id).exists():
        yield warning(
            _("dnsmasq's files do not say what the ledger says."),
            _("The worker corrects them; the first command shows how they differ."),
            sync_command(target, "--diff"),
            sync_command(target),
        )


def _command_for(target: Target, reason: str) -> str:
    """The command that the reason of a refusal names, or else another try."""
    if "thaw" in reason:
        return manage_command("thaw")
    return sync_command(target, "--force" if "--force" in reason else "")


@server_check(gettext_noop("rollback"), BOUNDED)
def rolled_back(target: Target) -> Iterator[Finding]:
    """No rollback keeps changes from dnsmasq. It is deliberate, so it is no failure."""
    if not target.held.exists():
        return
    number = DhcpChange.objects.for_server(target.server_id).count()
    msg = _("dnsmasq is held at generation %(held)s by a rollback; changes that wait: %(number)d.")
    facts = {"held": read_file(target.held).decode("ascii", "replace"), "number": number}
    remedy = _("End the rollback when you are done with it: the ledger then decides again.")
    if number:
        yield warning(msg % facts, remedy, sync_command(target, "--release"))
    else:
        yield note(msg % facts, f"{remedy} {sync_command(target, '--release')}")


@server_check(gettext_noop("installed ranges"), BOUNDED)
def installed_ranges(target: Target) -> Iterator[Finding]:
    """root has installed the configuration that the ledger proposes."""
    if text := installed.compare(target).warning:
        yield warning(text, _("See docs/dnsmasq.md."), view="admin:dhcp_sync")


@server_check(gettext_noop("waiting changes"))
def waiting(target: Target) -> Iterator[Finding]:
    """No change waits for long."""
    rows = DhcpChange.objects.for_server(target.server_id)
    oldest = rows.filter(at__lt=timezone.now() - WAITING_TOO_LONG).order_by("at").first()
    if oldest is None or target.held.exists():
        return
    number, age = rows.count(), (timezone.now() - oldest.at).total_seconds()
    msg = ngettext(
        "%(number)d change waits for dnsmasq, since %(age).0f s.",
        "%(number)d changes wait for dnsmasq, the oldest since %(age).0f s.",
        number,
    )
    remedy = _("Check that a worker runs. The command retries now and says what prevents it.")
    yield error(msg % {"number": number, "age": age}, remedy, sync_command(target))


@server_check(gettext_noop("leases"))
def leases(target: Target) -> Iterator[Finding]:
    """IPManager reads the leases that dnsmasq writes."""
    if target.reload != "none":
        found = find(target) or inspection.NOBODY
        yield from _described(target, inspection.lease_findings(target, found))


# --- all servers together -------------------------------------------------------------------------


@health_check(gettext_noop("reservations"), "dhcp", BOUNDED)
def reservations() -> Iterator[Finding]:
    """No server has more reservations than dnsmasq reads in time."""
    names: dict[int | None, str] = {None: ""}
    for server in DhcpServer.objects.all():
        names[server.pk] = f"{server.name}: "
    for server_id, newest in Generation.objects.newest_of_each().items():
        if text := servers.size_warning(newest.hosts):
            yield warning(names.get(server_id, "") + text)


@health_check(gettext_noop("lost leases"), "dhcp", BOUNDED)
def lost_leases() -> Iterator[Finding]:
    """No lease file has lost most of its leases at once."""
    for origin, number, since in Lease.objects.lost():
        msg = ngettext(
            "%(number)d lease of %(server)s that has not ended is no longer in its lease file, "
            "since %(since)s.",
            "%(number)d leases of %(server)s that have not ended are no longer in its lease file, "
            "since %(since)s.",
            number,
        )
        facts = {"number": number, "server": origin or DEFAULT, "since": _time(since)}
        remedy = _(
            "The file was emptied, replaced or shortened, or dnsmasq was started with another one. "
            "The machines may use their addresses until their leases end, but dnsmasq may give "
            "them to others; it learns of each machine again when it renews its lease."
        )
        yield error(msg % facts, remedy, view="admin:dhcp_lease_changelist")


def _time(at: datetime) -> str:
    return localize(localtime(at))


@health_check(gettext_noop("hand edits"), "dhcp", BOUNDED)
def hand_edits() -> Iterator[Finding]:
    """No hand edit waits for a decision."""
    number = HandEdit.objects.undecided().count()
    if not number:
        return
    msg = ngettext(
        "%d edit by hand waits for a decision.", "%d edits by hand wait for a decision.", number
    )
    remedy = _("Adopt or discard them, in the admin or with sync_dnsmasq --adopt or --discard.")
    command = manage_command("sync_dnsmasq --hand-edits")
    yield warning(msg % number, remedy, command, view="admin:dhcp_handedit_changelist")


@health_check(gettext_noop("agents"), "dhcp", BOUNDED)
def agents() -> Iterator[Finding]:
    """The agents of remote DHCP servers report."""
    for server in DhcpServer.objects.filter(enabled=True):
        if server.is_missed:
            text = _("The agent of the DHCP server %(server)s has not been seen for %(seconds)d s.")
            yield error(
                text % {"server": server.name, "seconds": AGENT_MISSED.total_seconds()},
                _("Start it on its own host."),
                manage_command(f"dnsmasq_agent --server {server.name}"),
            )


@health_check(gettext_noop("nodes"), "dhcp", BOUNDED)
def all_nodes() -> Iterator[Finding]:
    """One node holds each server's sync lease, and every node's files are in step."""
    names: dict[int | None, str] = dict(DhcpServer.objects.values_list("pk", "name"))
    leases = nodes.all_leases()
    states = nodes.all_nodes(leases)
    for state in states:
        name = names.get(state.node.server_id, DEFAULT)
        yield from _node_findings(name, state)
    for server_id in dict.fromkeys(state.node.server_id for state in states):
        if row := leases.get(server_id):
            yield _lease_finding(names.get(server_id, DEFAULT), row)


def _lease_finding(name: str, row: SyncLease) -> Finding:
    if row.now - row.expires_at > UNHELD_TOO_LONG:
        msg = _("No node holds the sync lease of %(server)s; the last one was %(host)s.")
        remedy = _("Start a worker on one of the nodes: systemctl start ipmanager-worker")
        return error(msg % {"server": name, "host": row.host}, remedy)
    msg = _("%(host)s holds the sync lease of %(server)s (epoch %(epoch)d).")
    return ok(msg % {"server": name, "host": row.host, "epoch": row.epoch})


def _node_findings(name: str, state: NodeState) -> Iterator[Finding]:
    facts = {
        "node": state.node.host,
        "server": name,
        "age": state.unseen.total_seconds(),
        "reason": state.node.reason,
    }
    if state.is_missed:
        msg = _(
            "The worker of the node %(node)s was last seen %(age).0f s ago: "
            "its files of %(server)s are not kept in step."
        )
        remedy = _("Start it there; a node that was removed is forgotten after a day.")
        yield warning(msg % facts, remedy)
    elif state.has_failed and not state.is_holder:
        msg = _("The node %(node)s does not follow the changes of %(server)s: %(reason)s")
        yield error(msg % facts, _("Remove the reason there. Its worker then retries by itself."))
    elif state.is_behind:
        msg = _("The node %(node)s does not have the newest generation of %(server)s.")
        yield warning(msg % facts, _("Read the log of its worker."))


@health_check(gettext_noop("restored ledger"), "ledger", BOUNDED)
def restored() -> Iterator[Finding]:
    """The ledger is not older than what the network knows."""
    if found := freeze.state():
        msg = _("No address is handed out: the ledger may have lost changes (%s).")
        remedy = _("Compare it with the leases, and release it.")
        yield error(msg % found.reason, remedy, manage_command("thaw"))
