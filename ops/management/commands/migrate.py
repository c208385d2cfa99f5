"""Django's command; an empty database is created from today's models at once."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from ops import fresh_database

# With one of these, something else is asked for than a database of this version.
OTHERWISE = ("app_label", "migration_name", "fake", "fake_initial", "plan", "check_unapplied")


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        using = options["database"]
        is_other = any(map(options.get, OTHERWISE)) or options.get("prune")
        if not is_other and fresh_database.is_empty(connections[using]):
            fresh_database.create(using)
            if options["verbosity"]:
                self.stdout.write("Created all tables.")
            return
        super().handle(*args, **options)
