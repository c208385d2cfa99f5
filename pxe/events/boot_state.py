"""Where each server stands with booting: its events as a timeline, and the diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ipam.models import Server
from pxe.events.timeline import Diagnosis, Expected, Step, diagnose
from pxe.models import BootEvent, BootImage

LOOKED_AT = 40  # events


def events_of(server: Server) -> list[BootEvent]:
    """The newest, newest first."""
    return list(
        BootEvent.objects.of(server).select_related("image__kernel", "image__answers")[:LOOKED_AT]
    )


def diagnosis(events: Sequence[BootEvent], now: datetime) -> Diagnosis:
    """Of events as `events_of` returns them."""
    steps = [Step(event.kind, event.at, event.detail, event.firmware) for event in reversed(events)]
    told = next((event for event in events if event.kind in ("offer", "menu", "local")), None)
    return diagnose(steps, expected(told.image if told else None), now)


def expected(image: BootImage | None) -> Expected:
    if image is None:
        return Expected()
    files = [image.kernel, *image.initrds] if image.kind == BootImage.Kind.LINUX else []
    ours = tuple(file.name for file in files if file and not file.url)
    return Expected(image.name, ours, image.answers_id is not None)
