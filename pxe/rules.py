"""The rules of boot images, menus, assignments and identities. Each raises ValidationError at the
field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import Clash, Reason
from pxe.boot import answers

if TYPE_CHECKING:
    from pxe.models import BootAnswers, BootAssignment, BootIdentity, BootImage, BootMenu


def check_image(image: BootImage) -> None:
    """An image has a kernel or a chain URL, depending on its kind."""
    image.cmdline = " ".join(image.cmdline.split())
    if (image.kind, image.kernel_id) == ("linux", None):
        raise ValidationError({"kernel": _("Choose the kernel that this image boots.")})
    if (image.kind, image.chain_url) == ("chain", ""):
        raise ValidationError({"chain_url": _("Enter the URL that this image chains to.")})


def check_answers(answer_file: BootAnswers) -> None:
    """An answer file uses known variables only, and has the form of its kind."""
    try:
        answers.check(answer_file.kind, answer_file.text)
    except ValidationError as error:
        raise ValidationError({"text": error.messages}) from error


def check_menu(menu: BootMenu) -> None:
    """Menus nest two levels deep: a submenu has no submenus and is not the default menu."""
    errors: dict[str, object] = {}
    if menu.parent_id:
        problem = _parent_problem(menu)
        if problem:
            errors["parent"] = problem
        if menu.is_default:
            errors["is_default"] = _("A submenu cannot be the default menu.")
    elif menu.is_default:
        other = type(menu).objects.filter(is_default=True).exclude(pk=menu.pk).first()
        if other:
            text = _("“%s” is the default menu. Clear its “default menu” box first.")
            errors["is_default"] = Clash(text % other)
    if errors:
        raise ValidationError(errors)


def _parent_problem(menu: BootMenu) -> str:
    """Why this menu cannot be a submenu of its parent."""
    assert menu.parent
    if menu.parent_id == menu.pk or menu.parent.parent_id:
        return _("A submenu cannot contain another menu.")
    if menu.pk and menu.submenus.exists():
        return _("This menu has submenus, so it cannot become one.")
    return ""


def check_assignment(assignment: BootAssignment) -> None:
    """A server has one open assignment of each mode; boot-once needs an enabled image."""
    if assignment.server_id is None:
        return
    if (assignment.mode, assignment.image_id) == ("once", None):
        raise ValidationError({"image": Reason(_("Choose the image to boot once."))})
    if not assignment.is_open:
        return
    if assignment.image and not assignment.image.enabled:
        text = _("“%s” is disabled.") % assignment.image
        raise ValidationError({"image": Reason(text, assignment.image)})
    _check_only_one(assignment)


def _check_only_one(assignment: BootAssignment) -> None:
    rows = type(assignment).objects.open().filter(server=assignment.server_id, mode=assignment.mode)
    other = rows.exclude(pk=assignment.pk).select_related("server", "image").first()
    if other is None:
        return
    text = _("%(server)s already boots “%(image)s” %(mode)s. Change or delete that assignment.")
    names = {
        "server": other.server,
        "image": other.image or _("local disk"),
        "mode": other.get_mode_display(),
    }
    raise ValidationError({"server": Clash(text % names, other)})


def check_identity(identity: BootIdentity) -> None:
    """A serial number belongs to one server."""
    if not identity.serial:
        return
    others = type(identity).objects.filter(serial=identity.serial).exclude(pk=identity.pk)
    other = others.select_related("server").first()
    if other:
        text = _("%s already has this serial number.")
        raise ValidationError({"serial": Clash(text % other.server, other.server)})
