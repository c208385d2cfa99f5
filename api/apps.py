"""The REST API's manners as a Django app. Its label is older than its name: tables and permissions
carry it."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "api"
    label = "ipmanager"
    verbose_name = "IPManager"
