"""Rows become records that a script may name; what raw SQL has spoilt is left out with its
reason."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from pxe import names
from pxe.boot import ipxe
from pxe.boot.records import Image
from pxe.models import BootFile, BootImage


def image(row: BootImage) -> Image:
    """The image as scripts name it. Raises ValueError with the reason why none may."""
    label = ipxe.plain(row.name, f"image {row.pk}")
    if row.kind == BootImage.Kind.CHAIN:
        return Image(row.pk, label, row.arch, chain=_url(row.chain_url))
    if row.kernel is None:
        raise ValueError(_("It has no kernel."))
    if not names.is_cmdline(row.cmdline):
        raise ValueError(_("Its command line would be more than one command."))
    files = [initrd.file for initrd in row.initrd_rows.all()]
    return Image(
        row.pk, label, row.arch, place(row.kernel), tuple(_named(files)), tuple(row.cmdline.split())
    )


def images(rows: list[BootImage]) -> list[Image]:
    """Those that can be named."""
    return [image(row) for row in rows if not complaint(row)]


def complaint(row: BootImage) -> str:
    """Why no script names this image; empty when it can."""
    try:
        image(row)
    except ValueError as error:
        return str(error)
    return ""


def _named(files: list[BootFile]) -> Iterator[tuple[str, str]]:
    """Each file with the name that the kernel finds it by: the last part of its own, if that is its
    alone. Windows' loader wants the names as they are."""
    own = [file.name.rpartition("/")[2] for file in files]
    for number, (name, file) in enumerate(zip(own, files, strict=True), 1):
        alone = names.is_file_name(name) and own.count(name) == 1
        yield (name if alone else f"initrd{number}.img"), place(file)


def place(file: BootFile) -> str:
    """Where a machine fetches it: from us by a path, which iPXE reads as beside the script, or from
    elsewhere."""
    if file.url:
        return _url(file.url)
    if not names.is_file_name(file.name):
        raise ValueError(_("“%s” is no name of a boot file.") % file.name[:60])
    return reverse("boot_file", args=[file.name])


def _url(text: str) -> str:
    if not names.is_url(text):
        raise ValueError(_("“%s” is no URL that iPXE would take for one.") % text[:60])
    return text
