"""The ledger's screens for the administrator. Everything that may or may not be is decided below: in rules and verbs."""

from ipam.admin import addresses, servers, spaces, subnets

__all__ = ["addresses", "servers", "spaces", "subnets"]
