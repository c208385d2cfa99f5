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

-- All texts of a server as one, as ipam.search.ServerTexts writes them: six conditions would be six
-- looks into the index, which PostgreSQL thinks dearer than reading a thousand rows.
DROP INDEX IF EXISTS hosts_text_parts;

CREATE INDEX IF NOT EXISTS hosts_texts ON hosts USING gin (
    upper(hostname || chr(31) || device_type || chr(31) || manufacturer || chr(31) || location
        || chr(31) || lan_port || chr(31) || description) gin_trgm_ops,
    (mac_address::text) gin_trgm_ops);
