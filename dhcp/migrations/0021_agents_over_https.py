"""Agents over HTTPS: their tokens, and what they say of their hosts."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dhcp", "0020_host_reports"),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        verbose_name="reported",
                    ),
                ),
                (
                    "clock_ahead",
                    models.FloatField(blank=True, null=True, verbose_name="clock ahead (s)"),
                ),
                (
                    "conf_installed",
                    models.BooleanField(null=True, verbose_name="configuration installed"),
                ),
                (
                    "conf_detail",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=500,
                        verbose_name="configuration",
                    ),
                ),
                (
                    "server",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="report",
                        to="dhcp.dhcpserver",
                        verbose_name="DHCP server",
                    ),
                ),
            ],
            options={
                "verbose_name": "agent's report",
                "verbose_name_plural": "agents' reports",
                "db_table": "dhcp_agent_reports",
            },
        ),
        migrations.CreateModel(
            name="AgentToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=128, unique=True)),
                (
                    "key",
                    models.CharField(
                        db_default="", default="", max_length=16, verbose_name="begins with"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        verbose_name="created",
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires")),
                ("used_at", models.DateTimeField(blank=True, null=True, verbose_name="last used")),
                (
                    "server",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="agent_tokens",
                        to="dhcp.dhcpserver",
                        verbose_name="DHCP server",
                    ),
                ),
            ],
            options={
                "verbose_name": "agent token",
                "verbose_name_plural": "agent tokens",
                "db_table": "dhcp_agent_tokens",
                "ordering": ["pk"],
            },
        ),
    ]
