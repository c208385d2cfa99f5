"""Install the functions and triggers of dhcp after every migrate; idempotent.

The files beside this one hold them, whole statements for each database: change rows for what comes
by raw SQL, a copy of every change row for each further DHCP server, and a NOTIFY."""

from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db import connections

from core.database import sql, triggers
from ipam.sql.database import install_on_delete

CHANNEL = "dhcp_changes"  # of the NOTIFY (postgresql/notify.sql)
_FOLDER = Path(__file__).parent
_TRIGGERS = {
    "postgresql": (
        _FOLDER / "postgresql" / "allocations.sql",
        _FOLDER / "postgresql" / "named_addresses.sql",
        _FOLDER / "postgresql" / "services.sql",
        _FOLDER / "postgresql" / "serial.sql",
        _FOLDER / "postgresql" / "changes.sql",
        _FOLDER / "postgresql" / "notify.sql",
    ),
    "sqlite": (
        _FOLDER / "sqlite" / "copies.sql",
        _FOLDER / "sqlite" / "changes.sql",
        _FOLDER / "sqlite" / "allocations.sql",
        _FOLDER / "sqlite" / "named_addresses.sql",
        _FOLDER / "sqlite" / "services.sql",
        _FOLDER / "sqlite" / "serial.sql",
    ),
}


def install(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: create what is missing or different."""
    connection = connections[using]
    triggers.install(connection, "dhcp", sql.statements(*_TRIGGERS[connection.vendor]))
    install_on_delete(app_config, using)
