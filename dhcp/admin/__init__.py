"""The pages of DHCP in the admin: servers and scopes, generations and hand edits, leases, and the
DHCP state of each server."""

from dhcp.admin import (
    dhcp_servers,
    generations,
    hand_edits,
    lease_intervals,
    leases,
    scopes,
    servers,
    transactions,
)

__all__ = [
    "dhcp_servers",
    "generations",
    "hand_edits",
    "lease_intervals",
    "leases",
    "scopes",
    "servers",
    "transactions",
]
