"""The site as a Django app: what belongs to no single room."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class SiteConfig(AppConfig):
    name = "ipmanager"
    label = "site"
    verbose_name = "IPManager"

    def ready(self) -> None:
        from ipam.sql import database
        from ipmanager import checks, operators  # noqa: F401  (checks registers itself)

        post_migrate.connect(operators.install, dispatch_uid="operators")
        post_migrate.connect(database.install_on_delete, sender=apps.get_app_config("ipmanager"))
