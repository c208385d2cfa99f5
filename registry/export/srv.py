"""SRV records (RFC 2782) for dnsmasq's configuration, which it reads when it starts; their targets
are in the hosts file."""

from collections.abc import Sequence

from registry.export.text import Export, Options, comments
from registry.export.validate import LeftOut, sift, unreachable
from registry.records import ServiceRecord

LONGEST_NAME = 62  # an underscore stands before it


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """`srv-host=_billing._tcp.production.internal,billing-1.production.internal,8000` for every
    active service.

    `local=/…/` keeps questions for names that do not exist from other servers.
    """
    sifted = sift(records, unreachable)
    left_out = list(sifted.left_out)
    lines = [f"local=/{options.domain}/\n"]
    for entry in sifted.entries:
        if len(entry.group) > LONGEST_NAME:
            left_out.append(
                LeftOut(
                    entry.record.service_id,
                    "ip",
                    f"its name is longer than {LONGEST_NAME} characters",
                )
            )
        elif entry.active:
            name = f"_{entry.group}._{entry.protocol}.{options.domain}"
            lines.append(f"srv-host={name},{entry.id}.{options.domain},{entry.port}\n")
    return Export(
        (comments(options.url, left_out) + "".join(lines)).encode("ascii"), tuple(left_out)
    )
