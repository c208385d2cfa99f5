-- A row of dhcp_changes for every registered service that gets, changes or loses its address or port,
-- whoever writes it: its name is served where a zone is ours. A heartbeat writes none of these
-- columns.

CREATE OR REPLACE FUNCTION services_name_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    changed record;
BEGIN
    IF NOT EXISTS (SELECT FROM names_zones WHERE enabled) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        changed := OLD;
    ELSE
        changed := NEW;
    END IF;
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    VALUES ('service', changed.id,
        left(changed.environment || '/' || changed.service_id, 255), CASE TG_OP
            WHEN 'INSERT' THEN 'add' WHEN 'UPDATE' THEN 'change' ELSE 'delete' END,
        CASE current_setting('ipmanager.writer', true) WHEN 'site' THEN ''
            ELSE session_user || ' (SQL)' END);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER services_name_change_insert
    AFTER INSERT ON services
    FOR EACH ROW WHEN (NEW.ip_address IS NOT NULL)
    EXECUTE FUNCTION services_name_change();

CREATE OR REPLACE TRIGGER services_name_change_update
    AFTER UPDATE OF ip_address, port, protocol, service_id, environment ON services
    FOR EACH ROW WHEN (
        (OLD.ip_address, OLD.port, OLD.protocol, OLD.service_id, OLD.environment)
            IS DISTINCT FROM
        (NEW.ip_address, NEW.port, NEW.protocol, NEW.service_id, NEW.environment))
    EXECUTE FUNCTION services_name_change();

CREATE OR REPLACE TRIGGER services_name_change_delete
    AFTER DELETE ON services
    FOR EACH ROW WHEN (OLD.ip_address IS NOT NULL)
    EXECUTE FUNCTION services_name_change();
