"""From what a machine has done to what is wrong with it, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

PATIENCE = timedelta(seconds=40)  # between one file and the next
INSTALLER = timedelta(minutes=3)  # from the last file to the first question
ANSWERED = ("menu", "offer", "local")
BIOS_LOADERS, UEFI_LOADERS = ("undionly.kpxe",), ("snponly.efi", "ipxe.efi", "snponly-arm64.efi")


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a machine: `kind` as in BootEvent; `detail` is a file's name where one was
    fetched."""

    kind: str
    at: datetime
    detail: str = ""
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the image at hand would have the machine do."""

    image: str = ""
    files: tuple[str, ...] = ()  # those that we serve
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One sentence, and whether it is good news (None: neither)."""

    text: str
    good: bool | None = None


def diagnose(steps: Sequence[Step], expected: Expected, now: datetime) -> Diagnosis:
    """Where the machine stands; `steps` in the order in which they happened."""
    if not steps:
        return Diagnosis(
            _(
                "It has never asked what to boot. Does its firmware boot from the network first, "
                "and does DHCP name a boot file?"
            )
        )
    if wrong := _wrong_loader(steps):
        return Diagnosis(wrong, False)
    start = max((number for number, step in enumerate(steps) if step.kind in ANSWERED), default=-1)
    if start < 0:
        return _loader_only(steps[-1], now)
    return _since(steps[start], steps[start + 1 :], expected, now)


def _wrong_loader(steps: Sequence[Step]) -> str:
    """The last loader does not fit the firmware that the machine has shown elsewhere."""
    last = steps[-1]
    if last.kind != "loader":
        return ""
    known = last.firmware or next((step.firmware for step in reversed(steps) if step.firmware), "")
    if last.detail in BIOS_LOADERS and known in ("uefi", "arm64"):
        return (
            _(
                "The BIOS loader %s was sent to a UEFI client: it cannot start it. "
                "Does a scope name one boot file for all?"
            )
            % last.detail
        )
    if last.detail in UEFI_LOADERS and known == "bios":
        return _("The UEFI loader %s was sent to a BIOS client: it cannot start it.") % last.detail
    return ""


def _loader_only(last: Step, now: datetime) -> Diagnosis:
    if now - last.at < PATIENCE:
        return Diagnosis(_("It has fetched its loader."))
    text = _(
        "It fetched its loader and has not asked for its menu for %s: "
        "can it reach the boot URL, and is its firmware allowed to start the loader (Secure Boot)?"
    )
    return Diagnosis(text % ago(now - last.at), False)


def _since(answer: Step, steps: Sequence[Step], expected: Expected, now: datetime) -> Diagnosis:
    """What it did since it was told what to boot."""
    last, silence = (steps or [answer])[-1], now - (steps or [answer])[-1].at
    kinds = {step.kind for step in steps}
    fetched = {step.detail for step in steps if step.kind == "file"}
    if "done" in kinds:
        return Diagnosis(_("Installed: the system has called back."), True)
    if last.kind == "refused":
        return Diagnosis(_("It was refused: %s.") % last.detail.rstrip("."), False)
    if "answer" in kinds:
        return Diagnosis(
            _("The installer has its answers and has been at work for %s.") % ago(silence)
        )
    if answer.kind == "local":
        return Diagnosis(_("It boots its own disk."), True)
    if fetched:
        return _fetching(fetched, expected, silence)
    if answer.kind == "menu":
        return Diagnosis(
            answer.detail or _("It was shown its menu and took its disk, or still waits.")
        )
    if silence < PATIENCE or not expected.files:
        return Diagnosis(_("It was given “%s”.") % expected.image)
    text = _(
        "It was given “%(image)s” and has fetched nothing for %(ago)s: can it reach the boot files?"
    )
    return Diagnosis(text % {"image": expected.image, "ago": ago(silence)}, False)


def _fetching(fetched: set[str], expected: Expected, silence: timedelta) -> Diagnosis:
    missing = [name for name in expected.files if name not in fetched]
    if missing and silence >= PATIENCE:
        kernel = expected.files[0]
        if missing == list(expected.files[1:]):
            return Diagnosis(
                _("Stuck after the kernel %(kernel)s for %(ago)s: %(next)s was never fetched.")
                % {"kernel": kernel, "ago": ago(silence), "next": missing[0]},
                False,
            )
        return Diagnosis(
            _("Stuck for %(ago)s: %(next)s was never fetched.")
            % {"next": missing[0], "ago": ago(silence)},
            False,
        )
    if missing:
        return Diagnosis(_("It is fetching its files."))
    if expected.answers and silence >= INSTALLER:
        text = _(
            "All files were fetched %s ago, but the installer has not asked for its answers: "
            "has its kernel a driver for the network card?"
        )
        return Diagnosis(text % ago(silence), False)
    return Diagnosis(_("It has fetched all files of “%s” and started it.") % expected.image, True)


def ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:
        return _("%d s") % seconds
    return _("%d min") % (seconds // 60) if seconds < 7200 else _("%d h") % (seconds // 3600)
