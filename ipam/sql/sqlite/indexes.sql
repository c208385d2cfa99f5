-- Free rows in the order in which an allocation takes them. SQLite sorts NULL first by itself.

CREATE INDEX IF NOT EXISTS ip_addresses_claim
    ON ip_addresses (subnet_id, freed_at, ip_address)
    WHERE status = 'available' AND ip_type = 'static';

-- The addresses of a subnet outside of its static pools, for available_prefix.
CREATE INDEX IF NOT EXISTS ip_addresses_outside_pools
    ON ip_addresses (subnet_id, ip_address) WHERE ip_type = 'dhcp';

-- Who had an address, and when.
CREATE INDEX IF NOT EXISTS ip_addresses_history_address
    ON ip_addresses_history (ip_address, history_date);
