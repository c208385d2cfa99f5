"""Which statement may stand where, and how those must look that the ledger does not keep. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter

from django.utils.translation import gettext as _

from importers.readers.isc.syntax import Statement

ROOT, GROUP, SHARED, SUBNET, POOL, HOST, CLASS = (
    "root",
    "group",
    "shared-network",
    "subnet",
    "pool",
    "host",
    "class",
)
_NETWORKS = frozenset({ROOT, GROUP, SHARED, SUBNET})
_INSIDE_SUBNETS = frozenset({SHARED, SUBNET, POOL})
# Statements that may stand in some places only.
_PLACES: dict[str, frozenset[str]] = {
    "subnet": frozenset({ROOT, GROUP, SHARED}),
    "subnet6": frozenset({ROOT, GROUP, SHARED}),
    "shared-network": frozenset({ROOT, GROUP}),
    "pool": frozenset({SHARED, SUBNET}),
    "pool6": frozenset({SUBNET}),
    "range": _INSIDE_SUBNETS,
    "range6": _INSIDE_SUBNETS,
    "prefix6": _INSIDE_SUBNETS,
    "group": _NETWORKS,
    "host": _NETWORKS,
    "class": _NETWORKS,
    "subclass": _NETWORKS,
    "interface": frozenset({SHARED, SUBNET}),
    "match": frozenset({CLASS}),
    "spawn": frozenset({CLASS}),
    "case": frozenset(),
    "default:": frozenset(),
    "vendor-class": frozenset(),
    "user-class": frozenset(),
    **dict.fromkeys(
        ("hardware", "fixed-address", "fixed-address6", "fixed-prefix6", "host-identifier"),
        frozenset({HOST}),
    ),
}
_HARDWARE = "(ethernet|token-ring|fddi|infiniband|unknown-[0-9]+)"
_DUID = re.compile(
    rf"llt( {_HARDWARE} [0-9]+ \S+)?|ll( {_HARDWARE} \S+)?|en [0-9]+ \S.*|[0-9]+ \S.*"
)
_CONSTANT = re.compile(r'match if "[^"]*" = "[^"]*"')
_RULE = re.compile(r"(match|spawn)(?! if )")


def check_place(statement: Statement, place: str) -> None:
    """Raises BadInput for a statement that may not stand here, or is wrong by itself."""
    allowed = _PLACES.get(statement.keyword)
    if allowed is not None and place not in allowed:
        raise statement.wrong(_("“%s” is not allowed here.") % statement.keyword)
    if check := _CHECKS.get(statement.keyword):
        check(statement)


def _class(statement: Statement) -> None:
    """One rule by which a class takes its members, and no constant one."""
    rules: list[Statement] = []
    for inner in statement.inner:
        check_place(inner, CLASS)
        text = str(inner)
        if _CONSTANT.fullmatch(text):
            raise inner.wrong(_("The condition of the class is constant."))
        if _RULE.match(text):
            rules.append(inner)
    for second in rules[1:]:
        raise second.wrong(_("The class has a rule for its members already."))


def _subclass(statement: Statement) -> None:
    if len(statement.rest) < 2:
        raise statement.wrong(_("A subclass needs the name of its class and a value."))


def _shared_network(statement: Statement) -> None:
    if not "".join(statement.texts):
        raise statement.wrong(_("A shared network needs a name."))
    keywords = set(map(attrgetter("keyword"), statement.inner))
    if keywords.isdisjoint({"subnet", "subnet6", "group", "include"}):
        raise statement.wrong(_("A shared network needs a subnet."))


def _server_duid(statement: Statement) -> None:
    text = " ".join(map(str, statement.rest))
    if not _DUID.fullmatch(text):
        raise statement.wrong(
            _("“%s” is not a DUID: llt, ll, en or a number, and its parts.") % text
        )


def _directive(statement: Statement) -> None:
    """`% option NAME local;` tells ISC's migration assistant about an option."""
    if str(statement).endswith(" unknown unknown"):
        raise statement.wrong(_("The option cannot be unknown to both sides."))


_CHECKS: dict[str, Callable[[Statement], None]] = {
    "class": _class,
    "subclass": _subclass,
    "shared-network": _shared_network,
    "server-duid": _server_duid,
    "%": _directive,
}
