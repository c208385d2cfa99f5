"""What is due for a machine: its assignment, its menu, or its local disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from ipam.models import Server
from pxe.boot import answers, boot_once, permits, validate
from pxe.boot.identify import Found
from pxe.boot.records import Asker, Image, Menu, Plan
from pxe.models import BootAnswers, BootAssignment, BootImage, BootMenu

TITLE = "IPManager PXE Boot Menu"
BUILT_IN = BootMenu(pk=0, name=TITLE, title=TITLE)
SHORTEST = 5  # seconds of a menu that must not wait for ever


@dataclass(frozen=True, slots=True)
class Due:
    """The plan, the assignment behind it, and the assignments that ended because of this
    question."""

    plan: Plan
    assignment: BootAssignment | None = None
    ended: tuple[BootAssignment, ...] = ()


def due(asker: Asker, found: Found, now: datetime) -> Due:
    """Decide, count the attempt, end what is over. Inside a transaction."""
    if found.server is None:
        return Due(Plan(menu=_menu(None, asker), why=found.complaint))
    ended: list[BootAssignment] = []
    why: list[str] = []
    for assignment in _locked(found):
        if over := boot_once.verdict(assignment, now):
            boot_once.end(assignment, over, now)
            ended.append(assignment)
        elif assignment.image is None:
            return Due(
                Plan(greeting=_greeting(found.server, "its local disk")), assignment, tuple(ended)
            )
        elif hindrance := _hindrance(assignment.image, asker):
            why.append(hindrance)
        else:
            boot_once.offer(assignment, now)
            return Due(_assigned(found, assignment, asker, now), assignment, tuple(ended))
    return Due(_unassigned(found, asker, why, bool(ended)), None, tuple(ended))


def _locked(found: Found) -> Iterable[BootAssignment]:
    """The open assignments, ours until the transaction ends."""
    if not (found.server and found.is_assigned):
        return ()
    return BootAssignment.objects.of(found.server).select_for_update(of=("self",))


def _assigned(found: Found, assignment: BootAssignment, asker: Asker, now: datetime) -> Plan:
    assert assignment.image and found.server
    image, why = validate.image(assignment.image), boot_once.reason(assignment)
    if given := assignment.image.answers:
        if found.confirmed and asker.source:
            image = _with_answers(image, given, _permit(assignment, asker, now))
        else:
            why = (
                _(
                    "%s Without its answer file: the address that it speaks from is not known to be its own."
                )
                % why
            )
    return Plan(image=image, greeting=_greeting(found.server, image.label), why=why)


def _permit(assignment: BootAssignment, asker: Asker, now: datetime) -> str:
    """Where the answer files are, for this attempt."""
    assert asker.source
    return f"{asker.base}{reverse('boot_answers', args=[permits.issue(assignment, asker.source, now)])}"


def _with_answers(image: Image, given: BootAnswers, url: str) -> Image:
    if given.kind == BootAnswers.Kind.UNATTEND:
        return replace(image, initrds=(*image.initrds, ("unattend.xml", f"{url}unattend.xml")))
    return replace(image, arguments=(*image.arguments, *answers.KINDS[given.kind].arguments(url)))


def _unassigned(found: Found, asker: Asker, why: list[str], ended: bool) -> Plan:
    """A menu. Once a server has been installed, or has failed to be, its menu ends at its disk:
    never at another installation because nobody pressed a key."""
    menu = _menu(found.server, asker)
    if why or ended or found.was_installed:
        menu = replace(menu, default=None, timeout=menu.timeout or SHORTEST)
    return Plan(menu=menu, why=" ".join(why))


def _hindrance(image: BootImage, asker: Asker) -> str:
    """Why a machine cannot have the image that it should have."""
    if not image.enabled:
        return _("“%s” is disabled.") % image
    if complaint := validate.complaint(image):
        return f"“{image}”: {complaint}"
    if not validate.image(image).fits(asker.firmware):
        facts = {
            "image": image,
            "arch": image.get_arch_display(),
            "firmware": asker.firmware.upper(),
        }
        return _("“%(image)s” is for %(arch)s, but the machine booted by %(firmware)s.") % facts
    return ""


def _greeting(server: Server, what: str) -> str:
    return f"IPManager: {server.hostname} boots {what}"


def _menu(server: Server | None, asker: Asker) -> Menu:
    """The menu with the images that can run there. A fixed number of queries."""
    shown, *below = BootMenu.objects.of(server, asker.source) or [BUILT_IN]
    chosen = BootMenu.objects.choices([shown, *below])
    fitting = [
        image
        for image in validate.images(list(BootImage.objects.bootable()))
        if image.fits(asker.firmware)
    ]
    submenus = tuple(_record(menu, fitting, chosen) for menu in below)
    return replace(_record(shown, fitting, chosen), submenus=submenus)


def _record(row: BootMenu, images: list[Image], chosen: dict[int, set[int]]) -> Menu:
    here = images if row.all_images else [image for image in images if image.id in chosen[row.pk]]
    return Menu(row.pk, row.title, tuple(here), (), row.default_image_id, row.timeout, row.shell)
