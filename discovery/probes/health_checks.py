"""Health checks of discovery: this host may probe what it is to probe, and rounds are in time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.findings import BOUNDED, Finding, health_check, ok, warning
from discovery.models import DiscoveryRound, SubnetDiscovery
from discovery.probes import icmp

_LIST = "admin:discovery_subnetdiscovery_changelist"
LATE = timedelta(minutes=5)  # so long after it was due, a round should have begun or gone on
_PING_GROUP = 'sysctl -w net.ipv4.ping_group_range="%d %d"'


@health_check(
    gettext_noop("discovery"), "ledger", BOUNDED, summary="subnets are not probed as they should be"
)
def discovery() -> Iterator[Finding]:
    """Three queries, and an attempt to open a socket if something is to be probed here."""
    probed = SubnetDiscovery.objects.of_agent("")
    number = probed.count()
    if not number:
        return
    yield from _ping(probed.filter(ping=True).exists())
    yield from _arp()
    late = DiscoveryRound.objects.late(timezone.now() - LATE).count()
    if late:
        text = ngettext(
            "%d subnet is not probed in time.", "%d subnets are not probed in time.", late
        )
        hint = _("Is the worker, or the site's agent, running? Raise the rate or the interval.")
        yield warning(text % late, hint, view=_LIST)
        return
    text = ngettext("%d subnet is probed.", "%d subnets are probed.", number)
    yield ok(text % number)


def _ping(is_used: bool) -> Iterator[Finding]:
    reason = icmp.why_not() if is_used else ""
    if reason:
        group = os.getgid()
        yield warning(
            _("Subnets are to be pinged, and this user may not: %s.") % reason,
            _("Allow its group to, or give the worker CAP_NET_RAW."),
            _PING_GROUP % (group, group),
            view=_LIST,
        )


def _arp() -> Iterator[Finding]:
    path = settings.ARP_HELPER
    if path is not None and not os.access(path, os.W_OK):
        yield warning(
            _("ipmanager-arp does not listen at %s.") % path,
            _("Start it, or unset IPMANAGER_ARP_HELPER: then ping alone makes the kernel ask."),
            "systemctl start ipmanager-arp.socket",
        )
