"""The operation of the site as a Django app: its commands."""

from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "ops"
