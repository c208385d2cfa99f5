"""A ledger on another timeline of the PostgreSQL server hands out nothing until that is judged."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ipam', "0011_usage_days"),
    ]

    operations = [
        migrations.AddField(
            model_name='stamp',
            name='synchronous_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='stamp',
            name='timeline',
            field=models.IntegerField(null=True),
        ),
    ]
