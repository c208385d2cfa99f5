-- Find a part of a name or of a MAC address: icontains compiles to
-- UPPER(column::text) LIKE UPPER(...). One index serves all three columns of ip_addresses, so that
-- a changed row costs one index entry.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX IF NOT EXISTS ip_addresses_parts ON ip_addresses USING gin (
    upper(hostname::text) gin_trgm_ops,
    upper(vm_id::text) gin_trgm_ops,
    (mac_address::text) gin_trgm_ops);

CREATE INDEX IF NOT EXISTS hosts_hostname_part ON hosts USING gin (
    upper(hostname::text) gin_trgm_ops);

CREATE INDEX IF NOT EXISTS ip_addresses_description_part ON ip_addresses USING gin (
    upper(description::text) gin_trgm_ops) WHERE description > '';

CREATE INDEX IF NOT EXISTS hosts_text_parts ON hosts USING gin (
    upper(device_type::text) gin_trgm_ops,
    upper(manufacturer::text) gin_trgm_ops,
    upper(location::text) gin_trgm_ops,
    upper(lan_port::text) gin_trgm_ops,
    upper(description::text) gin_trgm_ops,
    (mac_address::text) gin_trgm_ops);
