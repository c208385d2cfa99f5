-- What migrations do not create because SQLite has no such thing. Installed after every migrate.

-- Free rows in the order in which claim.sql takes them.
CREATE INDEX IF NOT EXISTS ip_addresses_claim
    ON ip_addresses (subnet_id, freed_at NULLS FIRST, ip_address)
    WHERE status = 'available' AND ip_type = 'static';

-- Moved by the triggers of cached_counts.sql.
CREATE SEQUENCE IF NOT EXISTS ledger_moment;

-- The addresses of a subnet outside of its static pools, for available_prefix.
CREATE INDEX IF NOT EXISTS ip_addresses_outside_pools
    ON ip_addresses (subnet_id, ip_address) WHERE ip_type = 'dhcp';

-- Who had an address, and when.
CREATE INDEX IF NOT EXISTS ip_addresses_history_address
    ON ip_addresses_history (ip_address, history_date);
