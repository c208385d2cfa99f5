"""The scribe's screens: what dnsmasq was told, who uses which address, and how every server fares."""

from dhcp.admin import generations, leases, scopes, servers

__all__ = ["generations", "leases", "scopes", "servers"]
