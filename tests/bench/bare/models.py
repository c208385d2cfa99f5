"""Rows as wide as the ledger's address rows."""
# ruff: noqa: DJ008

from django.db import models


class Wide(models.Model):
    ip_address = models.GenericIPAddressField(unique=True)
    vrf_id = models.BigIntegerField(null=True)
    subnet_id = models.BigIntegerField(null=True)
    status = models.CharField(max_length=10)
    ip_type = models.CharField(max_length=6)
    active = models.BooleanField()
    server_id = models.BigIntegerField(null=True)
    hostname = models.CharField(max_length=255)
    mac_address = models.CharField(max_length=17, null=True)
    platform = models.CharField(max_length=100)
    manufacturer = models.CharField(max_length=100)
    description = models.TextField()
    vm_id = models.CharField(max_length=255, null=True, unique=True)
    freed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        abstract = True


class Row(Wide):
    """Rows to read."""

    class Meta:
        db_table = "bench_rows"


class Free(Wide):
    """Rows to claim."""

    class Meta:
        db_table = "bench_free"
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(status="available"), name="bench_free_ready"
            )
        ]


class Insert(models.Model):
    """Rows to write."""

    name = models.CharField(max_length=32)

    class Meta:
        db_table = "bench_inserts"
