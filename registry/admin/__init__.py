"""The admin of the registry: services and their dependencies, environments, restarts, and unusual
activity."""

from registry.admin import activity, dependency_graph, environments, restarts, services

__all__ = ["activity", "dependency_graph", "environments", "restarts", "services"]
