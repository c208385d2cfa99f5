"""dnsmasq's known faults, and in which version of its own each was mended.

A distribution mends older versions, too: its changelog of the package names what.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

CHANGELOG = Path("/usr/share/doc/dnsmasq-base/changelog.Debian.gz")
SURVIVES_RELOADS = (
    2,
    91,
)  # f006be7: before it, a `set:` in a hosts file is deadly at the reload after it was used
MENDED_IN = {
    (2, 78): [
        "CVE-2017-14491",
        "CVE-2017-14492",
        "CVE-2017-14493",
        "CVE-2017-14494",
        "CVE-2017-14495",
        "CVE-2017-14496",
    ],
    (2, 81): ["CVE-2019-14834"],
    (2, 83): [
        "CVE-2020-25681",
        "CVE-2020-25682",
        "CVE-2020-25683",
        "CVE-2020-25684",
        "CVE-2020-25685",
        "CVE-2020-25686",
        "CVE-2020-25687",
    ],
    (2, 85): ["CVE-2021-3448"],
    (2, 87): ["CVE-2022-0934"],
    (2, 90): ["CVE-2023-28450", "CVE-2023-50387", "CVE-2023-50868"],
    (2, 93): [
        "CVE-2026-2291",
        "CVE-2026-4890",
        "CVE-2026-4891",
        "CVE-2026-4892",
        "CVE-2026-4893",
        "CVE-2026-5172",
    ],
}


def parsed(version: str) -> tuple[int, ...]:
    """2.90 is (2, 90); 2.89rc1 is (2, 89)."""
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def unmended(version: str, changelog: str) -> list[str]:
    """The faults of this version that its package does not claim to have mended."""
    return [fault for fault in _faults(parsed(version)) if fault not in changelog]


def changelog() -> str:
    """The package's own; empty where there is none."""
    try:
        return gzip.decompress(CHANGELOG.read_bytes()).decode("utf-8", "replace")
    except (OSError, EOFError, gzip.BadGzipFile):
        return ""


def _faults(version: tuple[int, ...]) -> Iterator[str]:
    for mended, faults in MENDED_IN.items():
        if version < mended:
            yield from faults
