"""Files that other people's systems have written, beside the checkout: tests that read them are
skipped by name where they are missing. IPMANAGER_TEST_DATA names another place."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACE = Path(os.environ.get("IPMANAGER_TEST_DATA") or ROOT.parent / "shared" / "data")


def folder(name: str) -> Path:
    """A folder of them."""
    found = PLACE / name
    if not found.is_dir():
        pytest.skip(f"{name}: {found} is missing")
    return found
