"""The scribe's screens: what dnsmasq was told, who uses which address, and how every server
fares."""

from dhcp.admin import dhcp_servers, generations, hand_edits, leases, scopes, servers

__all__ = ["dhcp_servers", "generations", "hand_edits", "leases", "scopes", "servers"]
