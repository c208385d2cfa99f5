"""The boot state of a server: its newest events, and the diagnosis made from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ipam.models import Server
from pxe.events.timeline import ANSWERED, Diagnosis, Expected, Step, diagnose
from pxe.models import BootEvent, BootImage

CONSIDERED = 40  # events


def events_of(server: Server) -> list[BootEvent]:
    """The newest events, newest first."""
    rows = BootEvent.objects.of(server).select_related("image__kernel", "image__answers")
    return list(rows[:CONSIDERED])


def diagnosis(events: Sequence[BootEvent], now: datetime) -> Diagnosis:
    """Diagnose events in the order of `events_of`."""
    steps = [Step(event.kind, event.at, event.detail, event.firmware) for event in reversed(events)]
    return diagnose(steps, expected(_last_image(events)), now)


def _last_image(events: Sequence[BootEvent]) -> BootImage | None:
    """The image of the newest response to /boot.ipxe, or the one that was chosen from its menu."""
    for event in events:
        if event.kind in (*ANSWERED, "chosen"):
            return event.image
    return None


def expected(image: BootImage | None) -> Expected:
    """What a machine with this image fetches from us."""
    if image is None:
        return Expected()
    has_answers = image.answers_id is not None
    if image.kind != BootImage.Kind.LINUX:
        return Expected(image.name, answers=has_answers)
    files = [image.kernel, *image.initrds]
    ours = tuple(file.name for file in files if file and not file.url)
    return Expected(image.name, ours, has_answers)
