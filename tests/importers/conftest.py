"""Sources for imports."""

import pytest

from importers.kinds import KINDS
from importers.plan import import_records
from importers.source import Source


@pytest.fixture
def records(tmp_path):
    """Reads texts by the names of their files; one text alone is called `file`."""

    def read(kind, *texts, **files):
        files |= dict(zip(["file"], texts, strict=False))
        return KINDS[kind].records(Source.of_uploads(_bytes(files)))

    return read


def _bytes(files):
    return {name.replace("__", "."): text.encode() for name, text in files.items()}


@pytest.fixture
def take(records, db):
    """Imports texts, and returns the outcome."""

    def run(kind, *texts, apply=True, vrf="", **files):
        return import_records(records(kind, *texts, **files), apply=apply, vrf=vrf)

    return run


def told(outcome, state):
    """What is in this state: kind, key and reasons."""
    found = [verdict for verdict in outcome.verdicts if verdict.state == state]
    return [(verdict.kind, verdict.key, " ".join(verdict.reasons)) for verdict in found]
