-- A MAC address belongs to one machine of a VRF: a server with its interfaces, or an allocation
-- that no server holds (one for IPv4 and one for IPv6). Whoever writes, another holder refuses it.
-- An allocation and a server's card with the same address are the same machine.
--
-- Two transactions that write one MAC address at once wait for each other by an advisory lock.
-- There are 1,024 of these, so that a bulk write does not fill PostgreSQL's table of locks.

-- `server` is NULL for an allocation, and `own`, the key of its row, for a server.
CREATE OR REPLACE FUNCTION check_mac(mac macaddr, vrf bigint, server bigint, own bigint, ip inet)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    holder text;
BEGIN
    PERFORM pg_advisory_xact_lock(20261, hashtext(mac::text) & 1023);
    SELECT taken.by INTO holder FROM (
        SELECT format('server "%s"', h.hostname) AS by
        FROM hosts h
        WHERE h.mac_address = mac AND h.vrf_id IS NULL AND vrf IS NULL
            AND h.id IS DISTINCT FROM server
            AND (server IS NOT NULL OR h.ip_address IS DISTINCT FROM ip)
        UNION ALL
        SELECT format('server "%s"', h.hostname)
        FROM hosts h
        WHERE h.mac_address = mac AND h.vrf_id = vrf AND h.id IS DISTINCT FROM server
            AND (server IS NOT NULL OR h.ip_address IS DISTINCT FROM ip)
        UNION ALL
        SELECT format('server "%s"', h.hostname)
        FROM interfaces i JOIN hosts h ON h.id = i.server_id
        WHERE i.mac_address = mac AND h.vrf_id IS NOT DISTINCT FROM vrf
            AND h.id IS DISTINCT FROM server
            AND (server IS NOT NULL OR i.ip_address IS DISTINCT FROM ip)
        UNION ALL
        SELECT format('the allocation of %s', host(a.ip_address))
        FROM ip_addresses a
        WHERE a.mac_address = mac AND a.vrf_id IS NOT DISTINCT FROM vrf
            AND a.status = 'allocated' AND a.server_id IS NULL AND a.id IS DISTINCT FROM own
            AND CASE WHEN server IS NULL THEN family(a.ip_address) = family(ip)
                ELSE a.ip_address IS DISTINCT FROM ip END
    ) taken LIMIT 1;
    IF holder IS NOT NULL THEN
        RAISE unique_violation USING
            MESSAGE = format('%s belongs to %s', mac, holder),
            HINT = 'Choose another MAC address, or take it from that machine first.';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION hosts_mac_address() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM check_mac(NEW.mac_address, NEW.vrf_id, NEW.id, NULL, NEW.ip_address);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER hosts_mac_address_insert
    AFTER INSERT ON hosts
    FOR EACH ROW WHEN (NEW.mac_address IS NOT NULL)
    EXECUTE FUNCTION hosts_mac_address();

CREATE OR REPLACE TRIGGER hosts_mac_address_update
    AFTER UPDATE ON hosts
    FOR EACH ROW WHEN (NEW.mac_address IS NOT NULL
        AND (NEW.mac_address IS DISTINCT FROM OLD.mac_address
            OR NEW.vrf_id IS DISTINCT FROM OLD.vrf_id))
    EXECUTE FUNCTION hosts_mac_address();

CREATE OR REPLACE FUNCTION interfaces_mac_address() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM check_mac(NEW.mac_address, h.vrf_id, h.id, NULL, NEW.ip_address)
    FROM hosts h WHERE h.id = NEW.server_id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER interfaces_mac_address_insert
    AFTER INSERT ON interfaces
    FOR EACH ROW WHEN (NEW.mac_address IS NOT NULL)
    EXECUTE FUNCTION interfaces_mac_address();

CREATE OR REPLACE TRIGGER interfaces_mac_address_update
    AFTER UPDATE ON interfaces
    FOR EACH ROW WHEN (NEW.mac_address IS NOT NULL
        AND (NEW.mac_address IS DISTINCT FROM OLD.mac_address
            OR NEW.server_id IS DISTINCT FROM OLD.server_id))
    EXECUTE FUNCTION interfaces_mac_address();

CREATE OR REPLACE FUNCTION ip_addresses_mac_address() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM check_mac(NEW.mac_address, NEW.vrf_id, NULL, NEW.id, NEW.ip_address);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER ip_addresses_mac_address_insert
    AFTER INSERT ON ip_addresses
    FOR EACH ROW WHEN (NEW.mac_address IS NOT NULL AND NEW.server_id IS NULL
        AND NEW.status = 'allocated')
    EXECUTE FUNCTION ip_addresses_mac_address();

CREATE OR REPLACE TRIGGER ip_addresses_mac_address_update
    AFTER UPDATE ON ip_addresses
    FOR EACH ROW WHEN (NEW.mac_address IS NOT NULL AND NEW.server_id IS NULL
        AND NEW.status = 'allocated'
        AND (NEW.mac_address IS DISTINCT FROM OLD.mac_address
            OR OLD.server_id IS NOT NULL OR OLD.status <> 'allocated'
            OR NEW.vrf_id IS DISTINCT FROM OLD.vrf_id))
    EXECUTE FUNCTION ip_addresses_mac_address();
