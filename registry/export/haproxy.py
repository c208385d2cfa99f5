"""Backends for HAProxy, one for every group of services; its time-outs come from your
`defaults`."""

from collections.abc import Sequence

from registry.export.ingress import speaks_http
from registry.export.text import Export, Options, comments
from registry.export.validate import Entry, not_tcp, sift, unreachable
from registry.records import ServiceRecord


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """`haproxy -f haproxy.cfg -f FILE`. Inactive services are there, disabled."""
    sifted = sift(records, unreachable, not_tcp)
    blocks = [backend(group, entries) for group, entries in sifted.groups().items()]
    return Export(
        (comments(options.url, sifted.left_out) + "".join(blocks)).encode("ascii"),
        tuple(sifted.left_out),
    )


def backend(group: str, entries: Sequence[Entry]) -> str:
    mode = "http" if all(map(speaks_http, entries)) else "tcp"
    servers = [
        f"    server {entry.id} {entry.socket} check{'' if entry.active else ' disabled'}\n"
        for entry in entries
    ]
    return f"backend {group}\n    mode {mode}\n    balance roundrobin\n{''.join(servers)}"
