"""Validate boot images: rows become records that a script may name.

Rows changed by raw SQL may hold anything; an image that is not valid is left out, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from pxe import names
from pxe.boot import ipxe
from pxe.boot.records import Image
from pxe.files import is_there
from pxe.models import BootFile, BootImage


def image(row: BootImage) -> Image:
    """The image as scripts name it. Raises ValueError with the reason when it is not valid."""
    label = ipxe.plain(row.name, f"image {row.pk}")
    if row.kind == BootImage.Kind.CHAIN:
        return Image(row.pk, label, row.arch, chain=_url(row.chain_url))
    if row.kernel is None:
        raise ValueError(_("The image has no kernel."))
    if not names.is_cmdline(row.cmdline):
        raise ValueError(_("The command line would be more than one command."))
    files = [initrd.file for initrd in row.initrd_rows.all()]
    for file in (row.kernel, *files):
        _check_content(file)
    return Image(
        row.pk,
        label,
        row.arch,
        kernel=file_url(row.kernel),
        initrds=tuple(_named(files)),
        arguments=tuple(row.cmdline.split()),
    )


def images(rows: Iterable[BootImage]) -> list[Image]:
    """The valid ones."""
    valid = []
    for row in rows:
        try:
            valid.append(image(row))
        except ValueError:
            continue
    return valid


def problem(row: BootImage) -> str:
    """Why no script can name this image; empty when the image is valid."""
    try:
        image(row)
    except ValueError as error:
        return str(error)
    return ""


def _named(files: list[BootFile]) -> Iterator[tuple[str, str]]:
    """Each initrd with the name by which the kernel finds it, and its URL.

    The name is the last part of the file's name if that is unique. Windows' loader needs the
    original names."""
    base_names = [file.name.rpartition("/")[2] for file in files]
    for number, file in enumerate(files, 1):
        name = base_names[number - 1]
        if not names.is_file_name(name) or base_names.count(name) > 1:
            name = f"initrd{number}.img"
        yield name, file_url(file)


def file_url(file: BootFile) -> str:
    """Where a machine fetches the file. Raises ValueError.

    Our own files get a path, which iPXE resolves against the URL of the script."""
    if file.url:
        return _url(file.url)
    if not names.is_file_name(file.name):
        raise ValueError(_("“%s” is not a valid name of a boot file.") % file.name[:60])
    return reverse("boot_file", args=[file.name])


def _check_content(file: BootFile) -> None:
    """Raises ValueError for a file of ours that is not on our disk."""
    if file.url or is_there(file.name):
        return
    text = _("The file %s is missing here: upload it, or copy it to its place.")
    raise ValueError(text % file.name[:60])


def _url(text: str) -> str:
    if not names.is_url(text):
        raise ValueError(_("“%s” is not a URL that iPXE accepts.") % text[:60])
    return text
