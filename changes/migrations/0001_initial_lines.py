"""Write a first line for every row that has none: a row that was never changed since its history
is kept would be missing in any past moment."""

from django.db import migrations

DEPENDENCIES = [
    ("accounts", "0004_full_history"),
    ("dhcp", "0023_full_history"),
    ("discovery", "0004_full_history"),
    ("ipam", "0017_full_history"),
    ("ipmanager", "0007_full_history"),
    ("machines", "0003_full_history"),
    ("pxe", "0005_full_history"),
    ("registry", "0006_full_history"),
]
OTHERS = [  # of other packages, whose rows have a history in `accounts`
    ("otp_static", "0003_add_timestamps"),
    ("otp_totp", "0003_add_timestamps"),
]
BEGINNINGS = ("created_at", "created", "date_joined", "requested_at")
NOW = {
    "postgresql": "clock_timestamp()",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
}
STATEMENT = """
INSERT INTO {history} ({columns}, history_date, history_type, history_source, history_actor,
    history_change)
SELECT {values}, {date}, '+', 'upgrade', '', 'upgrade' FROM {table} t
WHERE NOT EXISTS (SELECT 1 FROM {history} h WHERE h.{key} = t.{key_value})
ORDER BY t.{order}
"""
MASKED = {"digest": "token_key"}  # of ipmanager_token: its history names it by its readable key


def write_lines(apps, editor):
    for label, _migration in DEPENDENCIES:
        for history in apps.get_app_config(label).get_models():
            if history.__name__.startswith("Historical"):
                editor.execute(statement(editor, history, tracked(apps, history)))


def tracked(apps, history):
    """The model of the rows: of the same app, or of another package's."""
    table = history._meta.db_table.removesuffix("_history")
    models = apps.get_models(include_auto_created=True)
    return next(model for model in models if model._meta.db_table == table)


def statement(editor, history, model):
    quote = editor.quote_name
    columns = [field.column for field in history._meta.fields]
    kept = [column for column in columns if not column.startswith("history_")]
    masks = MASKED if model._meta.db_table == "ipmanager_token" else {}
    sources = [masks.get(column, column) for column in kept]
    now = NOW[editor.connection.vendor]
    beginning = next((column for column in BEGINNINGS if column in kept), None)
    key = model._meta.pk.column
    return STATEMENT.format(
        history=quote(history._meta.db_table),
        table=quote(model._meta.db_table),
        columns=", ".join(map(quote, kept)),
        values=", ".join(f"t.{quote(source)}" for source in sources),
        date=f"COALESCE(t.{quote(beginning)}, {now})" if beginning else now,
        key=quote(key),
        key_value=quote(masks.get(key, key)),
        order=quote(key),
    )


class Migration(migrations.Migration):
    dependencies = DEPENDENCIES + OTHERS
    operations = [migrations.RunPython(write_lines, migrations.RunPython.noop)]
