"""What an image, a menu or an assignment may not be, said at the field. All raise
ValidationError."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import Clash
from pxe.boot import answers

if TYPE_CHECKING:
    from pxe.models import BootAnswers, BootAssignment, BootIdentity, BootImage, BootMenu


def check_image(image: BootImage) -> None:
    """A kernel or a URL, as its kind says."""
    image.cmdline = " ".join(image.cmdline.split())
    if image.kind == "linux" and image.kernel_id is None:
        raise ValidationError({"kernel": _("An image that boots a kernel names the kernel.")})
    if image.kind == "chain" and not image.chain_url:
        raise ValidationError({"chain_url": _("An image that chains names the URL.")})


def check_answers(given: BootAnswers) -> None:
    """Known variables, and the looks of the format."""
    try:
        answers.check(given.kind, given.text)
    except ValidationError as error:
        raise ValidationError({"text": error.messages}) from error


def check_menu(menu: BootMenu) -> None:
    """Menus stand two deep: what has a parent is nobody's parent, and is no machine's first
    menu."""
    errors = {}
    if menu.parent_id:
        if menu.parent_id == menu.pk or menu.parent.parent_id:  # type: ignore[union-attr]
            errors["parent"] = _("A submenu cannot contain another menu.")
        elif menu.pk and menu.submenus.exists():
            errors["parent"] = _("This menu has submenus; it cannot become one.")
        if menu.is_default:
            errors["is_default"] = _("A submenu cannot be the default menu.")
    elif menu.is_default and (
        other := type(menu).objects.filter(is_default=True).exclude(pk=menu.pk).first()
    ):
        errors["is_default"] = Clash(_("“%s” is the default menu; untick it there first.") % other)
    if errors:
        raise ValidationError(errors)


def check_assignment(assignment: BootAssignment) -> None:
    """One of each mode for a server; once means an image."""
    if assignment.server_id is None:
        return
    if assignment.mode == "once" and assignment.image_id is None:
        raise ValidationError({"image": _("Choose the image to boot once.")})
    if assignment.image and assignment.is_open and not assignment.image.enabled:
        raise ValidationError({"image": _("“%s” is disabled.") % assignment.image})
    if assignment.is_open and (other := _twin(assignment)):
        text = _("%(server)s boots “%(image)s” %(mode)s already; change or delete that assignment.")
        names = {
            "server": other.server,
            "image": other.image or _("local disk"),
            "mode": other.get_mode_display(),
        }
        raise ValidationError({"server": Clash(text % names)})


def _twin(assignment: BootAssignment) -> BootAssignment | None:
    rows = type(assignment).objects.open().filter(server=assignment.server_id, mode=assignment.mode)
    return rows.exclude(pk=assignment.pk).select_related("server", "image").first()


def check_identity(identity: BootIdentity) -> None:
    """No two servers are called the same."""
    others = (
        type(identity)
        .objects.filter(serial=identity.serial)
        .exclude(pk=identity.pk)
        .select_related("server")
    )
    if identity.serial and (other := others.first()):
        raise ValidationError({"serial": Clash(_("%s has this serial number.") % other.server)})
