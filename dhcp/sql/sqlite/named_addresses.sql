-- A row of dhcp_changes for every named address that DHCP does not serve, such as that of a virtual
-- machine, whoever writes it: its name is served where a zone is ours. Of more than 100 rows the
-- last ones are one change. Whether there is a zone is asked last.

CREATE TRIGGER ip_addresses_name_change_insert AFTER INSERT ON ip_addresses FOR EACH ROW
WHEN NEW.hostname <> '' AND NEW.server_id IS NULL
            AND (NEW.status = 'reserved' OR (NEW.status = 'allocated' AND NEW.mac_address IS NULL))
    AND EXISTS (SELECT 1 FROM names_zones WHERE enabled)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    SELECT 'ipaddress', NEW.id, substr(NEW.hostname, 1, 255), 'add',
        CASE (SELECT analysis_limit FROM pragma_analysis_limit) WHEN 20261 THEN '' ELSE 'SQL' END
    WHERE (SELECT count(*) FROM dhcp_changes WHERE kind = 'ipaddress' AND server_id IS NULL) < 100;
    -- A new row each time: a sync that has read the former one deletes that, and has not seen what
    -- comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE kind = 'ipaddress' AND server_id IS NULL) >= 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 names', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE kind = 'ipaddress' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER ip_addresses_name_change_update AFTER UPDATE ON ip_addresses FOR EACH ROW
WHEN ((NEW.hostname <> '' AND NEW.server_id IS NULL
            AND (NEW.status = 'reserved' OR (NEW.status = 'allocated' AND NEW.mac_address IS NULL)))
        OR (OLD.hostname <> '' AND OLD.server_id IS NULL
            AND (OLD.status = 'reserved' OR (OLD.status = 'allocated' AND OLD.mac_address IS NULL))))
    AND (OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.status IS NOT NEW.status
        OR OLD.server_id IS NOT NEW.server_id
        OR OLD.hostname IS NOT NEW.hostname)
    AND EXISTS (SELECT 1 FROM names_zones WHERE enabled)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    SELECT 'ipaddress', NEW.id, substr(NEW.hostname, 1, 255), 'change',
        CASE (SELECT analysis_limit FROM pragma_analysis_limit) WHEN 20261 THEN '' ELSE 'SQL' END
    WHERE (SELECT count(*) FROM dhcp_changes WHERE kind = 'ipaddress' AND server_id IS NULL) < 100;
    -- A new row each time: a sync that has read the former one deletes that, and has not seen what
    -- comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE kind = 'ipaddress' AND server_id IS NULL) >= 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 names', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE kind = 'ipaddress' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER ip_addresses_name_change_delete AFTER DELETE ON ip_addresses FOR EACH ROW
WHEN OLD.hostname <> '' AND OLD.server_id IS NULL
            AND (OLD.status = 'reserved' OR (OLD.status = 'allocated' AND OLD.mac_address IS NULL))
    AND EXISTS (SELECT 1 FROM names_zones WHERE enabled)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    SELECT 'ipaddress', OLD.id, substr(OLD.hostname, 1, 255), 'delete',
        CASE (SELECT analysis_limit FROM pragma_analysis_limit) WHEN 20261 THEN '' ELSE 'SQL' END
    WHERE (SELECT count(*) FROM dhcp_changes WHERE kind = 'ipaddress' AND server_id IS NULL) < 100;
    -- A new row each time: a sync that has read the former one deletes that, and has not seen what
    -- comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE kind = 'ipaddress' AND server_id IS NULL) >= 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 names', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE kind = 'ipaddress' AND server_id IS NULL) >= 100;
END;
