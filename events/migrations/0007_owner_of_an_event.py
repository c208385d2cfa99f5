from django.db import migrations, models


def leave_to_superusers(apps, schema_editor):
    """Whose webhook an older event was about is not known: 0 is nobody's key."""
    events = apps.get_model("events", "Event").objects
    events.filter(subject_model="events.webhook").update(owner_id=0)


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0006_mail"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="owner_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.RunPython(leave_to_superusers, migrations.RunPython.noop),
    ]
