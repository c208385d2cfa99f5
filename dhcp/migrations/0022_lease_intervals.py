"""Leases as intervals. Those that have not ended begin when they were last renewed: nobody has kept
since when their machines have held them."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import ipam.fields
from django.db import migrations, models


# Where two lease files name one address, the lease that ends last.
LIVE_LEASES = """
INSERT INTO lease_intervals (
    vrf_id, ip_address, mac_address, client_id, hostname, origin,
    started_at, last_seen, leased_until
)
SELECT
    vrf_id, ip_address, mac_address, duid, hostname, origin,
    seen_at, seen_at, leased_until
FROM (
    SELECT sightings.*, row_number() OVER (
        PARTITION BY vrf_id, ip_address ORDER BY leased_until DESC, id DESC
    ) AS place
    FROM sightings
    WHERE source = 'lease' AND leased_until > CURRENT_TIMESTAMP
) AS live
WHERE place = 1
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dhcp", "0021_agents_over_https"),
        ("ipam", "0015_missing_leases"),
    ]

    operations = [
        migrations.CreateModel(
            name="LeaseInterval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ip_address", ipam.fields.AddressField(verbose_name="IP address")),
                (
                    "mac_address",
                    ipam.fields.MACField(blank=True, null=True, verbose_name="MAC address"),
                ),
                (
                    "client_id",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=767,
                        verbose_name="DUID or client ID",
                    ),
                ),
                (
                    "hostname",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=255,
                        verbose_name="host name",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=50,
                        verbose_name="DHCP server",
                    ),
                ),
                (
                    "started_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        verbose_name="from",
                    ),
                ),
                (
                    "last_seen",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        verbose_name="seen",
                    ),
                ),
                (
                    "leased_until",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        verbose_name="leased until",
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="until")),
                (
                    "ended_how",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("expired", "expired"),
                            ("released", "given back"),
                            ("replaced", "another machine got the address"),
                            ("moved", "the machine got another address"),
                            ("evicted", "ended from here"),
                            ("vanished", "no longer in the lease file"),
                        ],
                        db_default="",
                        default="",
                        max_length=8,
                        verbose_name="how it ended",
                    ),
                ),
                (
                    "vrf",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="ipam.vrf",
                        verbose_name="VRF",
                    ),
                ),
            ],
            options={
                "verbose_name": "lease interval",
                "verbose_name_plural": "lease intervals",
                "db_table": "lease_intervals",
                "ordering": ["-started_at", "-id"],
                "indexes": [
                    models.Index(fields=["ip_address", "started_at"], name="lease_intervals_ip"),
                    models.Index(fields=["mac_address", "started_at"], name="lease_intervals_mac"),
                    models.Index(fields=["ended_at"], name="lease_intervals_ended"),
                    models.Index(fields=["started_at"], name="lease_intervals_started"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None), ("vrf", None)),
                        fields=("ip_address",),
                        name="lease_intervals_one_global",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("ended_at", None), models.Q(("vrf", None), _negated=True)
                        ),
                        fields=("vrf", "ip_address"),
                        name="lease_intervals_one_vrf",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_at", None),
                            ("ended_at__gte", models.F("started_at")),
                            _connector="OR",
                        ),
                        name="lease_intervals_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("ended_how", "")),
                            models.Q(
                                ("ended_at__isnull", False),
                                (
                                    "ended_how__in",
                                    [
                                        "expired",
                                        "released",
                                        "replaced",
                                        "moved",
                                        "evicted",
                                        "vanished",
                                    ],
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="lease_intervals_how",
                    ),
                ],
            },
        ),
        migrations.RunSQL(LIVE_LEASES, migrations.RunSQL.noop),
    ]
