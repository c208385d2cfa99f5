"""Who had this address at that time? What ledger, leases, sightings and DHCP files say of it."""
