"""Diagnose a boot: from what a machine has done to what is wrong with it. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

PATIENCE = timedelta(seconds=40)  # between one file and the next
INSTALLER = timedelta(minutes=3)  # from the last file to the answer file
ANSWERED = ("menu", "offer", "local")
UEFI = ("uefi", "arm64")
# The firmware that each loader runs on.
LOADERS = {
    "undionly.kpxe": ("bios",),
    "snponly.efi": UEFI,
    "ipxe.efi": UEFI,
    "snponly-arm64.efi": UEFI,
}


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a machine: `kind` as in BootEvent; `detail` names the file that was fetched."""

    kind: str
    at: datetime
    detail: str = ""
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a machine fetches to boot its image."""

    image: str = ""
    files: tuple[str, ...] = ()  # those that we serve ourselves
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One sentence, and whether all is well (None: it cannot be told yet)."""

    text: str
    good: bool | None = None


def diagnose(steps: Sequence[Step], expected: Expected, now: datetime) -> Diagnosis:
    """Diagnose a machine; `steps` are in the order in which they happened."""
    if not steps:
        return Diagnosis(
            _(
                "The machine has never asked what to boot. Does its firmware boot from the network "
                "first, and does DHCP name a boot file?"
            )
        )
    wrong = _wrong_loader(steps)
    if wrong:
        return Diagnosis(wrong, False)
    start = _last_answer(steps)
    if start is None:
        return _loader_only(steps[-1], now)
    return _since(steps[start:], expected, now)


def _last_answer(steps: Sequence[Step]) -> int | None:
    """The place of the last response to /boot.ipxe."""
    for place in reversed(range(len(steps))):
        if steps[place].kind in ANSWERED:
            return place
    return None


def _wrong_loader(steps: Sequence[Step]) -> str:
    """Whether the last loader does not fit the firmware that the machine has shown elsewhere."""
    last, firmware = steps[-1], _known_firmware(steps)
    runs_on = LOADERS.get(last.detail)
    if last.kind != "loader" or runs_on is None or firmware in ("", *runs_on):
        return ""
    if firmware == "bios":
        text = _("The UEFI loader %s was sent to a BIOS client, which cannot start it.")
    else:
        text = _(
            "The BIOS loader %s was sent to a UEFI client, which cannot start it. "
            "Does a scope name one boot file for all clients?"
        )
    return text % last.detail


def _known_firmware(steps: Sequence[Step]) -> str:
    for step in reversed(steps):
        if step.firmware:
            return step.firmware
    return ""


def _loader_only(last: Step, now: datetime) -> Diagnosis:
    if now - last.at < PATIENCE:
        return Diagnosis(_("The machine has fetched its loader."))
    text = _(
        "The machine fetched its loader, but has not asked for its menu for %s: "
        "can it reach the boot URL, and is its firmware allowed to start the loader (Secure Boot)?"
    )
    return Diagnosis(text % ago(now - last.at), False)


def _since(steps: Sequence[Step], expected: Expected, now: datetime) -> Diagnosis:
    """What the machine has done since the last response to /boot.ipxe, the first of these steps."""
    answer, last = steps[0], steps[-1]
    silence = now - last.at
    kinds = {step.kind for step in steps}
    if "done" in kinds:
        return Diagnosis(_("Installed: the system has called back."), True)
    if last.kind == "refused":
        return Diagnosis(_("The request was refused: %s.") % last.detail.rstrip("."), False)
    if kinds & {"failed", "missing"}:
        return Diagnosis(_not_started(steps, expected), False)
    if "answer" in kinds:
        text = _("The installer has fetched its answer file and has been working for %s.")
        return Diagnosis(text % ago(silence))
    if answer.kind == "local" or last.kind == "disk":
        return Diagnosis(_("The machine boots its own disk."), True)
    if "file" in kinds:
        fetched = {step.detail for step in steps if step.kind == "file"}
        return _fetching(fetched, expected, silence)
    return _nothing_fetched(answer, expected, silence)


def _not_started(steps: Sequence[Step], expected: Expected) -> str:
    """Why the image was not started: a file that we do not have, or the image itself."""
    for step in steps:
        if step.kind == "missing":
            text = _("The file %s is missing here: upload it, or correct the image.")
            return text % step.detail
    text = _(
        "The machine could not start “%s”, and boots its disk: is the kernel complete, and for its "
        "firmware and processor?"
    )
    failed = [step.detail for step in steps if step.kind == "failed"]
    return text % (failed[-1] or expected.image)


def _nothing_fetched(answer: Step, expected: Expected, silence: timedelta) -> Diagnosis:
    if answer.kind == "menu":
        text = _("The machine was shown its menu, and booted its disk or still waits.")
        return Diagnosis(answer.detail or text)
    if silence < PATIENCE or not expected.files:
        return Diagnosis(_("The machine was given “%s”.") % expected.image)
    text = _(
        "The machine was given “%(image)s” and has fetched nothing for %(ago)s: "
        "can it reach the boot files?"
    )
    return Diagnosis(text % {"image": expected.image, "ago": ago(silence)}, False)


def _fetching(fetched: set[str], expected: Expected, silence: timedelta) -> Diagnosis:
    missing = [name for name in expected.files if name not in fetched]
    if missing:
        if silence < PATIENCE:
            return Diagnosis(_("The machine is fetching its files."))
        return Diagnosis(_stuck(missing, expected, silence), False)
    if expected.answers and silence >= INSTALLER:
        text = _(
            "All files were fetched %s ago, but the installer has not fetched its answer file: "
            "does its kernel have a driver for the network card?"
        )
        return Diagnosis(text % ago(silence), False)
    text = _("The machine has fetched all files of “%s” and started it.")
    return Diagnosis(text % expected.image, True)


def _stuck(missing: list[str], expected: Expected, silence: timedelta) -> str:
    kernel, *others = expected.files
    text = _("Stuck for %(ago)s: %(next)s was never fetched.")
    if missing == others:
        text = _("Stuck after the kernel %(kernel)s for %(ago)s: %(next)s was never fetched.")
    return text % {"kernel": kernel, "ago": ago(silence), "next": missing[0]}


def ago(span: timedelta) -> str:
    """A duration in seconds, minutes or hours: `90 s`, `5 min`, `3 h`."""
    seconds = int(span.total_seconds())
    if seconds < 120:
        return _("%d s") % seconds
    if seconds < 7200:
        return _("%d min") % (seconds // 60)
    return _("%d h") % (seconds // 3600)
