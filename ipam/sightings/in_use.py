"""Who else uses the addresses of some servers: a warning when a server is saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Exists, OuterRef, Q
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from ipam.models import Interface, IPAddress, Server, Sighting
from ipam.querysets import used_by_others


def warnings(server_ids: Iterable[int]) -> list[str]:
    """A sentence for each address of these servers that a machine with none of their MAC addresses
    uses now. One query where nobody else does."""
    ids = list(server_ids)
    found = _sightings(ids)
    if not found:
        return []
    own = _own_macs(ids)
    strange = {(one.ip_address, one.mac_address): one for one in found}
    return [_sentence(one) for (_ip, mac), one in strange.items() if mac not in own]


def _sightings(ids: Sequence[int]) -> list[Sighting]:
    """What shows that a known machine uses one of the addresses, the latest last."""
    space = Q(vrf=OuterRef("vrf")) | Q(IsNull(OuterRef("vrf"), True), vrf=None)
    held = IPAddress.objects.filter(space, server__in=ids, ip_address=OuterRef("ip_address"))
    rows = Sighting.objects.filter(used_by_others(), Exists(held)).exclude(mac_address=None)
    return list(rows.order_by("ip_address", "seen_at"))


def _own_macs(ids: Sequence[int]) -> set[str | None]:
    servers = Server.objects.filter(pk__in=ids).values_list("mac_address", flat=True)
    nics = Interface.objects.filter(server__in=ids).values_list("mac_address", flat=True)
    return {*servers, *nics}


def _sentence(one: Sighting) -> str:
    facts = {
        "address": one.ip_address,
        "mac": one.mac_address,
        "source": one.get_source_display(),
        "ago": timesince(one.seen_at, timezone.now()),
    }
    if one.source == Sighting.Source.LEASE:
        return _("%(address)s is leased by another machine, %(mac)s.") % facts
    text = _("%(address)s is in use by another machine, %(mac)s (%(source)s, %(ago)s ago).")
    return text % facts
