"""dnsmasq (dnsmasq(8)): its configuration with the files that it names, and its leases.

words      the syntax of its lines
conf       a configuration as records
hosts      lines of dhcp-host and of a dhcp-hostsfile
ranges     lines of dhcp-range
leases     a lease file as records
"""
