"""How far deliveries have come."""

from __future__ import annotations

from django.db import models


class DeliveryCursor(models.Model):
    """The last event that was handed to the subscriptions of one kind, and the node that delivers
    until `held_until`, by the database's clock."""

    name = models.CharField(max_length=60, primary_key=True)
    position = models.BigIntegerField(default=0)
    holder = models.CharField(max_length=300, default="", blank=True)
    held_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "delivery_cursors"

    def __str__(self) -> str:
        return f"{self.name} {self.position}"
