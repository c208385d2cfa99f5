"""Publish iPXE's boot loaders: from Debian's package to the directory that TFTP and HTTP serve."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import NotFound
from core.files import replace

DEBIAN = Path("/usr/lib/ipxe")
REQUIRED = ("undionly.kpxe", "snponly.efi", "ipxe.efi")
OPTIONAL = ("snponly-arm64.efi",)  # not in Debian's package
NAMES = frozenset((*REQUIRED, *OPTIONAL))


def publish(source: Path = DEBIAN) -> list[Path]:
    """Copy the loaders that are new or have changed, each in one step; returns their paths.

    Raises NotFound when the source lacks a required one."""
    missing = [name for name in REQUIRED if not (source / name).is_file()]
    if missing:
        text = _("There is no %(names)s in %(source)s.")
        raise NotFound(
            text % {"names": ", ".join(missing), "source": source},
            _("Install Debian's package ipxe, or name its directory with --from."),
        )
    settings.TFTP_ROOT.mkdir(parents=True, exist_ok=True)
    published = []
    for name in (*REQUIRED, *OPTIONAL):
        file, target = source / name, settings.TFTP_ROOT / name
        if file.is_file() and _differs(target, file.read_bytes()):
            replace(target, file.read_bytes())
            published.append(target)
    return published


def _differs(target: Path, data: bytes) -> bool:
    return not target.is_file() or target.read_bytes() != data
