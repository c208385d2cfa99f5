"""A `.env` file: where every service is, for systemd's EnvironmentFile, `docker run --env-file` and
shells."""

from collections.abc import Sequence

from registry.export.text import Export, Options, comments, variable
from registry.export.validate import sift, unreachable
from registry.records import ServiceRecord


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """`BILLING_1_SERVICE_HOST=10.0.0.5` and `BILLING_1_SERVICE_PORT=8000`, by service id."""
    sifted = sift(records, unreachable)
    lines = [
        f"{variable(entry.id)}_HOST={entry.ip}\n{variable(entry.id)}_PORT={entry.port}\n"
        for entry in sifted.entries
    ]
    return Export(
        (comments(options.url, sifted.left_out) + "".join(lines)).encode("ascii"),
        tuple(sifted.left_out),
    )
