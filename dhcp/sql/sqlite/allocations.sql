-- A row of dhcp_changes for every allocation with a MAC address that raw SQL makes, changes or
-- ends: dnsmasq serves it while no server holds it. Of more than 100 rows the last ones are one
-- change.
-- Who writes is asked last, because that takes longer than to look at the row.

CREATE TRIGGER ip_addresses_dhcp_change_insert AFTER INSERT ON ip_addresses FOR EACH ROW
WHEN NEW.mac_address IS NOT NULL AND NEW.server_id IS NULL AND NEW.status = 'allocated'
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    SELECT 'ipaddress', NEW.id,
        substr(rtrim(coalesce(NEW.mac_address, '') || ' ' || NEW.hostname), 1, 255),
        'add',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- A new row each time: a sync that has read the former one deletes that, and has not seen what
    -- comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER ip_addresses_dhcp_change_update AFTER UPDATE ON ip_addresses FOR EACH ROW
WHEN ((NEW.mac_address IS NOT NULL AND NEW.server_id IS NULL AND NEW.status = 'allocated')
        OR (OLD.mac_address IS NOT NULL AND OLD.server_id IS NULL AND OLD.status = 'allocated'))
    AND (OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.status IS NOT NEW.status
        OR OLD.server_id IS NOT NEW.server_id
        OR OLD.hostname IS NOT NEW.hostname
        OR OLD.mac_address IS NOT NEW.mac_address)
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    SELECT 'ipaddress', NEW.id,
        substr(rtrim(coalesce(NEW.mac_address, '') || ' ' || NEW.hostname), 1, 255),
        'change',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- A new row each time: a sync that has read the former one deletes that, and has not seen what
    -- comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER ip_addresses_dhcp_change_delete AFTER DELETE ON ip_addresses FOR EACH ROW
WHEN OLD.mac_address IS NOT NULL AND OLD.server_id IS NULL AND OLD.status = 'allocated'
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    SELECT 'ipaddress', OLD.id,
        substr(rtrim(coalesce(OLD.mac_address, '') || ' ' || OLD.hostname), 1, 255),
        'delete',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- A new row each time: a sync that has read the former one deletes that, and has not seen what
    -- comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;
