"""Sightings for tests: who was seen where, how many seconds ago."""

from datetime import timedelta

from django.utils import timezone

from ipam.models import Sighting

A, B, C = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"


def saw(ip, mac=A, source="arp", ago=0, **more):
    """A sighting, new or again."""
    at = timezone.now() - timedelta(seconds=ago)
    if source == "lease":
        more.setdefault("leased_until", timezone.now() + timedelta(hours=1))
    row, _new = Sighting.objects.update_or_create(
        vrf=more.pop("vrf", None),
        ip_address=ip,
        mac_address=mac,
        source=source,
        defaults={"seen_at": at, **more},
    )
    return row
