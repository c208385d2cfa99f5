"""The operation of the site as a Django app: commands, health checks, metrics."""

from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "ops"

    def ready(self) -> None:
        from ops import health_checks, host_checks  # noqa: F401  (they register themselves)
        from ops.backup import health_checks as of_backups  # noqa: F401
