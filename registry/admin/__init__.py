"""The porter's screens: services, how they fare, and who needs whom."""

from registry.admin import picture, services

__all__ = ["picture", "services"]
