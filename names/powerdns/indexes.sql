-- By what `dns.lookup` finds rows; servers have theirs.

CREATE INDEX IF NOT EXISTS subnets_around ON subnets USING gist (network inet_ops);
CREATE INDEX IF NOT EXISTS ip_addresses_name ON ip_addresses (lower(hostname))
    WHERE server_id IS NULL AND hostname <> '';
CREATE INDEX IF NOT EXISTS services_name ON services (lower(service_id));
CREATE INDEX IF NOT EXISTS services_address ON services (ip_address);
CREATE INDEX IF NOT EXISTS names_records_name ON names_records (name);
