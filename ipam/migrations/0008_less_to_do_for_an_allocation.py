from django.db import migrations

_CHECKS = ("ip_address", "mac_address")
_PARTS = ("hostname", "vm_id", "mac")


def drop(apps, schema_editor):
    """What an allocation need not pay for: checks of a copy of what has been checked already, and three indexes of
    which `ipam.sql.database` makes one."""
    if schema_editor.connection.vendor == "postgresql":
        for column in _CHECKS:
            name = f"ip_addresses_history_{column}_check"
            schema_editor.execute(f"ALTER TABLE ip_addresses_history DROP CONSTRAINT IF EXISTS {name}")
        for part in _PARTS:
            schema_editor.execute(f"DROP INDEX IF EXISTS ip_addresses_{part}_part")


class Migration(migrations.Migration):
    dependencies = [("ipam", "0007_fewer_indexes")]

    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
