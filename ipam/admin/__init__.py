"""The ledger's screens for the administrator. What may be and what may not is decided below, in
rules and verbs."""

from ipam.admin import addresses, servers, spaces, subnets

__all__ = ["addresses", "servers", "spaces", "subnets"]
