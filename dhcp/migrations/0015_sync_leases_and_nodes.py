"""Several nodes write the files of one DHCP server: its lease, and the state of each node."""

import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('dhcp', '0014_field_texts'),
    ]

    operations = [
        migrations.CreateModel(
            name='DhcpNode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(max_length=255, verbose_name='host')),
                ('place', models.CharField(max_length=32)),
                ('origin', models.CharField(blank=True, db_default='', default='', max_length=50)),
                ('result', models.CharField(choices=[('applied', 'applied'), ('unchanged', 'unchanged'), ('failed', 'failed')], max_length=9, verbose_name='result')),
                ('reason', models.CharField(blank=True, db_default='', default='', max_length=500, verbose_name='reason')),
                ('hosts', models.PositiveIntegerField(db_default=0, default=0, verbose_name='reservations')),
                ('generation', models.BigIntegerField(null=True, verbose_name='generation')),
                ('version', models.CharField(blank=True, db_default='', default='', max_length=50, verbose_name='version')),
                ('synced_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, verbose_name='last tried')),
                ('seen_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, verbose_name='last seen')),
                ('server', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to='dhcp.dhcpserver', verbose_name='DHCP server')),
            ],
            options={
                'verbose_name': 'node',
                'verbose_name_plural': 'nodes',
                'db_table': 'dhcp_nodes',
                'constraints': [models.UniqueConstraint(django.db.models.functions.comparison.Coalesce('server', 0), models.F('host'), models.F('place'), name='dhcp_nodes_once')],
            },
        ),
        migrations.CreateModel(
            name='SyncLease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(db_default='', default='', max_length=255, verbose_name='host')),
                ('place', models.CharField(db_default='', default='', max_length=32)),
                ('epoch', models.BigIntegerField(db_default=1, default=1, verbose_name='epoch')),
                ('held', models.BigIntegerField(null=True)),
                ('taken_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, verbose_name='taken')),
                ('expires_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, verbose_name='expires')),
                ('server', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to='dhcp.dhcpserver', verbose_name='DHCP server')),
            ],
            options={
                'verbose_name': 'sync lease',
                'verbose_name_plural': 'sync leases',
                'db_table': 'dhcp_sync_leases',
                'constraints': [models.UniqueConstraint(django.db.models.functions.comparison.Coalesce('server', 0), name='dhcp_sync_leases_server')],
            },
        ),
    ]
