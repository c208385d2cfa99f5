"""Upstream blocks for nginx's `http`, one for every group of services: `proxy_pass
http://billing;`."""

from collections.abc import Sequence

from registry.export.text import Export, Options, comments
from registry.export.validate import Entry, not_tcp, sift, unreachable
from registry.records import ServiceRecord


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """Inactive services stand there as `down`: an upstream without any server would stop nginx."""
    sifted = sift(records, unreachable, not_tcp)
    blocks = [upstream(group, entries) for group, entries in sifted.groups().items()]
    return Export(
        (comments(options.url, sifted.left_out) + "".join(blocks)).encode("ascii"),
        tuple(sifted.left_out),
    )


def upstream(group: str, entries: Sequence[Entry]) -> str:
    servers = [
        f"    server {entry.socket}{'' if entry.active else ' down'};\n" for entry in entries
    ]
    return f"upstream {group} {{\n{''.join(servers)}}}\n"
