-- A MAC address belongs to one machine of a VRF: a server with its interfaces, or an allocation
-- that no server holds (one for IPv4 and one for IPv6). Whoever writes, another holder refuses it.
-- An allocation and a server's card with the same address are the same machine.

CREATE TRIGGER hosts_mac_address_insert AFTER INSERT ON hosts FOR EACH ROW
WHEN NEW.mac_address IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'this MAC address belongs to another machine')
    WHERE EXISTS (
        SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
        WHERE i.mac_address = NEW.mac_address AND h.vrf_id IS NEW.vrf_id AND h.id <> NEW.id
    ) OR EXISTS (
        SELECT 1 FROM ip_addresses a
        WHERE a.mac_address = NEW.mac_address AND a.vrf_id IS NEW.vrf_id
            AND a.status = 'allocated' AND a.server_id IS NULL
            AND a.ip_address IS NOT NEW.ip_address
    );
END;

CREATE TRIGGER hosts_mac_address_update AFTER UPDATE ON hosts FOR EACH ROW
WHEN NEW.mac_address IS NOT NULL
    AND (NEW.mac_address IS NOT OLD.mac_address OR NEW.vrf_id IS NOT OLD.vrf_id)
BEGIN
    SELECT RAISE(ABORT, 'this MAC address belongs to another machine')
    WHERE EXISTS (
        SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
        WHERE i.mac_address = NEW.mac_address AND h.vrf_id IS NEW.vrf_id AND h.id <> NEW.id
    ) OR EXISTS (
        SELECT 1 FROM ip_addresses a
        WHERE a.mac_address = NEW.mac_address AND a.vrf_id IS NEW.vrf_id
            AND a.status = 'allocated' AND a.server_id IS NULL
            AND a.ip_address IS NOT NEW.ip_address
    );
END;

CREATE TRIGGER interfaces_mac_address_insert AFTER INSERT ON interfaces FOR EACH ROW
WHEN NEW.mac_address IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'this MAC address belongs to another machine')
    WHERE EXISTS (
        SELECT 1 FROM hosts h JOIN hosts o ON o.id = NEW.server_id
        WHERE h.mac_address = NEW.mac_address AND h.vrf_id IS NULL AND o.vrf_id IS NULL
            AND h.id <> o.id
    ) OR EXISTS (
        SELECT 1 FROM hosts h JOIN hosts o ON o.id = NEW.server_id
        WHERE h.mac_address = NEW.mac_address AND h.vrf_id = o.vrf_id AND h.id <> o.id
    ) OR EXISTS (
        SELECT 1 FROM interfaces i
        JOIN hosts h ON h.id = i.server_id JOIN hosts o ON o.id = NEW.server_id
        WHERE i.mac_address = NEW.mac_address AND h.vrf_id IS o.vrf_id AND h.id <> o.id
    ) OR EXISTS (
        SELECT 1 FROM ip_addresses a JOIN hosts o ON o.id = NEW.server_id
        WHERE a.mac_address = NEW.mac_address AND a.vrf_id IS o.vrf_id
            AND a.status = 'allocated' AND a.server_id IS NULL
            AND a.ip_address IS NOT NEW.ip_address
    );
END;

CREATE TRIGGER interfaces_mac_address_update AFTER UPDATE ON interfaces FOR EACH ROW
WHEN NEW.mac_address IS NOT NULL
    AND (NEW.mac_address IS NOT OLD.mac_address OR NEW.server_id IS NOT OLD.server_id)
BEGIN
    SELECT RAISE(ABORT, 'this MAC address belongs to another machine')
    WHERE EXISTS (
        SELECT 1 FROM hosts h JOIN hosts o ON o.id = NEW.server_id
        WHERE h.mac_address = NEW.mac_address AND h.vrf_id IS NULL AND o.vrf_id IS NULL
            AND h.id <> o.id
    ) OR EXISTS (
        SELECT 1 FROM hosts h JOIN hosts o ON o.id = NEW.server_id
        WHERE h.mac_address = NEW.mac_address AND h.vrf_id = o.vrf_id AND h.id <> o.id
    ) OR EXISTS (
        SELECT 1 FROM interfaces i
        JOIN hosts h ON h.id = i.server_id JOIN hosts o ON o.id = NEW.server_id
        WHERE i.mac_address = NEW.mac_address AND h.vrf_id IS o.vrf_id AND h.id <> o.id
    ) OR EXISTS (
        SELECT 1 FROM ip_addresses a JOIN hosts o ON o.id = NEW.server_id
        WHERE a.mac_address = NEW.mac_address AND a.vrf_id IS o.vrf_id
            AND a.status = 'allocated' AND a.server_id IS NULL
            AND a.ip_address IS NOT NEW.ip_address
    );
END;

CREATE TRIGGER ip_addresses_mac_address_insert AFTER INSERT ON ip_addresses FOR EACH ROW
WHEN NEW.mac_address IS NOT NULL AND NEW.server_id IS NULL
    AND NEW.status = 'allocated'
BEGIN
    SELECT RAISE(ABORT, 'this MAC address belongs to another machine')
    WHERE EXISTS (
        SELECT 1 FROM hosts h
        WHERE h.mac_address = NEW.mac_address AND h.vrf_id IS NULL AND NEW.vrf_id IS NULL
            AND h.ip_address IS NOT NEW.ip_address
    ) OR EXISTS (
        SELECT 1 FROM hosts h
        WHERE h.mac_address = NEW.mac_address AND h.vrf_id = NEW.vrf_id
            AND h.ip_address IS NOT NEW.ip_address
    ) OR EXISTS (
        SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
        WHERE i.mac_address = NEW.mac_address AND h.vrf_id IS NEW.vrf_id
            AND i.ip_address IS NOT NEW.ip_address
    ) OR EXISTS (
        SELECT 1 FROM ip_addresses a
        WHERE a.mac_address = NEW.mac_address AND a.vrf_id IS NEW.vrf_id
            AND a.status = 'allocated' AND a.server_id IS NULL
            AND a.id <> NEW.id
            AND substr(a.ip_address, 1, 1) = substr(NEW.ip_address, 1, 1)
    );
END;

CREATE TRIGGER ip_addresses_mac_address_update AFTER UPDATE ON ip_addresses FOR EACH ROW
WHEN NEW.mac_address IS NOT NULL AND NEW.server_id IS NULL
    AND NEW.status = 'allocated'
    AND (NEW.mac_address IS NOT OLD.mac_address OR OLD.server_id IS NOT NULL
        OR OLD.status <> 'allocated' OR NEW.vrf_id IS NOT OLD.vrf_id)
BEGIN
    SELECT RAISE(ABORT, 'this MAC address belongs to another machine')
    WHERE EXISTS (
        SELECT 1 FROM hosts h
        WHERE h.mac_address = NEW.mac_address AND h.vrf_id IS NULL AND NEW.vrf_id IS NULL
            AND h.ip_address IS NOT NEW.ip_address
    ) OR EXISTS (
        SELECT 1 FROM hosts h
        WHERE h.mac_address = NEW.mac_address AND h.vrf_id = NEW.vrf_id
            AND h.ip_address IS NOT NEW.ip_address
    ) OR EXISTS (
        SELECT 1 FROM interfaces i JOIN hosts h ON h.id = i.server_id
        WHERE i.mac_address = NEW.mac_address AND h.vrf_id IS NEW.vrf_id
            AND i.ip_address IS NOT NEW.ip_address
    ) OR EXISTS (
        SELECT 1 FROM ip_addresses a
        WHERE a.mac_address = NEW.mac_address AND a.vrf_id IS NEW.vrf_id
            AND a.status = 'allocated' AND a.server_id IS NULL
            AND a.id <> NEW.id
            AND substr(a.ip_address, 1, 1) = substr(NEW.ip_address, 1, 1)
    );
END;
