"""The questions that the tables of machines answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from ipam.addresses import Network
from ipam.models import Server

if TYPE_CHECKING:
    from machines.models import Machine, MachineService  # noqa: F401


class MachineQuerySet(QuerySet["Machine"]):
    """Machines of every VRF."""

    def confined(self, networks: Iterable[Network]) -> MachineQuerySet:
        """Those whose server is inside one of the networks."""
        return self.filter(server__in=Server.objects.confined(networks).values("pk"))

    def matching(self, text: str, networks: Sequence[Network] = ()) -> MachineQuerySet:
        """The text of a search box, as for servers."""
        return self.filter(server__in=Server.objects.matching(text, networks).values("pk"))

    def expired(self) -> MachineQuerySet:
        """Those whose time to live has ended by the database's clock, the oldest first."""
        return self.filter(expires_at__lte=Now()).order_by("expires_at", "pk")

    def without_server(self) -> MachineQuerySet:
        """Those whose server was deleted by raw SQL with foreign keys off, as sqlite3 has them."""
        return self.filter(~Exists(Server.objects.filter(pk=OuterRef("server"))))


class MachineServiceQuerySet(QuerySet["MachineService"]):
    """Which machine has which service."""

    def left_behind(self) -> MachineServiceQuerySet:
        """Those whose machine was deleted by raw SQL."""
        return self.filter(machine=None)
