"""What an address is, whatever anybody knows of it: leased, held, free in a pool or in a subnet, or
in no subnet. Every address has an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from ipam.addresses import Address, parse_address
from ipam.models import IPAddress, Pool, Sighting, Subnet

LEASED, TAKEN, ANSWERS, SPECIAL = "leased", "taken", "answers", "special"
FREE, NO_SUBNET = "free", "no_subnet"
FRESH = timedelta(hours=1)  # an older answer says nothing about now
FOREVER = 9999  # the year of a lease without an end


@dataclass(frozen=True, slots=True)
class Description:
    """An address of one address space, and what was found about it."""

    ip: Address
    subnet: Subnet | None = None
    pool: Pool | None = None
    row: IPAddress | None = None
    lease: Sighting | None = None  # a live one
    answer: Sighting | None = None  # the newest fresh one of another source

    @property
    def kind(self) -> str:
        if self.lease:
            return LEASED
        if self.row and self.row.status != IPAddress.Status.AVAILABLE:
            return TAKEN
        if self.answer:
            return ANSWERS
        if self.subnet is None:
            return NO_SUBNET
        return SPECIAL if self.role else FREE

    @property
    def role(self) -> str:
        """What else than a host's address it is in its subnet; empty for a host's."""
        if self.subnet is None:
            return ""
        network = self.subnet.network
        if self.ip == self.subnet.gateway:
            return _("the gateway")
        if network.prefixlen >= network.max_prefixlen - 1:
            return ""
        if self.ip == network.network_address:
            return _("the network address")
        if network.version == 4 and self.ip == network.broadcast_address:
            return _("the broadcast address")
        return ""

    @property
    def place(self) -> str:
        """In which pool and subnet it is."""
        if self.subnet is None:
            return _("in no subnet")
        facts = {"subnet": self.subnet, "pool": self.pool}
        if self.pool is None:
            return _("in %(subnet)s, in none of its pools") % facts
        if self.pool.kind == Pool.Kind.DHCP:
            return _("in the DHCP pool %(pool)s of %(subnet)s") % facts
        return _("in the static pool %(pool)s of %(subnet)s") % facts

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        return _SENTENCES[self.kind](self)


def describe(ip: Address, vrf_id: int | None = None) -> Description:
    """Look an address up, in the global address space unless a VRF is named. Four queries."""
    subnet = Subnet.objects.containing(ip, vrf_id)
    now = timezone.now()
    lease = answer = None
    for row in Sighting.objects.filter(vrf=vrf_id, ip_address=ip).order_by("-seen_at"):
        if row.source == Sighting.Source.LEASE:
            if row.leased_until and row.leased_until > now:
                lease = lease or row
        elif row.source in Sighting.ANSWERS and row.seen_at > now - FRESH:
            answer = answer or row
    return Description(
        ip=ip,
        subnet=subnet,
        pool=Pool.objects.covering(ip, subnet),
        row=IPAddress.objects.filter(vrf=vrf_id, ip_address=ip).select_related("server").first(),
        lease=lease,
        answer=answer,
    )


def described(text: str) -> Description | None:
    """The description of what was typed; None if it is no address."""
    try:
        return describe(parse_address(text.strip()))
    except ValueError:
        return None


def _leased(found: Description) -> str:
    assert found.lease and found.lease.leased_until
    return _("%(ip)s is leased to %(holder)s until %(until)s, %(place)s.") % {
        "ip": found.ip,
        "holder": _holder(found.lease),
        "until": _time(found.lease),
        "place": found.place,
    }


def _time(lease: Sighting) -> str:
    assert lease.leased_until
    if lease.leased_until.year >= FOREVER:
        return _("it is released")
    return date_format(localtime(lease.leased_until), "Y-m-d H:i")


def _holder(sighting: Sighting) -> str:
    machine = sighting.mac_address or sighting.duid or _("an unknown machine")
    if sighting.hostname:
        return f"{machine} ({sighting.hostname})"
    return machine


def _taken(found: Description) -> str:
    assert found.row
    facts = {
        "ip": found.ip,
        "status": found.row.get_status_display(),
        "holder": found.row.holder or found.row.description,
        "place": found.place,
    }
    if facts["holder"]:
        return _("%(ip)s: %(status)s, %(holder)s, %(place)s.") % facts
    return _("%(ip)s: %(status)s, %(place)s.") % facts


def _answers(found: Description) -> str:
    assert found.answer
    return _("%(ip)s is used by %(machine)s (%(source)s, %(at)s), %(place)s.") % {
        "ip": found.ip,
        "machine": _holder(found.answer),
        "source": found.answer.get_source_display(),
        "at": date_format(localtime(found.answer.seen_at), "Y-m-d H:i"),
        "place": found.place,
    }


def _special(found: Description) -> str:
    facts = {"ip": found.ip, "role": found.role, "subnet": found.subnet}
    return _("%(ip)s is %(role)s of %(subnet)s.") % facts


def _free(found: Description) -> str:
    return _("%(ip)s is free, %(place)s.") % {"ip": found.ip, "place": found.place}


def _in_no_subnet(found: Description) -> str:
    return _("%s is in no subnet.") % found.ip


_SENTENCES = {
    LEASED: _leased,
    TAKEN: _taken,
    ANSWERS: _answers,
    SPECIAL: _special,
    FREE: _free,
    NO_SUBNET: _in_no_subnet,
}
