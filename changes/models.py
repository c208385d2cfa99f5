"""The chain over the log (changes/chain): seals of finished lines, and the end of each day."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

OF_SEALS = "log_seals"  # the table of a seal that says which lines were pruned
HASH = 64  # hexadecimal digits
BEGINNING = "0" * HASH  # the hash before the first seal, and before the first day


class Seal(models.Model):
    """The lines of one table from `first` to `last`, with the hash of the seal before.

    Or, with the table `log_seals`, which lines of which seals were pruned at one time."""

    number = models.BigIntegerField(primary_key=True)
    table = models.CharField(_("table"), max_length=63)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    count = models.PositiveIntegerField(_("lines"))
    columns = models.TextField()  # those that are hashed, in their order
    kept = models.BinaryField()  # the number and a short digest of each line
    locator = models.BinaryField()  # tells which one of the short digests was replaced
    content = models.CharField(max_length=HASH)  # the hash of all columns of all lines
    sealed_at = models.DateTimeField(_("sealed"))
    horizon = models.DateTimeField(null=True)  # of what was pruned: no complete log before it
    former = models.CharField(max_length=HASH)
    hash = models.CharField(max_length=HASH)
    # One bit for each line that was pruned since. Not part of the hash: a later seal has its own.
    pruned = models.BinaryField(default=b"")

    class Meta:
        db_table = "log_seals"
        ordering = ["number"]
        verbose_name = _("seal of the log")
        verbose_name_plural = _("seals of the log")
        indexes = [models.Index(fields=["table", "last"], name="log_seals_table_last")]

    def __str__(self) -> str:
        return f"{self.number}: {self.table} {self.first}-{self.last}"

    def computed(self) -> str:
        """The hash that the seal must have."""
        horizon = self.horizon and self.horizon.timestamp()
        facts = (
            *(self.former, self.number, self.table, self.first, self.last, self.count),
            *(self.columns, sha256(self.kept), bytes(self.locator).hex(), self.content),
            *(self.sealed_at.timestamp(), horizon),
        )
        return sha256("\n".join(map(str, facts)).encode())


class Day(models.Model):
    """A day of the log that has ended (UTC), with the hash of the day before."""

    day = models.DateField(_("day"), primary_key=True)
    number = models.BigIntegerField()  # of its last seal
    lines = models.PositiveBigIntegerField(_("lines"))
    seal = models.CharField(max_length=HASH)  # the hash of its last seal
    former = models.CharField(max_length=HASH)
    hash = models.CharField(max_length=HASH)

    class Meta:
        db_table = "log_days"
        ordering = ["day"]
        verbose_name = _("day of the log")
        verbose_name_plural = _("days of the log")

    def __str__(self) -> str:
        return str(self.day)

    def computed(self) -> str:
        """The hash that the day must have."""
        facts = (self.former, self.day, self.number, self.lines, self.seal)
        return sha256("\n".join(map(str, facts)).encode())


def sha256(content: Any) -> str:
    return hashlib.sha256(bytes(content)).hexdigest()
