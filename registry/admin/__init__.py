"""The porter's screens: services, how they fare, who needs whom; environments, restarts, and what
is unusual."""

from registry.admin import dependency_graph, environments, notes, restarts, services

__all__ = ["dependency_graph", "environments", "notes", "restarts", "services"]
