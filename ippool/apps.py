"""The address pool for virtual machines as a Django app; its rows are the ledger's."""

from django.apps import AppConfig


class IppoolConfig(AppConfig):
    name = "ippool"
