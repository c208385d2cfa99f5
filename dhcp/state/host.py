"""What was found at the hosts of the DHCP servers (dhcp/host/inspection.py): kept in a row for
each, put into words, and what it means for a machine.

A look needs to see dnsmasq's process. The worker and the agents store theirs, so that every web
node can tell them."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from itertools import islice
from typing import Any

from django.db import DatabaseError
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.commands import manage_command
from core.findings import Finding, error, note, warning
from core.logs import first_line
from dhcp import servers
from dhcp.daemon import process
from dhcp.files.targets import Target
from dhcp.host import findings as kinds
from dhcp.host import relays
from dhcp.host.findings import HostFinding
from dhcp.host.inspection import MOST, Inspection, OurProcesses, inspect
from dhcp.models import HostReport
from dhcp.nodes import lease
from dhcp.nodes import state as nodes
from ipam.addresses import Address, Network, parse_address

logger = logging.getLogger("dhcp.host")

EVERY = 30.0  # seconds from one look to the next
SHORTEST = 4.0  # seconds between two looks, however often files change
STALE = timedelta(seconds=90)  # an older report says nothing about the present
FORGOTTEN = timedelta(days=1)
RESTART = "systemctl restart dnsmasq"
RELOAD = "systemctl kill -s SIGHUP dnsmasq"


# --- in words -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A message and its remedy, with the facts of a finding in them; and the remedy's commands."""

    message: str
    remedy: str = ""
    commands: tuple[str, ...] = ()


_RESTART = gettext_noop("Restart it, as root.")
_REMOVE = gettext_noop("Remove the line and restart dnsmasq, as root; or enter it in IPManager.")
_INSTALL = gettext_noop("Install our configuration, as root (docs/dnsmasq.md).")
TEXTS: Mapping[str, Text] = {
    "unseen": Text(gettext_noop("dnsmasq cannot be seen from here.")),
    "more": Text(gettext_noop("There are %(number)s findings more.")),
    "conf_unreadable": Text(
        gettext_noop(
            "What else dnsmasq is configured to do is not known: %(paths)s cannot be read."
        )
    ),
    "files_unknown": Text(
        gettext_noop("Whether dnsmasq reads our files is not known: %(paths)s cannot be read.")
    ),
    "reads_nothing": Text(
        gettext_noop("dnsmasq reads no hosts file at all, so it has none of our reservations."),
        _INSTALL,
        ("install -m 644 '%(proposal)s' '%(conf)s'", RESTART),
    ),
    "reads_others": Text(
        gettext_noop("dnsmasq reads %(theirs)s (%(place)s), not our %(ours)s."),
        gettext_noop("Make it read ours, as root; or set IPMANAGER_DNSMASQ_DIR to where it reads."),
        (
            "sed -i 's|^\\(dhcp-hostsfile *= *\\)%(theirs)s|\\1%(ours)s|' '%(conf)s'",
            RESTART,
        ),
    ),
    "conf_changed": Text(
        gettext_noop(
            "dnsmasq has not read %(path)s since it was changed: a reload does not do that."
        ),
        _RESTART,
        (RESTART,),
    ),
    "cannot_enter": Text(
        gettext_noop("dnsmasq's user cannot enter %(path)s."),
        gettext_noop("Open it, then reload dnsmasq."),
        ("chmod o+x '%(path)s'", RELOAD),
    ),
    "cannot_read": Text(
        gettext_noop(
            "dnsmasq's user cannot read %(path)s: at its next reload it loses what is in there."
        ),
        gettext_noop("Write it anew and reload dnsmasq."),
        ("%(sync)s",),
    ),
    "foreign_range": Text(
        gettext_noop(
            "dnsmasq hands out %(first)s-%(last)s, which is no DHCP pool of the ledger "
            "(%(place)s: dhcp-range=%(value)s)."
        ),
        _REMOVE,
    ),
    "old_range": Text(
        gettext_noop(
            "dnsmasq hands out %(first)s-%(last)s by an older range of ours (%(place)s: "
            "dhcp-range=%(value)s)."
        ),
        _INSTALL,
    ),
    "range_missing": Text(
        gettext_noop("dnsmasq does not have the range dhcp-range=%(value)s (%(place)s)."),
        _INSTALL,
    ),
    "foreign_ignore": Text(
        gettext_noop("dnsmasq ignores machines by %(place)s: dhcp-ignore=%(value)s."), _REMOVE
    ),
    "foreign_host": Text(
        gettext_noop("dnsmasq has a reservation that is not ours (%(place)s): %(value)s"), _REMOVE
    ),
    "foreign_hosts": Text(
        gettext_noop("dnsmasq has %(number)s reservations that are not ours (%(place)s)."), _REMOVE
    ),
    "contradicting_host": Text(
        gettext_noop(
            "dnsmasq has a reservation that contradicts ours, %(ours)s (%(place)s): %(value)s"
        ),
        _REMOVE,
    ),
    "no_interface": Text(
        gettext_noop(
            "dnsmasq does not serve %(network)s: no “interface=” of its configuration names "
            "%(interface)s."
        ),
        gettext_noop("Add interface=%(interface)s to its configuration and restart it, as root."),
        (RESTART,),
    ),
    "excluded_interface": Text(
        gettext_noop(
            "dnsmasq does not serve %(network)s on %(interface)s (%(place)s: %(option)s)."
        ),
        gettext_noop("Remove the line and restart dnsmasq, as root."),
    ),
    "relay_silent": Text(
        gettext_noop(
            "None of the %(number)s machines with a lease in %(network)s has renewed it for "
            "%(minutes)s minutes: they are off, or their relay is dead."
        ),
        gettext_noop("Check the relay (the router) of that subnet."),
    ),
    "interfaces_unseen": Text(
        gettext_noop("The network interfaces of dnsmasq cannot be seen: %(why)s.")
    ),
    "other_server": Text(
        gettext_noop(
            "Another process answers DHCP requests on dnsmasq's host: %(name)s, process %(pid)s "
            "(UDP port %(port)s)."
        ),
        gettext_noop("Stop it."),
        ("ps -o pid,user,args -p %(pid)s",),
    ),
    "apart_server": Text(
        gettext_noop(
            "Another dnsmasq (process %(pid)s) serves interfaces that are in none of our subnets."
        )
    ),
    "unknown_server": Text(
        gettext_noop(
            "Another process of dnsmasq's host waits for DHCP requests at UDP port %(port)s."
        ),
        gettext_noop("The command names it."),
        ("ss -ulnp sport = :%(port)s",),
    ),
    "leases_unwritten": Text(
        gettext_noop("dnsmasq writes no lease file (%(place)s: leasefile-ro)."),
        gettext_noop("Remove the line and restart dnsmasq, as root."),
    ),
    "leases_elsewhere": Text(
        gettext_noop("dnsmasq writes its leases to %(theirs)s; IPManager reads %(ours)s."),
        gettext_noop("Set IPMANAGER_DNSMASQ_LEASES=%(theirs)s, for every process."),
    ),
    "no_range": Text(
        gettext_noop("No range yet: dnsmasq hands out no address."),
        gettext_noop("Create a DHCP scope for a subnet with a DHCP pool."),
    ),
    "leases_missing": Text(
        gettext_noop("There is no lease file %(path)s: it is not known who uses which address."),
        gettext_noop(
            "dnsmasq creates it when it starts; restart it, as root. "
            "Or set IPMANAGER_DNSMASQ_LEASES."
        ),
        (RESTART,),
    ),
    "leases_unreadable": Text(
        gettext_noop("The lease file %(path)s cannot be read."),
        gettext_noop("Open it, as root."),
        ("chmod a+r '%(path)s'",),
    ),
    "leases_future": Text(
        gettext_noop(
            "The lease file is from the future, by %(ahead)s s: "
            "this machine's clock is behind dnsmasq's."
        ),
        gettext_noop("Synchronise the clocks of both machines by NTP."),
        ("timedatectl set-ntp true",),
    ),
    "leases_replaced": Text(
        gettext_noop("dnsmasq writes its leases to another file than the one now at %(path)s."),
        gettext_noop("Somebody has replaced the file. Restart dnsmasq, as root."),
        (RESTART,),
    ),
    "leases_garbled": Text(
        gettext_noop("The lease file %(path)s has %(number)s lines that are no leases."),
        gettext_noop(
            "dnsmasq writes the file anew at the next change of a lease, unless it was replaced."
        ),
    ),
}
_MAKERS: Mapping[str, Callable[..., Finding]] = {kinds.WARNING: warning, kinds.ERROR: error}
# A report may come from another host: what is pasted into a shell contains nothing special there.
_HARMLESS = re.compile(r"[A-Za-z0-9/._+:=, -]*")


def describe(found: HostFinding, target: Target | None = None) -> Finding:
    """The finding in the reader's language."""
    text = _text(found)
    facts = _Facts(found.facts)
    message, remedy = _(text.message) % facts, ""
    if text.remedy:
        remedy = _(text.remedy) % facts
    if found.level == kinds.NOTE:
        return note(message, remedy)
    make = _MAKERS.get(found.level, warning)
    return make(message, remedy, *_commands(text, facts, target))


def _text(found: HostFinding) -> Text:
    if found.kind == "foreign_host" and found.facts.get("ours"):
        return TEXTS["contradicting_host"]
    return TEXTS.get(found.kind) or Text(found.kind.replace("%", ""))


class _Facts(dict[str, Any]):
    """An agent of another version may leave one out."""

    def __missing__(self, name: str) -> str:
        return "?"


def _commands(text: Text, facts: _Facts, target: Target | None) -> list[str]:
    if not all(map(_HARMLESS.fullmatch, map(str, facts.values()))):
        return []
    if found_nowhere(facts):
        return [RESTART]
    sync = sync_command(target) if target else ""
    commands = [command % _Facts(facts, sync=sync) for command in text.commands]
    return list(filter(None, commands))


def found_nowhere(facts: Mapping[str, Any]) -> bool:
    """Whether the configuration file to correct is not known: it is on the command line."""
    return facts.get("conf") == ""


def sync_command(target: Target, option: str = "") -> str:
    words = ["sync_dnsmasq", option]
    if target.server_id:
        words[1:1] = ["--server", target.name]
    return manage_command(" ".join(filter(None, words)))


# --- kept -----------------------------------------------------------------------------------------


def store(target: Target, seen: Inspection) -> None:
    """Keep the look of this host. Raises DatabaseError."""
    save_report(target.server_id, lease.known_node(target), seen.as_json(), seen.process)


def save_report(
    server_id: int | None,
    node: Mapping[str, str],
    found: Iterable[Mapping[str, Any]],
    process: Mapping[str, Any],
) -> None:
    """Keep what a node, named by `host` and `place`, has found: in place of its report before, and
    of reports that nobody has renewed for a day. Two statements."""
    findings = [one.as_json() for one in islice(_well_formed(found), MOST)]
    report = {"findings": findings, "process": dict(process), "looked_at": Now()}
    HostReport.objects.filter(looked_at__lt=Now() - FORGOTTEN).delete()
    rows = HostReport.objects.filter(server=server_id, **node)
    if not rows.update(**report):
        HostReport.objects.create(server_id=server_id, **node, **report)


def our_processes() -> set[int]:
    """The dnsmasqs of this host that this installation keeps in step. One query."""
    found = set()
    for target in servers.local_targets():
        daemon = process.find(target)
        if daemon and daemon.reads(target.hosts, "dhcp-hostsfile"):
            found.add(daemon.pid)
    return found


def reports() -> list[HostReport]:
    """Those that say how it is at present, with their DHCP servers. One query."""
    is_used = Q(server=None) | Q(server__enabled=True)
    rows = HostReport.objects.with_age().select_related("server")
    return list(rows.filter(is_used, looked_at__gt=Now() - STALE))


def findings_of(row: HostReport) -> Iterator[HostFinding]:
    """The findings in a report."""
    return _well_formed(row.findings)


def _well_formed(found: Iterable[Any]) -> Iterator[HostFinding]:
    """Those that have their shape: an agent may be another version."""
    for entry in found:
        kind, level, facts = map(dict(entry).get, ("kind", "level", "facts"))
        if isinstance(kind, str) and level in kinds.LEVELS and isinstance(facts, dict):
            yield HostFinding(kind[: kinds.LONGEST_KIND], level, facts)


class HostWatcher:
    """Looks at the host of one dnsmasq now and then, and when its files change. `now` is a
    monotonic clock."""

    def __init__(self, target: Target, now: Callable[[], float] = time.monotonic) -> None:
        self.target = target
        self.now = now
        self.seen: Inspection | None = None
        self.marks: list[tuple[int, ...]] = []
        self.looked = -EVERY
        self.known: dict[str, Any] | None = None  # the process of the look before
        self.reported = ""

    def poll(self, ours: OurProcesses = tuple) -> Inspection | None:
        """The new look, if one was due."""
        if not self._is_due():
            return None
        self.looked = self.now()
        seen = inspect(self.target, self.known, ours)
        self.seen, self.marks = seen, seen.marks()
        # The list of files is that of the first look at a process.
        if self.known is None or self.known.get("pid") != seen.process.get("pid"):
            self.known = seen.process
        return seen

    def poll_and_store(self, ours: OurProcesses = tuple) -> None:
        """Errors are logged once and never raised: the caller has more important things to do."""
        try:
            if self.known is None:
                self.known = self._last_process()
            if seen := self.poll(ours):
                origin = nodes.origin(self.target)
                store(self.target, seen.with_more(relays.silent(seen.relayed, origin)))
                self.reported = ""
        except (DatabaseError, OSError) as failure:
            self._report(first_line(failure))
        except Exception:
            logger.exception("a bug; the host is looked at again later")

    def _is_due(self) -> bool:
        if self.target.reload == "none":
            return False
        passed = self.now() - self.looked
        if self.seen is None or passed >= EVERY:
            return True
        return passed >= SHORTEST and self.seen.marks() != self.marks

    def _last_process(self) -> dict[str, Any]:
        """Whom the worker before this one has looked at."""
        rows = HostReport.objects.filter(
            server=self.target.server_id, **lease.known_node(self.target)
        )
        return rows.values_list("process", flat=True).first() or {}

    def _report(self, text: str) -> None:
        if text != self.reported:
            logger.error("the host of %s cannot be looked at: %s", self.target.name, text)
        self.reported = text


# --- what it means for a machine ------------------------------------------------------------------


def unserved(
    found: Iterable[HostFinding], ip: Address, identities: Collection[str]
) -> Finding | None:
    """The first finding by which a machine with this address and these MACs does not get it."""
    for one in found:
        if _prevents(one, ip, identities):
            return describe(one)
    return None


def _prevents(found: HostFinding, ip: Address, identities: Collection[str]) -> bool:
    question = _PREVENTING.get(found.kind)
    return question is not None and question(found.facts, ip, identities)


def _is_for_all(facts: Mapping[str, Any], ip: Address, identities: Collection[str]) -> bool:
    """All machines of the server lose what we say."""
    return True


def _is_for_network(facts: Mapping[str, Any], ip: Address, identities: Collection[str]) -> bool:
    """The machines of the network in the facts are not served."""
    return _is_in(ip, facts.get("network"))


def _is_ignored(facts: Mapping[str, Any], ip: Address, identities: Collection[str]) -> bool:
    return concerns_reserved(str(facts.get("value")))


def _is_contradicted(facts: Mapping[str, Any], ip: Address, identities: Collection[str]) -> bool:
    named = {*facts.get("ips", ()), *facts.get("macs", ())}
    return bool(facts.get("ours")) and not named.isdisjoint({str(ip), *identities})


_PREVENTING: Mapping[str, Callable[[Mapping[str, Any], Address, Collection[str]], bool]] = {
    "reads_nothing": _is_for_all,
    "reads_others": _is_for_all,
    "cannot_enter": _is_for_all,
    "cannot_read": _is_for_all,
    "no_interface": _is_for_network,
    "excluded_interface": _is_for_network,
    "range_missing": _is_for_network,
    "foreign_ignore": _is_ignored,
    "foreign_host": _is_contradicted,
}


def concerns_reserved(tags: str) -> bool:
    """Whether dnsmasq may ignore machines with a reservation: not where all the tags that they lack
    are asked for (`tag:!known` is for strangers only)."""
    return "tag:!known" not in tags.replace(" ", "").split(",")


def _is_in(ip: Address, network: object) -> bool:
    try:
        return ip in ip_network(str(network))
    except ValueError:
        return False


# What makes the state of every machine of the server doubtful, and prevents nothing by itself.
_DOUBTFUL = frozenset({"other_server", "foreign_ignore", "conf_changed"})
_DOUBTFUL_IN_NETWORK = frozenset({"foreign_range", "old_range"})


def remarks(found: Iterable[HostFinding], network: Network | None) -> list[str]:
    """What else is to be said of the state of a machine in this subnet."""
    return [str(describe(one).msg) for one in found if _is_doubtful(one, network)]


def _is_doubtful(found: HostFinding, network: Network | None) -> bool:
    if found.kind in _DOUBTFUL_IN_NETWORK:
        return _begins_in(found.facts.get("first"), network)
    if found.kind == "relay_silent":
        return str(network) == found.facts.get("network")
    is_about_leases = found.kind.startswith("leases_") and found.level != kinds.NOTE
    return found.kind in _DOUBTFUL or is_about_leases


def _begins_in(first: object, network: Network | None) -> bool:
    try:
        return network is not None and parse_address(str(first)) in network
    except ValueError:
        return False
