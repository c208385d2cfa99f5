"""More sources of evidence, and one row for each address, MAC address and source, also where the
source knows no MAC address."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models
from django.db.models import Q

# Of rows that the new keys call the same, the latest stays.
_DROP_DOUBLES = """
DELETE FROM sightings WHERE mac_address IS NULL AND source <> 'lease' AND EXISTS (
    SELECT 1 FROM sightings later
    WHERE later.ip_address = sightings.ip_address AND later.source = sightings.source
        AND later.mac_address IS NULL
        AND COALESCE(later.vrf_id, 0) = COALESCE(sightings.vrf_id, 0)
        AND (later.seen_at > sightings.seen_at
            OR (later.seen_at = sightings.seen_at AND later.id > sightings.id)))
"""
_FIRST_SEEN = "UPDATE sightings SET first_seen_at = seen_at"


class Migration(migrations.Migration):

    dependencies = [
        ("ipam", "0012_timeline"),
    ]

    operations = [
        migrations.RunSQL(_DROP_DOUBLES, migrations.RunSQL.noop),
        migrations.RemoveConstraint("sighting", "sightings_source"),
        migrations.AddField(
            "sighting",
            "first_seen_at",
            models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=django.utils.timezone.now,
                verbose_name="first seen",
            ),
        ),
        migrations.RunSQL(_FIRST_SEEN, migrations.RunSQL.noop),
        migrations.AlterField(
            "sighting",
            "source",
            models.CharField(
                choices=[
                    ("lease", "DHCP lease"),
                    ("arp", "ARP"),
                    ("ping", "Ping"),
                    ("dhcp", "DHCP log"),
                    ("dns", "DNS"),
                    ("report", "Report"),
                ],
                max_length=10,
                verbose_name="source",
            ),
        ),
        migrations.AddIndex("sighting", models.Index(fields=["ip_address"], name="sightings_ip")),
        migrations.AddConstraint(
            "sighting",
            models.UniqueConstraint(
                fields=["vrf", "ip_address", "source"],
                condition=Q(mac_address=None) & ~Q(vrf=None) & ~Q(source="lease"),
                name="sightings_vrf_no_mac",
            ),
        ),
        migrations.AddConstraint(
            "sighting",
            models.UniqueConstraint(
                fields=["ip_address", "source"],
                condition=Q(mac_address=None, vrf=None) & ~Q(source="lease"),
                name="sightings_global_no_mac",
            ),
        ),
        migrations.AddConstraint(
            "sighting",
            models.CheckConstraint(
                condition=Q(source__in=["lease", "arp", "ping", "dhcp", "dns", "report"]),
                name="sightings_source",
            ),
        ),
    ]
