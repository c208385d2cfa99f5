"""A hosts file for dnsmasq's `addn-hosts` (read anew at SIGHUP): every service's own name and its
group's."""

from collections.abc import Sequence

from registry.export.text import Export, Options, comments
from registry.export.validate import sift, unreachable
from registry.records import ServiceRecord


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """`10.0.0.5 billing-1.production.internal billing.production.internal`; active services
    only."""
    sifted = sift(records, unreachable)
    lines = [
        " ".join(
            [
                str(entry.ip),
                *(f"{name}.{options.domain}" for name in dict.fromkeys((entry.id, entry.group))),
            ]
        )
        for entry in sifted.entries
        if entry.active
    ]
    text = comments(options.url, sifted.left_out) + "".join(f"{line}\n" for line in lines)
    return Export(text.encode("ascii"), tuple(sifted.left_out))
