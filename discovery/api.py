"""The REST API of discovery."""

from rest_framework.routers import SimpleRouter

from discovery.conflicts.api import Conflicts
from discovery.inbox.api import UnknownDevices
from discovery.probes.api import SubnetDiscoveries

RESOURCES = {
    "conflicts": Conflicts,
    "unknown-devices": UnknownDevices,
    "discovery": SubnetDiscoveries,
}


def register(router: SimpleRouter) -> None:
    """Register the resources of discovery."""
    for name, view in RESOURCES.items():
        router.register(name, view)
