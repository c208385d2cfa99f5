"""Kept files: a full copy now and then, and the differences between.

A chain is a full copy and the rows that build on it; it is deleted as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce, Length

from dhcp.generations.document import Damaged, Document, is_worth_it

if TYPE_CHECKING:
    from dhcp.models import Generation, KeptFiles

LONGEST_CHAIN = 100  # rows; a longer one takes longer to put together
ALWAYS_KEPT = 100  # of each server, however old or large
MOST_BYTES = 64 * 2**20  # of each server, beyond those


_CHAIN = Coalesce(F("full"), F("pk"))  # the key of the full copy that begins it


class KeptFilesQuerySet(models.QuerySet["KeptFiles"]):
    """What applied generations said."""

    def of_server(self, server_id: int | None) -> KeptFilesQuerySet:
        """A server's, newest first; None is the default one."""
        return self.filter(generation__server=server_id).order_by("-pk")

    def newest(self, server_id: int | None) -> KeptFiles | None:
        """What a server was made to read last."""
        return self.of_server(server_id).first()

    def last_written(self, digest: str, server_id: int | None = None) -> KeptFiles | None:
        """A server's generation with this digest, else its newest: what stood in the files before
        somebody edited them."""
        rows = self.of_server(server_id).select_related("generation")
        return rows.filter(generation__digest=digest).first() or rows.first()

    def keep(
        self, generation: Generation, document: Document, former: KeptFiles | None = None
    ) -> KeptFiles:
        """Keep what was applied: as the difference to `former`, the server's newest, where that
        saves space, else whole."""
        row = self.model(generation=generation, digest=document.digest)
        delta = _delta(former, document)
        if former and delta is not None:
            row.packed, row.full_id = delta, former.full_id or former.pk
            row.save()
        else:
            row.packed = document.pack()
            row.save()
            self.shrink(generation.server_id)
        return row

    def shrink(self, server_id: int | None) -> None:
        """Delete a server's oldest chains beyond MOST_BYTES, down to ALWAYS_KEPT rows."""
        size = Coalesce(Length("packed"), 0) + Length("packed_hosts") + Length("packed_opts")
        chains = (
            self.of_server(server_id)
            .order_by()
            .annotate(begun=_CHAIN)
            .values("begun")
            .annotate(rows=Count("pk"), bytes=Sum(size))
            .order_by("-begun")
        )
        rows, total, unneeded = 0, 0, []
        for chain in chains:
            total += chain["bytes"]
            if rows >= ALWAYS_KEPT and total > MOST_BYTES:
                unneeded.append(chain["begun"])
            rows += chain["rows"]
        if unneeded:
            self.filter(Q(pk__in=unneeded) | Q(full__in=unneeded)).delete()

    def unneeded(self, before: datetime) -> KeptFilesQuerySet:
        """Those of chains in which every generation was last tried before then and none is among
        its server's last ALWAYS_KEPT."""
        recent = Q(generation__updated_at__gte=before)
        for server_id in set(self.order_by().values_list("generation__server", flat=True)):
            newest = self.of_server(server_id).values_list("pk", flat=True)[:ALWAYS_KEPT]
            recent |= Q(generation__server=server_id, pk__gte=min(newest))
        needed = self.filter(recent).annotate(begun=_CHAIN).values("begun")
        return self.annotate(begun=_CHAIN).exclude(begun__in=needed)


def _delta(former: KeptFiles | None, document: Document) -> bytes | None:
    """The packed difference to the former row; None where a full copy is due."""
    if former is None or former.packed is None:
        return None
    if len(former.chain) >= LONGEST_CHAIN:
        return None
    try:
        delta = former.document.pack_delta(document)
    except Damaged:
        return None
    full = former.chain[0].packed or b""
    if is_worth_it(delta, bytes(full)):
        return delta
    return None
