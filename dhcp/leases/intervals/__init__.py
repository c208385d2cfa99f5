"""Leases as intervals: which machine held an address from when to when, and how that ended.

models.py   the table, and questions to it
record.py   its rows follow the lease sightings, in the transaction that writes these
ends.py     how a lease has ended, as far as lease file and log tell
api.py      /api/v1/dhcp/lease-intervals/
"""
