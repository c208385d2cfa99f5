"""iPXE's loaders: from Debian's package into the directory that TFTP and HTTP serve."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import NotFound
from core.files import replace

DEBIAN = Path("/usr/lib/ipxe")
REQUIRED = ("undionly.kpxe", "snponly.efi", "ipxe.efi")
OPTIONAL = ("snponly-arm64.efi",)  # Debian builds none
NAMES = frozenset((*REQUIRED, *OPTIONAL))


def publish(source: Path = DEBIAN) -> list[Path]:
    """Copy them; each appears whole or not at all. Those that are there already with the same
    content stay."""
    missing = [name for name in REQUIRED if not (source / name).is_file()]
    if missing:
        text = _("There is no %(names)s in %(source)s.") % {
            "names": ", ".join(missing),
            "source": source,
        }
        raise NotFound(text, _("Install Debian's package ipxe, or name its directory by --from."))
    settings.TFTP_ROOT.mkdir(parents=True, exist_ok=True)
    found = [name for name in (*REQUIRED, *OPTIONAL) if (source / name).is_file()]
    return [target for name in found if (target := _publish(source / name))]


def _publish(file: Path) -> Path | None:
    target, data = settings.TFTP_ROOT / file.name, file.read_bytes()
    if target.is_file() and target.read_bytes() == data:
        return None
    replace(target, data)
    return target
