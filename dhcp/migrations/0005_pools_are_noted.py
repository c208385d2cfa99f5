from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("dhcp", "0004_kept_files")]

    operations = [
        migrations.AlterField(
            model_name="dhcpchange",
            name="kind",
            field=models.CharField(choices=[("server", "server"), ("interface", "interface"), ("subnet", "subnet"), ("pool", "pool"), ("dhcpscope", "DHCP scope"), ("dhcpoption", "DHCP option"), ("ledger", "ledger")], db_default="ledger", default="ledger", max_length=10, verbose_name="kind"),
        ),
    ]
