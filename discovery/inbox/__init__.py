"""The inbox of unknown devices: MAC addresses that no card of the ledger has."""
