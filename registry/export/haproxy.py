"""Backends for HAProxy, one for each group. Timeouts come from your own `defaults`."""

from collections.abc import Sequence
from itertools import starmap

from django.utils.translation import gettext_lazy as _

from registry.export.format import TEXT, Format, Options
from registry.export.validate import Entry, ValidServices, reachable, speaks_tcp

_PARAMETERS = {True: "check", False: "check disabled"}


def write(services: ValidServices, options: Options) -> str:
    """`haproxy -f haproxy.cfg -f FILE`. Inactive services are written as disabled."""
    return "".join(starmap(backend, services.groups().items()))


def backend(group: str, entries: Sequence[Entry]) -> str:
    mode = "http" if all(entry.speaks_http for entry in entries) else "tcp"
    lines = [f"backend {group}\n    mode {mode}\n    balance roundrobin\n"]
    for entry in entries:
        lines.append(f"    server {entry.id} {entry.socket} {_PARAMETERS[entry.active]}\n")
    return "".join(lines)


FORMAT = Format(
    "haproxy", _("backends for HAProxy"), "backends.cfg", TEXT, write, (reachable, speaks_tcp)
)
