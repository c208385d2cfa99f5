"""Where an address that nobody held stood at a moment: free in a pool, in no pool, in no subnet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from api.confinement import lies_in, visible
from core.history.past import tables
from core.history.past.walk import lines_of_row
from ipam.addresses import Address, Network, is_host
from ipam.models import Pool, Subnet

_IN_POOL = {
    "static": gettext_lazy("%(ip)s was free, in the static pool %(pool)s of %(subnet)s"),
    "dhcp": gettext_lazy("%(ip)s was free, in the DHCP pool %(pool)s of %(subnet)s"),
}


@dataclass(frozen=True)
class Place:
    """The subnet and the pool around the address at that moment, as they were."""

    ip: Address
    moment: datetime
    subnet: Subnet | None = None
    pool: Pool | None = None

    @property
    def is_free(self) -> bool:
        """Whether somebody could have been given it."""
        return self.subnet is not None and not self._is_special

    @property
    def text(self) -> str:
        values = {"ip": self.ip, "subnet": self.subnet, "pool": self.pool}
        return self._template % values

    @property
    def evidence(self) -> str:
        """The line of the log that says so of the pool, or of the subnet."""
        row: Any = self.pool or self.subnet
        [line] = lines_of_row(type(row), row.pk, self.moment)
        return f"{row._meta.label_lower}:{line}"

    def as_json(self) -> dict[str, Any]:
        return {"free": self.is_free, "subnet": _named(self.subnet), "pool": _named(self.pool)}

    @property
    def _template(self) -> str:
        if self.subnet is None:
            return _("%(ip)s belonged to nobody and lay in no subnet")
        if self._is_special:
            return _("%(ip)s belonged to nobody: it is never handed out in %(subnet)s")
        if self.pool is None:
            return _("%(ip)s was free, in %(subnet)s and in no pool")
        return str(_IN_POOL[self.pool.kind])

    @property
    def _is_special(self) -> bool:
        """The gateway, the address of the network, and that of broadcasts."""
        assert self.subnet
        return self.ip == self.subnet.gateway or not is_host(self.subnet.network, self.ip)


def _named(row: Any) -> dict[str, Any] | None:
    return row and {"id": row.pk, "name": str(row)}


def at(vrf: int | None, ip: Address, moment: datetime) -> Place:
    """Where the address stood."""
    pool = None
    with tables.at(moment):
        subnet = Subnet.objects.containing(ip, vrf)
        if subnet is not None:
            pools = Pool.objects.filter(subnet_id=subnet.pk, first__lte=ip, last__gte=ip)
            pool = pools.first()
    return Place(ip, moment, subnet, pool)


def is_seen(place: Place, networks: Sequence[Network]) -> bool:
    """Whether a token for these networks could see the subnet then, and can today if there is one.
    That there was no subnet is no secret."""
    if not networks or place.subnet is None:
        return True
    today = Subnet.objects.filter(pk=place.subnet.pk)
    hidden = set(today) - set(visible(today, networks))
    return lies_in(place.subnet.network, networks) and not hidden
