"""Decide what a machine boots: its assignment, its menu, or its local disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from ipam.models import Server
from pxe.boot import answers, boot_once, permits, validate
from pxe.boot.identify import Identification
from pxe.boot.records import BootClient, Image, Menu, Plan
from pxe.models import BootAnswers, BootAssignment, BootImage, BootMenu

TITLE = "IPManager PXE Boot Menu"
BUILT_IN = BootMenu(pk=0, name=TITLE, title=TITLE)
SHORTEST = 5  # seconds; the timeout of a menu that must not wait for ever


@dataclass(frozen=True, slots=True)
class Decision:
    """The plan, the assignment behind it, and the assignments that ended because of this
    request."""

    plan: Plan
    assignment: BootAssignment | None = None
    ended: tuple[BootAssignment, ...] = ()


def decide(client: BootClient, identified: Identification, now: datetime) -> Decision:
    """Decide, count the attempt, and end what is over. Call it inside a transaction."""
    if identified.server is None:
        return Decision(Plan(menu=_menu(None, client), why=identified.problem))
    ended: list[BootAssignment] = []
    obstacles: list[str] = []
    for assignment in _locked(identified):
        final_state = boot_once.final_state(assignment, now)
        if final_state:
            boot_once.end(assignment, final_state, now)
            ended.append(assignment)
            continue
        obstacle = _obstacle(assignment.image, client)
        if not identified.confirmed and boot_once.is_over_at(assignment, client.source, now):
            obstacle = _("Offered often enough at this address, which is not known as its own.")
        if obstacle:
            obstacles.append(obstacle)
            continue
        plan = _offer(identified, assignment, client, now)
        return Decision(plan, assignment, tuple(ended))
    plan = _without_assignment(identified, client, obstacles, ended)
    return Decision(plan, None, tuple(ended))


def _locked(identified: Identification) -> Iterable[BootAssignment]:
    """The server's open assignments, locked until the transaction ends."""
    if not identified.is_assigned:
        return ()
    assert identified.server
    return BootAssignment.objects.of(identified.server).select_for_update(of=("self",))


def _offer(
    identified: Identification, assignment: BootAssignment, client: BootClient, now: datetime
) -> Plan:
    """Count the attempt and plan the assigned image; without an image, the local disk. An address
    that is not known as the server's does not count."""
    assert identified.server
    if assignment.image is None:
        return Plan(greeting=_greeting(identified, "its local disk"))
    if identified.confirmed:
        boot_once.offer(assignment, now)
    image, why = validate.image(assignment.image), boot_once.reason(assignment)
    answer_file = assignment.image.answers
    if answer_file and not identified.confirmed:
        why = _("%s Without its answer file: the source address is not confirmed.") % why
    elif answer_file:
        image = _with_answers(image, answer_file, _permit_url(assignment, client, now))
    return Plan(image=image, greeting=_greeting(identified, image.label), why=why)


def _permit_url(assignment: BootAssignment, client: BootClient, now: datetime) -> str:
    """The URL of the answer files for this attempt."""
    assert client.source
    secret = permits.issue(assignment, client.source, now)
    return f"{client.base}{reverse('boot_answers', args=[secret])}"


def _with_answers(image: Image, answer_file: BootAnswers, url: str) -> Image:
    if answer_file.kind == BootAnswers.Kind.UNATTEND:
        return replace(image, initrds=(*image.initrds, ("unattend.xml", f"{url}unattend.xml")))
    arguments = answers.KINDS[answer_file.kind].arguments(url)
    return replace(image, arguments=(*image.arguments, *arguments))


def _without_assignment(
    identified: Identification,
    client: BootClient,
    obstacles: list[str],
    ended: list[BootAssignment],
) -> Plan:
    """A menu.

    Once a server has been installed, or its installation has failed, its menu ends at its disk:
    never at another installation because nobody pressed a key."""
    menu = _menu(identified.server, client)
    if any((obstacles, ended, identified.was_installed)):
        menu = replace(menu, default=None, timeout=menu.timeout or SHORTEST)
    return Plan(menu=menu, why=" ".join(obstacles))


def _obstacle(image: BootImage | None, client: BootClient) -> str:
    """Why the machine cannot boot the assigned image; empty when it can."""
    if image is None:
        return ""
    if not image.enabled:
        return _("“%s” is disabled.") % image
    problem = validate.problem(image)
    if problem:
        return f"“{image}”: {problem}"
    if validate.image(image).fits(client.firmware):
        return ""
    facts = {
        "image": image,
        "arch": image.get_arch_display(),
        "firmware": client.firmware.upper(),
    }
    return _("“%(image)s” is for %(arch)s, but the machine booted by %(firmware)s.") % facts


def _greeting(identified: Identification, what: str) -> str:
    """Names the server only at an address that is known as its own."""
    if not identified.confirmed or not identified.server:
        return "IPManager: booting as assigned"
    return f"IPManager: {identified.server.hostname} boots {what}"


def _menu(server: Server | None, client: BootClient) -> Menu:
    """The menu with the images that fit the machine. A fixed number of queries."""
    shown, *below = BootMenu.objects.of(server, client.source) or [BUILT_IN]
    chosen = BootMenu.objects.choices([shown, *below])
    images = validate.images(BootImage.objects.bootable())
    fitting = [image for image in images if image.fits(client.firmware)]
    submenus = tuple(_record(menu, fitting, chosen) for menu in below)
    return replace(_record(shown, fitting, chosen), submenus=submenus)


def _record(row: BootMenu, images: list[Image], chosen: dict[int, set[int]]) -> Menu:
    if not row.all_images:
        images = [image for image in images if image.id in chosen[row.pk]]
    return Menu(
        row.pk,
        row.title,
        tuple(images),
        default=row.default_image_id,
        timeout=row.timeout,
        shell=row.shell,
    )
