"""PowerDNS's configuration: one that hides no change behind a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

_FIXED = Path(__file__).parent / "pdns.conf"


def text(database: dict[str, Any], role: str, secondaries: Sequence[str]) -> str:
    """For pdns.conf; the password stands in a file of its own. `database` is Django's."""
    lines = [
        "# Written by IPManager (docs/names.md). PowerDNS as a hidden primary: secondaries ask it,",
        "# clients ask those. gpgsql-password stands in a file of its own in pdns.d.",
        "launch=gpgsql",
        f"gpgsql-host={database['HOST'] or '/run/postgresql'}",
        f"gpgsql-port={database['PORT'] or 5432}",
        f"gpgsql-dbname={database['NAME']}",
        f"gpgsql-user={role}",
        f"allow-axfr-ips={','.join(secondaries)}",
        f"also-notify={','.join(secondaries)}",
    ]
    return "\n".join([*lines, _FIXED.read_text()])
