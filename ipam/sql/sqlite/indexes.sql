-- Free rows in the order in which an allocation takes them. SQLite sorts NULL first by itself.

CREATE INDEX IF NOT EXISTS ip_addresses_claim
    ON ip_addresses (subnet_id, freed_at, ip_address)
    WHERE status = 'available' AND ip_type = 'static';
