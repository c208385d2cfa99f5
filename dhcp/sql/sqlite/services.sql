-- A row of dhcp_changes for every registered service that gets, changes or loses its address or port,
-- whoever writes it: its name is served where a zone is ours.

CREATE TRIGGER services_name_change_insert AFTER INSERT ON services FOR EACH ROW
WHEN NEW.ip_address IS NOT NULL
    AND EXISTS (SELECT 1 FROM names_zones WHERE enabled)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    VALUES ('service', NEW.id, substr(NEW.environment || '/' || NEW.service_id, 1, 255), 'add',
        CASE (SELECT analysis_limit FROM pragma_analysis_limit) WHEN 20261 THEN '' ELSE 'SQL' END);
END;

CREATE TRIGGER services_name_change_update AFTER UPDATE OF ip_address, port, protocol, service_id, environment ON services FOR EACH ROW
WHEN (OLD.ip_address IS NOT NEW.ip_address
        OR OLD.port IS NOT NEW.port
        OR OLD.protocol IS NOT NEW.protocol
        OR OLD.service_id IS NOT NEW.service_id
        OR OLD.environment IS NOT NEW.environment)
    AND EXISTS (SELECT 1 FROM names_zones WHERE enabled)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    VALUES ('service', NEW.id, substr(NEW.environment || '/' || NEW.service_id, 1, 255), 'change',
        CASE (SELECT analysis_limit FROM pragma_analysis_limit) WHEN 20261 THEN '' ELSE 'SQL' END);
END;

CREATE TRIGGER services_name_change_delete AFTER DELETE ON services FOR EACH ROW
WHEN OLD.ip_address IS NOT NULL
    AND EXISTS (SELECT 1 FROM names_zones WHERE enabled)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    VALUES ('service', OLD.id, substr(OLD.environment || '/' || OLD.service_id, 1, 255), 'delete',
        CASE (SELECT analysis_limit FROM pragma_analysis_limit) WHEN 20261 THEN '' ELSE 'SQL' END);
END;
