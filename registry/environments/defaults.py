"""The environments and port ranges that a new installation starts with: those of the registry that
this one replaces, and one environment for each mode."""

from typing import Any

TYPE_RANGES = {
    "api": (8000, 8099),
    "web": (3000, 3099),
    "database": (5000, 5099),
    "observer": (8010, 8010),
    "finance": (8007, 8007),
    "minimal": (8005, 8005),
}
PORT_RANGE = (8000, 9000)
RESERVED_PORTS = (80, 443, 3000, 3001, 5000, 5001)
HEARTBEAT_TIMEOUT = 90  # seconds
GRACE_PERIOD = 60  # seconds
ADDRESS = "127.0.0.1"

# In production a taken port is refused, and a full range has no fallback.
ENVIRONMENTS: list[dict[str, Any]] = [
    {"environment": "development", "mode": "development"},
    {"environment": "test", "mode": "test", "service_ip_base": "127.0.0.2"},
    {
        "environment": "production",
        "mode": "production",
        "conflict_resolution_strategy": "strict",
        "fallback": False,
    },
]


def reserved_ports() -> list[int]:
    return list(RESERVED_PORTS)
