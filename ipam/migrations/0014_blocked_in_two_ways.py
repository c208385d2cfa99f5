"""A disabled server is not reserved, or it is ignored."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ipam", "0013_sighting_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicalserver",
            name="when_disabled",
            field=models.CharField(
                choices=[
                    ("not_reserved", "not reserved: it may get an address of a pool"),
                    ("ignored", "ignored: DHCP gives it no address"),
                ],
                db_default="not_reserved",
                default="not_reserved",
                help_text="What DHCP does with its cards while it is disabled.",
                max_length=12,
                verbose_name="while disabled",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="when_disabled",
            field=models.CharField(
                choices=[
                    ("not_reserved", "not reserved: it may get an address of a pool"),
                    ("ignored", "ignored: DHCP gives it no address"),
                ],
                db_default="not_reserved",
                default="not_reserved",
                help_text="What DHCP does with its cards while it is disabled.",
                max_length=12,
                verbose_name="while disabled",
            ),
        ),
        migrations.AlterField(
            model_name="historicalserver",
            name="enabled",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Only enabled servers have a reservation in DHCP.",
                verbose_name="enabled",
            ),
        ),
        migrations.AlterField(
            model_name="server",
            name="enabled",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Only enabled servers have a reservation in DHCP.",
                verbose_name="enabled",
            ),
        ),
        migrations.AddConstraint(
            model_name="server",
            constraint=models.CheckConstraint(
                condition=models.Q(("when_disabled__in", ["not_reserved", "ignored"])),
                name="hosts_when_disabled",
            ),
        ),
    ]
