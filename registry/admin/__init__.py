"""The porter's screens: services, how they fare, who needs whom; environments, restarts, and what is unusual."""

from registry.admin import environments, notes, picture, restarts, services

__all__ = ["environments", "notes", "picture", "restarts", "services"]
