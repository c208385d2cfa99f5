"""Kea: its configuration (JSON with comments and includes), and its leases (CSV).

json_lines   JSON whose objects know their lines
conf         a configuration as records
leases       a lease file as records
"""
