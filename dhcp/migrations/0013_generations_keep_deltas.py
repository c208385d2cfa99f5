"""Kept files are differences between full copies, and a generation knows the rows behind its lines.

Rows written before keep their two compressed files and stay readable."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dhcp", "0012_leases_compared")]

    operations = [
        migrations.AddField(
            "generation", "sources", models.JSONField(blank=True, null=True, verbose_name="sources")
        ),
        migrations.AddField(
            "keptfiles",
            "digest",
            models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            "keptfiles",
            "full",
            models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deltas",
                to="dhcp.keptfiles",
            ),
        ),
        migrations.AddField("keptfiles", "packed", models.BinaryField(null=True)),
    ]
