"""ISC dhcpd: its configuration (dhcpd.conf(5)) and its leases (dhcpd.leases(5)).

syntax     statements and blocks
options    names and types of options (dhcp-options(5))
checks     which statement may stand where, and how it must look
conf       a configuration as records
leases     a lease file as records
"""
