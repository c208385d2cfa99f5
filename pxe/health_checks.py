"""Health checks of network boot."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.findings import BOUNDED, Finding, health_check, warning
from pxe.boot import validate
from pxe.models import BootImage

MOST = 200  # images: more are checked when a machine asks for its menu


@health_check(gettext_noop("boot images"), "boot", BOUNDED)
def images() -> Iterator[Finding]:
    """Every enabled image can be booted. Two queries."""
    for image in BootImage.objects.bootable()[:MOST]:
        if problem := validate.problem(image):
            text = _("The boot image “%(image)s” is left out of menus: %(problem)s")
            hint = _("Mend the image, or disable it.")
            facts = {"image": image, "problem": problem}
            yield warning(text % facts, hint, view="admin:pxe_bootimage_changelist")
