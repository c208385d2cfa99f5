"""Known faults of dnsmasq, by the version that fixes them.

A distribution fixes older versions, too: the changelog of its package names the faults.
"""

from __future__ import annotations

import gzip
import re
from itertools import filterfalse
from pathlib import Path

CHANGELOG = Path("/usr/share/doc/dnsmasq-base/changelog.Debian.gz")
# Commit f006be7: before it, dnsmasq crashes at the reload after a `set:` in a hosts file was used.
SURVIVES_RELOADS = (2, 91)
FIXED_IN = {
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


def parse_version(version: str) -> tuple[int, ...]:
    """2.90 is (2, 90); 2.89rc1 is (2, 89)."""
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def unfixed(version: str, changelog: str) -> list[str]:
    """The faults of this version that its package does not claim to have fixed."""
    faults: list[str] = []
    for fixed_in, names in FIXED_IN.items():
        if parse_version(version) < fixed_in:
            faults += names
    return list(filterfalse(changelog.__contains__, faults))


def read_changelog() -> str:
    """The changelog of the installed package; empty where there is none."""
    try:
        return gzip.decompress(CHANGELOG.read_bytes()).decode("utf-8", "replace")
    except (OSError, EOFError, gzip.BadGzipFile):
        return ""
