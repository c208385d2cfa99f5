"""Answer files of unattended installations: texts with @@variables@@ from a closed list.

There is no template language. Every value consists of characters without a special meaning in any
of the formats (shell, YAML, XML, debconf), so no value needs escaping; any other is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.parsers import expat

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LONGEST = 64 * 1024
_VARIABLE = re.compile(r"@@(.{0,60}?)@@", re.DOTALL)
_NAME = r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?"
_ADDRESS = r"[0-9a-f.:]+"
PASSWORD_HASH = r"\$(1|5|6|2[aby]|y|gy|7)\$[./A-Za-z0-9$=,]{8,200}"
SSH_KEY = (
    r"(ssh-|ecdsa-|sk-)[a-z0-9@.-]{3,60} [A-Za-z0-9+/]{40,1200}={0,3}( [A-Za-z0-9@._-]{1,80})?"
)
# Each variable with the pattern of its values. An empty value is always allowed.
VARIABLES: dict[str, str] = {
    "hostname": _NAME,
    "fqdn": _NAME,
    "domain": _NAME,
    "ip": _ADDRESS,
    "netmask": _ADDRESS,
    "prefix": r"[0-9]{1,3}",
    "gateway": _ADDRESS,
    "dns": rf"{_ADDRESS}( {_ADDRESS})*",
    "mac": r"[0-9a-f]{2}(:[0-9a-f]{2}){5}",
    "password_hash": PASSWORD_HASH,
    "ssh_key": SSH_KEY,
    "callback": r"http://[A-Za-z0-9.:/_\[\]-]+",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A format: the files that its installer fetches, and the kernel arguments that name their
    URL."""

    files: tuple[str, ...]
    arguments: Callable[[str], tuple[str, ...]]


KINDS: dict[str, Kind] = {
    # debian-installer: Appendix B of its manual
    "preseed": Kind(
        ("preseed.cfg",), lambda url: ("auto=true", "priority=critical", f"url={url}preseed.cfg")
    ),
    # Anaconda: its boot options
    "kickstart": Kind(("ks.cfg",), lambda url: (f"inst.ks={url}ks.cfg",)),
    # cloud-init's data source NoCloud, by its older name, which every version understands
    "cloud-init": Kind(
        ("user-data", "meta-data", "vendor-data"), lambda url: (f"ds=nocloud-net;s={url}",)
    ),
    # Windows Setup finds it beside wimboot's other files
    "unattend": Kind(("unattend.xml",), lambda url: ()),
}


def check(kind: str, text: str) -> None:
    """Raise ValidationError for an unknown variable or a text that no installer would read."""
    for name in _VARIABLE.findall(text):
        if name not in VARIABLES:
            known = "@@, @@".join(VARIABLES)
            message = _("Unknown variable @@%(name)s@@. Known are: @@%(known)s@@.")
            raise ValidationError(message % {"name": name[:60], "known": known})
    if kind == "cloud-init" and not text.startswith("#cloud-config"):
        raise ValidationError(_("User data for cloud-init must start with #cloud-config."))
    if kind == "unattend":
        _check_xml(text)


def fill(text: str, values: dict[str, str]) -> str:
    """Fill in the variables. Raises ValueError for a value with unsafe characters."""
    return _VARIABLE.sub(lambda found: _value(found[1], values), text)


def _value(name: str, values: dict[str, str]) -> str:
    value = values.get(name, "")
    if name in VARIABLES and re.fullmatch(f"({VARIABLES[name]})?", value):
        return value
    raise ValueError(f"@@{name}@@ has no value that can stand in an answer file")


def _check_xml(text: str) -> None:
    parser = expat.ParserCreate()

    def refuse(*_declaration: object) -> None:
        raise ValidationError(_("Remove the document type and entity declarations."))

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(_VARIABLE.sub("x", text).encode(), True)
    except expat.ExpatError as error:
        raise ValidationError(_("The text is not valid XML: %s.") % error) from error
