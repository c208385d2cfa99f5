"""The plan of an import: every record is compared with the ledger, and written where it is new.

Trying it out and applying it are the same work, which is taken back when it is only tried, while no
writer waits: so what a preview says is what happens. The ledger is never changed where it says
something else than the source: the record differs, and both are named. So a second import has
nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from changes.plans.trial import trial
from importers.outcome import Outcome, Verdict
from importers.records import (
    Held,
    Lease,
    LeftOut,
    Machine,
    Name,
    Net,
    Option,
    Range,
    Record,
    Records,
    Scope,
    Vrf,
    ZoneName,
)
from importers.write import addresses, leases, machines, names, structure
from importers.write.job import Job, Progress
from ipam.querysets import lock_ledger

Write = Callable[[Job, Sequence[Any]], Iterable[Verdict]]
# In this order: what comes later stands in what came before. A machine takes over the address that
# was reserved with its note.
_STEPS: list[tuple[type[Record], Write]] = [
    (Vrf, structure.write_vrfs),
    (Net, structure.write_subnets),
    (Range, structure.write_pools),
    (Scope, structure.write_scopes),
    (Option, structure.write_options),
    (Held, addresses.write),
    (Machine, machines.write),
    (ZoneName, names.write_zones),
    (Name, names.write_records),
    (Lease, leases.write),
]


@contextmanager
def _for_good() -> Iterator[None]:
    with transaction.atomic():
        lock_ledger()
        yield


def import_records(
    records: Records,
    *,
    apply: bool,
    vrf: str = "",
    progress: Progress = lambda what, done, total: None,
) -> Outcome:
    """Judge every record, and write the new ones if `apply`. Records without a VRF belong to `vrf`.

    Raises IPManagerError or ValidationError when somebody else changes the ledger meanwhile;
    nothing is written then."""
    job = Job(vrf, progress)
    verdicts: list[Verdict] = []
    with _for_good() if apply else trial():
        for kind, write in _STEPS:
            if rows := records.all(kind):
                verdicts += write(job, rows)
    verdicts += job.remarks
    for left in records.all(LeftOut):
        verdicts.append(Verdict(left.at, "", left.what, "left out", (left.reason,)))
    return Outcome(verdicts, written=apply)
