-- The placing rule (ipam/placement/place.py) for raw SQL on hosts and interfaces, row by row: an
-- address is taken, or the statement is refused. SQLite's triggers cannot find the subnet of an
-- address; the worker does (ipam/placement/catch_up.py), told by a row of raw_changes.
-- The site's own writes are placed by Python: its connections set analysis_limit to 20261, and no
-- trigger but hosts_leave fires.

-- Rule 3: addresses that no machine may have: the gateway, network or broadcast address of their
-- subnet. An address is a broadcast address when all its host bits are set: whole hexadecimal digits
-- F, and the low bits of the digit before.
CREATE VIEW addresses_unfit AS
SELECT a.id
FROM ip_addresses a
JOIN (
    SELECT id, gateway, substr(network, 1, 17) AS lowest, substr(network, 1, 1) = x'04' AS is_ipv4,
        CASE substr(network, 1, 1) WHEN x'04' THEN 32 ELSE 128 END
            - (instr('0123456789ABCDEF', substr(hex(network), 35, 1)) - 1) * 16
            - (instr('0123456789ABCDEF', substr(hex(network), 36, 1)) - 1) AS host_bits
    FROM subnets
) s ON s.id = a.subnet_id
WHERE s.gateway = a.ip_address
    OR (s.host_bits > 1 AND a.ip_address = s.lowest)
    OR (s.host_bits > 1 AND s.is_ipv4
        AND substr(hex(a.ip_address), 35 - s.host_bits / 4)
            = substr('FFFFFFFF', 1, s.host_bits / 4)
        AND ((instr('0123456789ABCDEF', substr(hex(a.ip_address), 34 - s.host_bits / 4, 1)) - 1)
            | -(1 << (s.host_bits % 4))) = -1);

-- Rows that do not become available when their server leaves, for they are outside the static pools
-- or in no subnet, too.
CREATE VIEW addresses_never_free AS
SELECT a.id
FROM ip_addresses a
WHERE a.ip_type <> 'static'
    OR NOT EXISTS (SELECT 1 FROM subnets s WHERE s.id = a.subnet_id)
    OR EXISTS (SELECT 1 FROM addresses_unfit u WHERE u.id = a.id);

-- Rows that do not become reserved again, for they are in a DHCP pool, too.
CREATE VIEW addresses_never_reserved AS
SELECT a.id
FROM ip_addresses a
WHERE EXISTS (SELECT 1 FROM addresses_unfit u WHERE u.id = a.id)
    OR EXISTS (
        SELECT 1 FROM pools p
        WHERE p.subnet_id = a.subnet_id AND p.kind = 'dhcp'
            AND a.ip_address BETWEEN p.first AND p.last);

-- --- hosts ---------------------------------------------------------------------------------------

-- Foreign keys are not enforced unless the client asks for it: its interfaces would stay.
CREATE TRIGGER hosts_leave BEFORE DELETE ON hosts FOR EACH ROW
BEGIN
    UPDATE ip_addresses SET
        status = 'reserved', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = reservation, reservation = NULL,
        freed_at = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE server_id = OLD.id
        AND reservation IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM addresses_never_reserved n WHERE n.id = ip_addresses.id);
    DELETE FROM ip_addresses
    WHERE server_id = OLD.id
        AND EXISTS (SELECT 1 FROM addresses_never_free n WHERE n.id = ip_addresses.id);
    UPDATE ip_addresses SET
        status = 'available', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = '', reservation = NULL,
        freed_at = strftime('%Y-%m-%d %H:%M:%f000', 'now'),
        updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE server_id = OLD.id;
    DELETE FROM interfaces WHERE server_id = OLD.id;
END;

CREATE TRIGGER hosts_placing_insert AFTER INSERT ON hosts FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    SELECT RAISE(ABORT,
        'this address is taken by somebody else; choose another, or release it first')
    WHERE EXISTS (
        SELECT 1 FROM ip_addresses
        WHERE ip_address = NEW.ip_address AND vrf_id IS NEW.vrf_id
            AND NOT (server_id IS NEW.id OR (server_id IS NULL AND (
                (vm_id IS NULL AND status IN ('available', 'reserved'))
                OR (status = 'allocated'
                    AND mac_address IS NOT NULL AND mac_address IS NEW.mac_address)
                OR (status = 'allocated' AND vm_id IS NULL AND mac_address IS NULL
                    AND hostname <> ''
                        AND lower(hostname) = lower(NEW.hostname))))));
    UPDATE ip_addresses SET
        status = 'allocated', server_id = NEW.id, mac_address = NEW.mac_address,
        hostname = (SELECT h.hostname FROM hosts h WHERE h.id = NEW.id),
        platform = (SELECT h.device_type FROM hosts h WHERE h.id = NEW.id),
        manufacturer = (SELECT h.manufacturer FROM hosts h WHERE h.id = NEW.id),
        reservation = CASE status WHEN 'reserved' THEN description ELSE reservation END,
        freed_at = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE ip_address = NEW.ip_address AND vrf_id IS NEW.vrf_id
        AND server_id IS NULL;
    INSERT INTO ip_addresses (vrf_id, ip_address, status, ip_type, server_id, hostname, mac_address)
    SELECT NEW.vrf_id, NEW.ip_address, 'allocated', 'dhcp', NEW.id,
        (SELECT h.hostname FROM hosts h WHERE h.id = NEW.id), NEW.mac_address
    WHERE NEW.ip_address IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM ip_addresses
        WHERE ip_address = NEW.ip_address AND vrf_id IS NEW.vrf_id);
    INSERT INTO raw_changes (server_id)
    SELECT NEW.id
    WHERE (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE (SELECT count(*) FROM raw_changes) = 100;
END;

CREATE TRIGGER hosts_placing_update AFTER UPDATE ON hosts FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.hostname IS NOT NEW.hostname
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.device_type IS NOT NEW.device_type
        OR OLD.manufacturer IS NOT NEW.manufacturer)
BEGIN
    -- What it no longer claims.
    UPDATE ip_addresses SET
        status = 'reserved', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = reservation, reservation = NULL,
        freed_at = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE server_id = OLD.id AND ip_address = OLD.ip_address
        AND NOT EXISTS (
            SELECT 1 FROM hosts h
            WHERE h.id = OLD.id AND h.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND NOT EXISTS (
            SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
            WHERE h.id = OLD.id AND i.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND reservation IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM addresses_never_reserved n WHERE n.id = ip_addresses.id);
    DELETE FROM ip_addresses
    WHERE server_id = OLD.id AND ip_address = OLD.ip_address
        AND NOT EXISTS (
            SELECT 1 FROM hosts h
            WHERE h.id = OLD.id AND h.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND NOT EXISTS (
            SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
            WHERE h.id = OLD.id AND i.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND EXISTS (SELECT 1 FROM addresses_never_free n WHERE n.id = ip_addresses.id);
    UPDATE ip_addresses SET
        status = 'available', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = '', reservation = NULL,
        freed_at = strftime('%Y-%m-%d %H:%M:%f000', 'now'),
        updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE server_id = OLD.id AND ip_address = OLD.ip_address
        AND NOT EXISTS (
            SELECT 1 FROM hosts h
            WHERE h.id = OLD.id AND h.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND NOT EXISTS (
            SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
            WHERE h.id = OLD.id AND i.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id);
    -- What it claims now.
    SELECT RAISE(ABORT,
        'this address is taken by somebody else; choose another, or release it first')
    WHERE EXISTS (
        SELECT 1 FROM ip_addresses
        WHERE ip_address = NEW.ip_address AND vrf_id IS NEW.vrf_id
            AND NOT (server_id IS NEW.id OR (server_id IS NULL AND (
                (vm_id IS NULL AND status IN ('available', 'reserved'))
                OR (status = 'allocated'
                    AND mac_address IS NOT NULL AND mac_address IS NEW.mac_address)
                OR (status = 'allocated' AND vm_id IS NULL AND mac_address IS NULL
                    AND hostname <> ''
                        AND lower(hostname) = lower(NEW.hostname))))));
    UPDATE ip_addresses SET
        status = 'allocated', server_id = NEW.id, mac_address = NEW.mac_address,
        hostname = (SELECT h.hostname FROM hosts h WHERE h.id = NEW.id),
        platform = (SELECT h.device_type FROM hosts h WHERE h.id = NEW.id),
        manufacturer = (SELECT h.manufacturer FROM hosts h WHERE h.id = NEW.id),
        reservation = CASE status WHEN 'reserved' THEN description ELSE reservation END,
        freed_at = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE ip_address = NEW.ip_address AND vrf_id IS NEW.vrf_id
        AND server_id IS NULL;
    INSERT INTO ip_addresses (vrf_id, ip_address, status, ip_type, server_id, hostname, mac_address)
    SELECT NEW.vrf_id, NEW.ip_address, 'allocated', 'dhcp', NEW.id,
        (SELECT h.hostname FROM hosts h WHERE h.id = NEW.id), NEW.mac_address
    WHERE NEW.ip_address IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM ip_addresses
        WHERE ip_address = NEW.ip_address AND vrf_id IS NEW.vrf_id);
    INSERT INTO raw_changes (server_id)
    SELECT NEW.id
    WHERE (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE (SELECT count(*) FROM raw_changes) = 100;
END;

-- --- interfaces ----------------------------------------------------------------------------------

CREATE TRIGGER interfaces_placing_insert AFTER INSERT ON interfaces FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    SELECT RAISE(ABORT,
        'this address is taken by somebody else; choose another, or release it first')
    WHERE EXISTS (
        SELECT 1 FROM ip_addresses
        WHERE ip_address = NEW.ip_address
        AND vrf_id IS (SELECT h.vrf_id FROM hosts h WHERE h.id = NEW.server_id)
            AND NOT (server_id IS NEW.server_id OR (server_id IS NULL AND (
                (vm_id IS NULL AND status IN ('available', 'reserved'))
                OR (status = 'allocated'
                    AND mac_address IS NOT NULL AND mac_address IS NEW.mac_address)
                OR (status = 'allocated' AND vm_id IS NULL AND mac_address IS NULL
                    AND hostname <> ''
                        AND lower(hostname) = (
                            SELECT lower(h.hostname) FROM hosts h WHERE h.id = NEW.server_id))))));
    UPDATE ip_addresses SET
        status = 'allocated', server_id = NEW.server_id, mac_address = NEW.mac_address,
        hostname = (SELECT h.hostname FROM hosts h WHERE h.id = NEW.server_id),
        platform = (SELECT h.device_type FROM hosts h WHERE h.id = NEW.server_id),
        manufacturer = (SELECT h.manufacturer FROM hosts h WHERE h.id = NEW.server_id),
        reservation = CASE status WHEN 'reserved' THEN description ELSE reservation END,
        freed_at = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE ip_address = NEW.ip_address
        AND vrf_id IS (SELECT h.vrf_id FROM hosts h WHERE h.id = NEW.server_id)
        AND server_id IS NULL;
    INSERT INTO ip_addresses (vrf_id, ip_address, status, ip_type, server_id, hostname, mac_address)
    SELECT
        (SELECT h.vrf_id FROM hosts h WHERE h.id = NEW.server_id),
        NEW.ip_address, 'allocated', 'dhcp', NEW.server_id,
        (SELECT h.hostname FROM hosts h WHERE h.id = NEW.server_id), NEW.mac_address
    WHERE NEW.ip_address IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM ip_addresses
        WHERE ip_address = NEW.ip_address
        AND vrf_id IS (SELECT h.vrf_id FROM hosts h WHERE h.id = NEW.server_id));
    INSERT INTO raw_changes (server_id)
    SELECT NEW.server_id
    WHERE (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE (SELECT count(*) FROM raw_changes) = 100;
END;

CREATE TRIGGER interfaces_placing_update AFTER UPDATE ON interfaces FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.server_id IS NOT NEW.server_id
        OR OLD.name IS NOT NEW.name
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.mac_address IS NOT NEW.mac_address)
BEGIN
    -- What it no longer claims.
    UPDATE ip_addresses SET
        status = 'reserved', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = reservation, reservation = NULL,
        freed_at = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE server_id = OLD.server_id AND ip_address = OLD.ip_address
        AND NOT EXISTS (
            SELECT 1 FROM hosts h
            WHERE h.id = OLD.server_id AND h.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND NOT EXISTS (
            SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
            WHERE h.id = OLD.server_id AND i.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND reservation IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM addresses_never_reserved n WHERE n.id = ip_addresses.id);
    DELETE FROM ip_addresses
    WHERE server_id = OLD.server_id AND ip_address = OLD.ip_address
        AND NOT EXISTS (
            SELECT 1 FROM hosts h
            WHERE h.id = OLD.server_id AND h.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND NOT EXISTS (
            SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
            WHERE h.id = OLD.server_id AND i.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND EXISTS (SELECT 1 FROM addresses_never_free n WHERE n.id = ip_addresses.id);
    UPDATE ip_addresses SET
        status = 'available', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = '', reservation = NULL,
        freed_at = strftime('%Y-%m-%d %H:%M:%f000', 'now'),
        updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE server_id = OLD.server_id AND ip_address = OLD.ip_address
        AND NOT EXISTS (
            SELECT 1 FROM hosts h
            WHERE h.id = OLD.server_id AND h.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND NOT EXISTS (
            SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
            WHERE h.id = OLD.server_id AND i.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id);
    -- What it claims now.
    SELECT RAISE(ABORT,
        'this address is taken by somebody else; choose another, or release it first')
    WHERE EXISTS (
        SELECT 1 FROM ip_addresses
        WHERE ip_address = NEW.ip_address
        AND vrf_id IS (SELECT h.vrf_id FROM hosts h WHERE h.id = NEW.server_id)
            AND NOT (server_id IS NEW.server_id OR (server_id IS NULL AND (
                (vm_id IS NULL AND status IN ('available', 'reserved'))
                OR (status = 'allocated'
                    AND mac_address IS NOT NULL AND mac_address IS NEW.mac_address)
                OR (status = 'allocated' AND vm_id IS NULL AND mac_address IS NULL
                    AND hostname <> ''
                        AND lower(hostname) = (
                            SELECT lower(h.hostname) FROM hosts h WHERE h.id = NEW.server_id))))));
    UPDATE ip_addresses SET
        status = 'allocated', server_id = NEW.server_id, mac_address = NEW.mac_address,
        hostname = (SELECT h.hostname FROM hosts h WHERE h.id = NEW.server_id),
        platform = (SELECT h.device_type FROM hosts h WHERE h.id = NEW.server_id),
        manufacturer = (SELECT h.manufacturer FROM hosts h WHERE h.id = NEW.server_id),
        reservation = CASE status WHEN 'reserved' THEN description ELSE reservation END,
        freed_at = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE ip_address = NEW.ip_address
        AND vrf_id IS (SELECT h.vrf_id FROM hosts h WHERE h.id = NEW.server_id)
        AND server_id IS NULL;
    INSERT INTO ip_addresses (vrf_id, ip_address, status, ip_type, server_id, hostname, mac_address)
    SELECT
        (SELECT h.vrf_id FROM hosts h WHERE h.id = NEW.server_id),
        NEW.ip_address, 'allocated', 'dhcp', NEW.server_id,
        (SELECT h.hostname FROM hosts h WHERE h.id = NEW.server_id), NEW.mac_address
    WHERE NEW.ip_address IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM ip_addresses
        WHERE ip_address = NEW.ip_address
        AND vrf_id IS (SELECT h.vrf_id FROM hosts h WHERE h.id = NEW.server_id));
    INSERT INTO raw_changes (server_id)
    SELECT NEW.server_id
    WHERE (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE (SELECT count(*) FROM raw_changes) = 100;
END;

CREATE TRIGGER interfaces_placing_delete AFTER DELETE ON interfaces FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    UPDATE ip_addresses SET
        status = 'reserved', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = reservation, reservation = NULL,
        freed_at = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE server_id = OLD.server_id AND ip_address = OLD.ip_address
        AND NOT EXISTS (
            SELECT 1 FROM hosts h
            WHERE h.id = OLD.server_id AND h.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND NOT EXISTS (
            SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
            WHERE h.id = OLD.server_id AND i.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND reservation IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM addresses_never_reserved n WHERE n.id = ip_addresses.id);
    DELETE FROM ip_addresses
    WHERE server_id = OLD.server_id AND ip_address = OLD.ip_address
        AND NOT EXISTS (
            SELECT 1 FROM hosts h
            WHERE h.id = OLD.server_id AND h.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND NOT EXISTS (
            SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
            WHERE h.id = OLD.server_id AND i.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND EXISTS (SELECT 1 FROM addresses_never_free n WHERE n.id = ip_addresses.id);
    UPDATE ip_addresses SET
        status = 'available', server_id = NULL, vm_id = NULL, mac_address = NULL, hostname = '',
        platform = '', manufacturer = '', description = '', reservation = NULL,
        freed_at = strftime('%Y-%m-%d %H:%M:%f000', 'now'),
        updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE server_id = OLD.server_id AND ip_address = OLD.ip_address
        AND NOT EXISTS (
            SELECT 1 FROM hosts h
            WHERE h.id = OLD.server_id AND h.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id)
        AND NOT EXISTS (
            SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
            WHERE h.id = OLD.server_id AND i.ip_address = OLD.ip_address
                AND h.vrf_id IS ip_addresses.vrf_id);
    INSERT INTO raw_changes (server_id)
    SELECT OLD.server_id
    WHERE (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE (SELECT count(*) FROM raw_changes) = 100;
END;
