-- The placing rule (ipam/placement/place.py) for raw SQL on hosts and interfaces. It runs in the
-- transaction of the raw SQL, so that nobody is given an address that a row of hosts has.
-- The site's own writes are placed by Python: its transactions set ipmanager.writer to 'site', and
-- no trigger but hosts_leave fires.

-- Rule 1: which addresses these servers claim. An address that several interfaces of a server share
-- is claimed once, with the MAC address of the first: the server's own before its interfaces'.
CREATE OR REPLACE FUNCTION server_claims(server_ids bigint[])
RETURNS TABLE (vrf_id bigint, ip_address inet, server_id bigint, mac_address macaddr)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT DISTINCT ON (claimed.id, claimed.ip_address)
        claimed.vrf_id, claimed.ip_address, claimed.id, claimed.mac_address
    FROM (
        SELECT h.vrf_id, h.ip_address, h.id, h.mac_address, 0 AS rank, '' AS name, h.id AS key
        FROM hosts h JOIN unnest(server_ids) AS one (id) USING (id)
        WHERE h.ip_address IS NOT NULL
        UNION ALL
        SELECT h.vrf_id, i.ip_address, h.id, i.mac_address, 1, i.name, i.id
        FROM interfaces i
        JOIN hosts h ON h.id = i.server_id
        JOIN unnest(server_ids) AS one (id) ON one.id = h.id
        WHERE i.ip_address IS NOT NULL
    ) claimed
    ORDER BY claimed.id, claimed.ip_address, claimed.rank, claimed.name, claimed.key;
END
$$;

-- Rule 2: what the row of each claimed address says: the most specific subnet (one equality probe
-- for each prefix length in use), static inside a static pool of it and dhcp elsewhere, and what
-- the server says of itself.
CREATE OR REPLACE FUNCTION server_address_rows(server_ids bigint[])
RETURNS TABLE (
    vrf_id bigint, ip_address inet, server_id bigint, mac_address macaddr, hostname text,
    device_type text, manufacturer text, subnet_id bigint, ip_type text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH claimed AS MATERIALIZED (
        SELECT c.*, h.hostname, h.device_type, h.manufacturer
        FROM server_claims(server_ids) c JOIN hosts h ON h.id = c.server_id
    ), lengths AS MATERIALIZED (
        SELECT DISTINCT family(network) AS family, masklen(network) AS length FROM subnets
    ), most_specific AS (
        SELECT DISTINCT ON (c.server_id, c.ip_address) c.server_id, c.ip_address, s.id
        FROM claimed c
        JOIN lengths l ON l.family = family(c.ip_address)
        JOIN subnets s ON s.network = network(set_masklen(c.ip_address, l.length))
            AND s.vrf_id IS NOT DISTINCT FROM c.vrf_id
        ORDER BY c.server_id, c.ip_address, l.length DESC
    )
    SELECT c.vrf_id, c.ip_address, c.server_id, c.mac_address, c.hostname::text,
        c.device_type::text, c.manufacturer::text, s.id,
        CASE WHEN EXISTS (
            SELECT FROM pools p
            WHERE p.subnet_id = s.id AND p.kind = 'static'
                AND c.ip_address BETWEEN p.first AND p.last
        ) THEN 'static' ELSE 'dhcp' END
    FROM claimed c LEFT JOIN most_specific s USING (server_id, ip_address);
END
$$;

-- Rule 3: an address that its server no longer claims. One that was reserved before is reserved
-- again, unless it lies in a DHCP pool now. Another static row stays, available to the next
-- allocation. Neither does the gateway, network or broadcast address of a subnet; every other row
-- is deleted. The caller has locked the rows.
CREATE OR REPLACE FUNCTION free_addresses(row_ids bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    reserved bigint[];
    kept bigint[];
    gone bigint[];
BEGIN
    reserved := ARRAY(
        SELECT a.id
        FROM ip_addresses a
        JOIN unnest(row_ids) AS one (id) USING (id)
        LEFT JOIN subnets s ON s.id = a.subnet_id
        WHERE a.reservation IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM pools p
                WHERE p.subnet_id = s.id AND p.kind = 'dhcp'
                    AND a.ip_address BETWEEN p.first AND p.last)
            AND (s.id IS NULL OR a.ip_address IS DISTINCT FROM s.gateway)
            AND (
                s.id IS NULL
                OR masklen(s.network) >= CASE family(s.network) WHEN 4 THEN 31 ELSE 127 END
                OR (a.ip_address <> host(s.network)::inet
                    AND (family(s.network) = 6 OR a.ip_address <> host(broadcast(s.network))::inet))
            ));
    kept := ARRAY(
        SELECT a.id
        FROM ip_addresses a
        JOIN unnest(row_ids) AS one (id) USING (id)
        JOIN subnets s ON s.id = a.subnet_id
        WHERE a.ip_type = 'static'
            AND a.id <> ALL (reserved)
            AND a.ip_address IS DISTINCT FROM s.gateway
            AND (
                masklen(s.network) >= CASE family(s.network) WHEN 4 THEN 31 ELSE 127 END
                OR (a.ip_address <> host(s.network)::inet
                    AND (family(s.network) = 6 OR a.ip_address <> host(broadcast(s.network))::inet))
            ));
    gone := ARRAY(SELECT unnest(row_ids) EXCEPT SELECT unnest(reserved || kept));
    DELETE FROM ip_addresses WHERE id IN (SELECT unnest(gone));
    UPDATE ip_addresses SET
        status = 'available', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = '', reservation = NULL,
        freed_at = now(), updated_at = now()
    WHERE id IN (SELECT unnest(kept));
    UPDATE ip_addresses SET
        status = 'reserved', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = reservation, reservation = NULL,
        freed_at = NULL, updated_at = now()
    WHERE id IN (SELECT unnest(reserved));
END
$$;

-- Rules 1 to 4 for these servers, and a note for the worker (ipam/placement/catch_up.py).
-- Rule 4: a row that is free, reserved, the server's own or allocated for its MAC address (without
-- one: for its host name) is taken, a missing one is created, and one that somebody else holds
-- refuses the statement and names the holder.
-- A row is locked by its update. So an allocation at the same moment either comes first, and its
-- holder is named, or waits, and finds the row taken. A row that appears between two of these
-- statements is taken at the second attempt.
CREATE OR REPLACE FUNCTION place_servers(server_ids bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    refused record;
BEGIN
    IF cardinality(server_ids) = 0 THEN
        RETURN;
    END IF;
    PERFORM free_addresses(ARRAY(
        SELECT a.id FROM ip_addresses a
        WHERE a.server_id = ANY (server_ids) AND NOT EXISTS (
            SELECT FROM server_claims(server_ids) c
            WHERE c.server_id = a.server_id AND c.ip_address = a.ip_address
                AND c.vrf_id IS NOT DISTINCT FROM a.vrf_id)
        FOR UPDATE OF a));
    FOR attempt IN 1..3 LOOP
        UPDATE ip_addresses a SET
            subnet_id = c.subnet_id, ip_type = c.ip_type, status = 'allocated',
            server_id = c.server_id, hostname = c.hostname, mac_address = c.mac_address,
            platform = c.device_type, manufacturer = c.manufacturer,
            reservation = CASE a.status
                WHEN 'reserved' THEN a.description ELSE a.reservation END,
            freed_at = NULL, updated_at = now()
        FROM server_address_rows(server_ids) c
        WHERE a.ip_address = c.ip_address AND a.vrf_id IS NOT DISTINCT FROM c.vrf_id
            AND (a.server_id = c.server_id OR (a.server_id IS NULL AND (
                (a.vm_id IS NULL AND a.status IN ('available', 'reserved'))
                OR (a.status = 'allocated' AND a.mac_address = c.mac_address)
                OR (a.status = 'allocated' AND a.vm_id IS NULL AND a.mac_address IS NULL
                    AND a.hostname <> '' AND lower(a.hostname) = lower(c.hostname)))))
            AND (a.subnet_id, a.ip_type, a.status, a.server_id, a.hostname, a.mac_address,
                    a.platform, a.manufacturer)
                IS DISTINCT FROM (c.subnet_id, c.ip_type, 'allocated', c.server_id, c.hostname,
                    c.mac_address, c.device_type, c.manufacturer);
        INSERT INTO ip_addresses (vrf_id, subnet_id, ip_address, ip_type, status, server_id,
            hostname, mac_address, platform, manufacturer)
        SELECT c.vrf_id, c.subnet_id, c.ip_address, c.ip_type, 'allocated', c.server_id,
            c.hostname, c.mac_address, c.device_type, c.manufacturer
        FROM server_address_rows(server_ids) c
        WHERE NOT EXISTS (
            SELECT FROM ip_addresses a
            WHERE a.ip_address = c.ip_address AND a.vrf_id IS NOT DISTINCT FROM c.vrf_id)
        ON CONFLICT DO NOTHING;
        SELECT c.ip_address, h.hostname, a.id AS row, a.status, a.vm_id, other.hostname AS other
        INTO refused
        FROM server_claims(server_ids) c
        JOIN hosts h ON h.id = c.server_id
        LEFT JOIN ip_addresses a
            ON a.ip_address = c.ip_address AND a.vrf_id IS NOT DISTINCT FROM c.vrf_id
        LEFT JOIN hosts other ON other.id = a.server_id
        WHERE a.server_id IS DISTINCT FROM c.server_id
        LIMIT 1;
        EXIT WHEN NOT FOUND;
        CONTINUE WHEN attempt < 3
            AND (refused.row IS NULL OR refused.status IN ('available', 'reserved'));
        RAISE unique_violation USING
            MESSAGE = format('%s of server "%s" is taken by %s',
                host(refused.ip_address), refused.hostname, CASE
                    WHEN refused.other IS NOT NULL THEN format('server "%s"', refused.other)
                    WHEN refused.vm_id IS NOT NULL THEN format('VM "%s"', refused.vm_id)
                    WHEN refused.status = 'quarantine' THEN 'the quarantine'
                    ELSE 'somebody else' END),
            HINT = 'Choose another address, or release this one first.',
            TABLE = 'ip_addresses';
    END LOOP;
    INSERT INTO raw_changes (server_id)
    SELECT unnest(server_ids) WHERE cardinality(server_ids) <= 100
    UNION ALL SELECT NULL WHERE cardinality(server_ids) > 100;
END
$$;

-- --- hosts ---------------------------------------------------------------------------------------

-- Before any deletion: afterwards, the foreign key would have emptied server_id. A deletion by the
-- site has freed the rows already, and nothing is found here.
CREATE OR REPLACE FUNCTION hosts_leave() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM ip_addresses WHERE server_id = OLD.id) THEN
        PERFORM free_addresses(ARRAY(
            SELECT id FROM ip_addresses WHERE server_id = OLD.id FOR UPDATE));
    END IF;
    RETURN OLD;
END
$$;

CREATE OR REPLACE TRIGGER hosts_leave
    BEFORE DELETE ON hosts
    FOR EACH ROW EXECUTE FUNCTION hosts_leave();

CREATE OR REPLACE FUNCTION hosts_placing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM place_servers(ARRAY(SELECT id FROM new_rows));
    ELSE
        PERFORM place_servers(ARRAY(
            SELECT DISTINCT id FROM (
                (SELECT id, vrf_id, hostname, ip_address, mac_address, device_type, manufacturer
                    FROM new_rows
                 EXCEPT
                 SELECT id, vrf_id, hostname, ip_address, mac_address, device_type, manufacturer
                    FROM old_rows)
                UNION ALL
                (SELECT id, vrf_id, hostname, ip_address, mac_address, device_type, manufacturer
                    FROM old_rows
                 EXCEPT
                 SELECT id, vrf_id, hostname, ip_address, mac_address, device_type, manufacturer
                    FROM new_rows)
            ) changed));
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER hosts_placing_insert
    AFTER INSERT ON hosts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_placing();

CREATE OR REPLACE TRIGGER hosts_placing_update
    AFTER UPDATE ON hosts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_placing();

-- --- interfaces ----------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION interfaces_placing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM place_servers(ARRAY(SELECT DISTINCT server_id FROM new_rows));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM place_servers(ARRAY(SELECT DISTINCT server_id FROM old_rows));
    ELSE
        PERFORM place_servers(ARRAY(
            SELECT DISTINCT server_id FROM (
                (SELECT id, server_id, name, ip_address, mac_address FROM new_rows
                 EXCEPT
                 SELECT id, server_id, name, ip_address, mac_address FROM old_rows)
                UNION ALL
                (SELECT id, server_id, name, ip_address, mac_address FROM old_rows
                 EXCEPT
                 SELECT id, server_id, name, ip_address, mac_address FROM new_rows)
            ) changed));
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER interfaces_placing_insert
    AFTER INSERT ON interfaces REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_placing();

CREATE OR REPLACE TRIGGER interfaces_placing_update
    AFTER UPDATE ON interfaces REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_placing();

CREATE OR REPLACE TRIGGER interfaces_placing_delete
    AFTER DELETE ON interfaces REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_placing();
