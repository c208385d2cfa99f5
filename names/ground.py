"""What a record, or a machine's name, must fit in: all that is served now, read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import filterfalse
from operator import attrgetter

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from core.errors import Reason
from ipam.addresses import Address
from ipam.models import Subnet
from ipam.rules import Named
from names import ledger, rdata
from names.further import Beside
from names.ledger import NOWHERE, NameLine
from names.models import Record, Zone

MANY = 20  # names that are looked up one by one


@dataclass(frozen=True, slots=True)
class Ground:
    """The names of machines, and all records. A fixed number of queries."""

    lines: dict[str, list[NameLine]]
    beside: Beside

    @classmethod
    def load(cls) -> Ground:
        names = ledger.take(list(Subnet.objects.in_vrf(None)))
        zones = set(Zone.objects.values_list("name", flat=True))
        rows = Record.objects.select_related("zone").order_by("pk")
        return cls(ledger.by_name(names), Beside(rows, zones))

    def check(self, record: Record) -> None:
        """Raises ValidationError, which names the holder. The record counts from then on."""
        refused = next(self._complaints(record), None)
        if refused:
            raise ValidationError({refused[0]: Reason(refused[1])})

    def add(self, record: Record) -> None:
        self.beside.add(record)

    def _complaints(self, record: Record) -> Iterator[tuple[str, str]]:
        """The field and what is wrong with it."""
        other = self._other(record)
        if other:
            text = _("%(name)s has another record: %(other)s. A CNAME stands alone.")
            yield "name", text % {"name": record.fqdn, "other": f"{other.type} {other.value}"}
        holder = self._holder(record)
        if holder:
            text = _("%(name)s belongs to %(holder)s.")
            yield "name", text % {"name": record.fqdn, "holder": holder}
        way = self.beside.way_back(record)
        if way:
            yield "value", _("The CNAME leads back to itself: %s.") % way
        cut = self.beside.delegations.above(record.fqdn)
        if cut and not self._is_of_delegation(record, cut):
            text = _("%(domain)s belongs to other name servers (%(servers)s).")
            servers = ", ".join(sorted(self.beside.delegations.servers[cut]))
            yield "name", text % {"domain": cut, "servers": servers}

    def _other(self, record: Record) -> Record | None:
        """What a CNAME would stand beside, or the CNAME that another record would."""
        found = self.beside.of_name(record.fqdn)
        others = filterfalse(record.__eq__, found)  # one that is not saved equals itself alone
        return next(filter(lambda other: "CNAME" in (other.type, record.type), others), None)

    def _holder(self, record: Record) -> str:
        """The machine that has the name, with its address; empty when none has."""
        if record.type not in ("CNAME", *rdata.ADDRESSES):
            return ""
        lines = filterfalse(attrgetter("is_record"), self.lines.get(record.fqdn, ()))
        return next((f"{line.label} ({line.ip})" for line in lines), "")

    def _is_of_delegation(self, record: Record, cut: str) -> bool:
        """The NS records of the domain itself, and the addresses of those servers."""
        is_server = record.fqdn in self.beside.delegations.servers[cut]
        return record.type == "NS" or (record.type in rdata.ADDRESSES and is_server)


# --- machines -------------------------------------------------------------------------------------


def holders(wanted: Sequence[Named]) -> list[str]:
    """For each machine of the global address space, the CNAME that has its name; empty where none
    has. One query where there is no such CNAME, a fixed number else."""
    rows = list(_aliases(wanted))
    if not rows:
        return [""] * len(wanted)
    place = ledger.place(Subnet.objects.in_vrf(None))
    held = {row.fqdn: str(row) for row in rows}
    return [held.get(_whole(name, ip, place), "") for name, ip in wanted]


def _aliases(wanted: Sequence[Named]) -> Iterator[Record]:
    rows = Record.objects.filter(type="CNAME", zone__enabled=True).select_related("zone")
    if len(wanted) <= MANY:
        found = Q(pk__in=[])
        for name, _ip in wanted:
            label = rdata.lower(name.partition(".")[0])
            found |= Q(name=label) | Q(name__startswith=f"{label}.")
        rows = rows.filter(found)
    return iter(rows)


def _whole(name: str, ip: Address | None, place: ledger.Place) -> str:
    subnet = (ip and place.index.containing(None, ip)) or NOWHERE
    if ip is None or subnet.pk in place.silent:
        return ""
    return rdata.whole(name, "", subnet.domain)
