"""A scope knows its interface. Those that share a wire already keep the ranges that they have: on
every interface."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dhcp", "0018_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="dhcpscope",
            name="interface",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The interface of dnsmasq's host on this wire, as in eth1: the subnet is "
                "given out there only. Needed for a shared wire where dnsmasq has others, too. *: "
                "every interface, as where a relay asks.",
                max_length=15,
                verbose_name="interface",
            ),
        ),
        migrations.RunSQL(
            "UPDATE dhcp_scopes SET interface = '*' WHERE wire_id IS NOT NULL",
            migrations.RunSQL.noop,
        ),
    ]
