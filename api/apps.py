"""The common part of the REST API as a Django app. Its label stays `ipmanager`, because tables and
permissions are named after it."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "api"
    label = "ipmanager"
    verbose_name = "IPManager"

    def ready(self) -> None:
        from core.history import install

        install.watch(self)
