"""dhcpd.leases as records. Of several entries for one address, the last counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from dhcp.leases.lease_file import FOREVER, mac_of_duid
from importers.readers.isc.syntax import Statement, parse
from importers.readers.machines import mac_of
from importers.records import Lease, LeftOut, Record
from importers.source import Source, placed
from ipam.addresses import parse_address

_STATES = {"free", "abandoned", "released", "expired", "backup", "reset"}
_KNOWN_BLOCKS = ("server-duid", "authoring-byte-order", "failover")


def read(source: Source, name: str) -> Iterator[Record]:
    """The leases of DHCPv4 and DHCPv6. Raises BadInput."""
    found: dict[str, Record] = {}
    for statement in parse(source, name):
        for record in _READERS.get(statement.keyword, _other)(statement):
            key = _key(record)
            found.pop(key, None)
            found[key] = record
    yield from found.values()


def _key(record: Record) -> str:
    if isinstance(record, Lease):
        return str(record.ip)
    return getattr(record, "what", "")


def _other(statement: Statement) -> Iterator[Record]:
    """Blocks that tell of no lease."""
    if statement.keyword not in _KNOWN_BLOCKS:
        raise statement.wrong(_("This is not a lease file: “%s”.") % str(statement)[:60])
    yield from ()


def _lease(statement: Statement) -> Iterator[Record]:
    facts = _Facts(statement)
    yield facts.record(facts.mac, facts.name)


def _identified(statement: Statement) -> Iterator[Record]:
    """`ia-na` and `ia-ta`: what a machine has by its DUID, which follows four bytes of IAID."""
    identifier = statement.only.encode("latin-1", "replace")
    duid = identifier[4:].hex(":")
    mac = mac_of_duid(duid)
    for inner in statement.inner:
        if inner.keyword == "iaaddr":
            yield _Facts(inner).record(mac, duid=duid)


def _prefix(statement: Statement) -> Iterator[Record]:
    reason = _("Delegated prefixes have no place in the ledger.")
    for inner in statement.inner:
        if inner.keyword == "iaprefix":
            yield LeftOut(inner.at, inner.only, reason)


def _declared(statement: Statement) -> Iterator[Record]:
    reason = _("Hosts of a lease file were added at run time; import them from the configuration.")
    yield LeftOut(statement.at, str(statement), reason)


class _Facts:
    """The statements of a lease by their keywords."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.by_keyword = {inner.keyword: inner for inner in statement.inner}

    def texts(self, keyword: str) -> list[str]:
        """The values of a statement; none when it is not there."""
        if keyword in self.by_keyword:
            return self.by_keyword[keyword].texts
        return []

    def record(self, mac: str | None, name: str = "", duid: str = "") -> Record:
        at = self.statement.at
        text = self.statement.only
        with placed(at):
            ip = parse_address(text)
            until = self._until()
        state = self.texts("binding")[-1:]
        over = _STATES.intersection(state)
        if over:
            return LeftOut(at, str(ip), _("The lease is over: %s.") % over.pop())
        return Lease(at, ip, until, mac, name, duid)

    @property
    def name(self) -> str:
        return " ".join(self.texts("client-hostname"))

    @property
    def mac(self) -> str | None:
        texts = self.texts("hardware")
        if texts[:1] != ["ethernet"]:
            return None
        with placed(self.by_keyword["hardware"].at):
            return mac_of(texts[-1])

    def _until(self) -> datetime:
        """`3 2016/01/06 15:04:58` in UTC, `epoch 1452092698`, or `never`. Raises ValueError."""
        kind, *words = [*self.texts("ends"), "never"]
        if kind == "never":
            return FOREVER
        if kind == "epoch":
            return datetime.fromtimestamp(int(words[0][:11]), UTC)
        text = " ".join([*words[:2], "+0000"])
        return datetime.strptime(text, "%Y/%m/%d %H:%M:%S %z")


_READERS = {
    "lease": _lease,
    "ia-na": _identified,
    "ia-ta": _identified,
    "ia-pd": _prefix,
    "host": _declared,
    "group": _declared,
}
