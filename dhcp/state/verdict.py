"""What is said of one machine: a verdict, its reason, its remedy, and when it was seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dhcp.leases.lease_file import FOREVER
from ipam.models import Sighting

TOLD, LIVE, PENDING, BLOCKED, UNSERVED = "told", "live", "pending", "blocked", "unserved"
_LABELS = {
    TOLD: gettext_lazy("told"),
    LIVE: gettext_lazy("live"),
    PENDING: gettext_lazy("pending"),
    BLOCKED: gettext_lazy("blocked"),
    UNSERVED: gettext_lazy("not served"),
}


@dataclass(frozen=True, slots=True)
class MachineState:
    """The state of one card. `until`: when it changes by itself, at the latest. `seen_at`: when the
    network has shown it. `holder`: the MAC or DUID of the other machine that causes it."""

    kind: str
    reason: str
    until: datetime | None = None
    holder: str = ""
    lease_id: int | None = None  # the holder's lease
    remedy: str = ""
    url: str = ""  # the page where the remedy is done
    seen_at: datetime | None = None
    is_written: bool = False  # pending, because dnsmasq has not confirmed the files that have it

    @property
    def label(self) -> str:
        return str(_LABELS[self.kind])

    @property
    def good(self) -> bool:
        return self.kind in (TOLD, LIVE)

    @property
    def is_served(self) -> bool:
        """Whether the files have its line, and nothing stands in the way."""
        return self.good or self.is_written


def holder_name(lease: Sighting) -> str:
    """The MAC or DUID of a lease's holder, with the host name that it sent."""
    machine = lease.mac_address or lease.duid or _("an unknown machine")
    if lease.hostname:
        return f"{machine} ({lease.hostname})"
    return machine


def format_time(at: datetime) -> str:
    """A time in the reader's time zone, for the middle and the end of sentences. A lease without an
    end lasts until its holder releases it."""
    if at >= FOREVER:
        return _("it is released")
    return date_format(localtime(at), "Y-m-d H:i")
