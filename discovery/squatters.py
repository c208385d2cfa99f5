"""Squatters: free addresses at which somebody answers. They go into quarantine, and come back when
they have been silent for long enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.translation import gettext_noop

from discovery.models import Squatter
from ipam.addresses import Address
from ipam.models import IPAddress, Sighting
from ipam.placement import address_rows
from ipam.querysets import IPAddressQuerySet, lock_ledger, used_by_others

MOST = 500  # addresses at once; the others follow at the next round
REASON = gettext_noop("Somebody answers at this address.")


def quarantine(answered: Sequence[Address] | None = None) -> int:
    """Quarantine free addresses of static pools that have answered lately, of these or of all;
    return how many."""
    squatted = _squatted()
    if answered is not None:
        squatted = squatted.filter(ip_address__in=answered[:MOST])
    if not settings.SKIP_ANSWERED or answered == [] or not squatted.exists():
        return 0
    with transaction.atomic():
        lock_ledger()
        rows = list(squatted.select_for_update(of=("self",), skip_locked=True)[:MOST])
        for row in rows:
            row.status = "quarantine"
            row.description = f"{REASON} {row.description}".strip()
        address_rows.update(rows, ["status", "description"])
        until = timezone.now() + timedelta(seconds=settings.QUARANTINE_SQUATTERS)
        Squatter.objects.bulk_create(
            [Squatter(address=row, expires_at=until) for row in rows],
            update_conflicts=True,
            unique_fields=["address"],
            update_fields=["expires_at"],
        )
    return len(rows)


def release() -> int:
    """Free those whose quarantine has ended, unless they still answer; return how many. Where
    somebody has written another reason, the quarantine is theirs, and stays."""
    now = timezone.now()
    ended = list(
        Squatter.objects.filter(expires_at__lte=now).values_list("address_id", flat=True)[:MOST]
    )
    if not ended:
        return 0
    with transaction.atomic():
        lock_ledger()
        ours = Q(status="quarantine", description__startswith=REASON)
        rows = IPAddress.objects.filter(pk__in=ended).annotate(answers=Exists(_answers()))
        waiting = list(rows.filter(ours).select_for_update(of=("self",)))
        silent = [row for row in waiting if not row.answers]
        loud = [row.pk for row in waiting if row.answers]
        for row in silent:
            address_rows.clear(row)
        address_rows.update(silent)
        kept = Squatter.objects.filter(address__in=loud)
        kept.update(expires_at=now + timedelta(seconds=settings.QUARANTINE_SQUATTERS))
        Squatter.objects.filter(address__in=ended).exclude(address__in=loud).delete()
    return len(silent)


def _squatted() -> IPAddressQuerySet:
    free = IPAddress.objects.filter(status="available", ip_type="static")
    return free.filter(Exists(_answers())).order_by("pk")


def _answers() -> QuerySet[Sighting]:
    """Answers at the address of an outer row."""
    here = Q(vrf=OuterRef("vrf")) | Q(IsNull(OuterRef("vrf"), True), vrf=None)
    return Sighting.objects.filter(
        used_by_others(), here, ip_address=OuterRef("ip_address"), source__in=Sighting.ANSWERS
    )
