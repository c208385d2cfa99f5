"""Conflicts, unknown devices and foreign DHCP servers as metrics for Prometheus. Three queries."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily, Metric

from discovery.conflicts.models import Conflict
from discovery.inbox.models import UnknownDevice
from discovery.rogue.models import RogueServer


def collect() -> Iterator[Metric]:
    """How many there are now; what was muted, ignored or allowed is not counted."""
    found = GaugeMetricFamily(
        "ipmanager_conflicts",
        "Conflicts between network and ledger that nobody has muted.",
        labels=["kind"],
    )
    tally = Conflict.objects.tally()
    for kind in Conflict.Kind.values:
        found.add_metric([kind], tally.get((kind, Conflict.State.OPEN), 0))
    yield found
    devices = GaugeMetricFamily(
        "ipmanager_unknown_devices",
        "Devices that were seen and that no card of the ledger has.",
        labels=["state"],
    )
    counted = UnknownDevice.objects.order_by().values_list("state").annotate(n=Count("pk"))
    numbers: dict[str, int] = dict(counted)
    for state in ("new", "ignored"):
        devices.add_metric([state], numbers.get(state, 0))
    yield devices
    servers = GaugeMetricFamily(
        "ipmanager_rogue_dhcp_servers",
        "DHCP servers that answer and that nobody has allowed.",
        labels=["place"],
    )
    rogue = RogueServer.objects.rogue().order_by().values_list("place").annotate(n=Count("pk"))
    for place, number in rogue:
        servers.add_metric([place], number)
    yield servers
