"""Upstream blocks for nginx's `http`, one for each group: `proxy_pass http://billing;`."""

from collections.abc import Sequence
from itertools import starmap

from django.utils.translation import gettext_lazy as _

from registry.export.format import TEXT, Format, Options
from registry.export.validate import Entry, ValidServices, reachable, speaks_tcp

# nginx does not start with an upstream without servers, so inactive services stay as `down`.
_PARAMETERS = {True: "", False: " down"}


def write(services: ValidServices, options: Options) -> str:
    """One `upstream` for each group, with inactive services marked `down`."""
    return "".join(starmap(upstream, services.groups().items()))


def upstream(group: str, entries: Sequence[Entry]) -> str:
    lines = [f"    server {entry.socket}{_PARAMETERS[entry.active]};\n" for entry in entries]
    return f"upstream {group} {{\n{''.join(lines)}}}\n"


FORMAT = Format(
    "nginx",
    _("upstream blocks for nginx"),
    "upstreams.conf",
    TEXT,
    write,
    (reachable, speaks_tcp),
)
