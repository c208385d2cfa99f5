-- A row of dhcp_changes for every named address that DHCP does not serve, such as that of a virtual
-- machine, whoever writes it: its name is served where a zone is ours. Row by row, so that the
-- conditions keep the claim of an address without a name as cheap as without these triggers.

CREATE OR REPLACE FUNCTION ip_addresses_name_change() RETURNS trigger
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
    VALUES ('ipaddress', changed.id,
        left(rtrim(host(changed.ip_address) || ' ' || changed.hostname), 255), CASE TG_OP
            WHEN 'INSERT' THEN 'add' WHEN 'UPDATE' THEN 'change' ELSE 'delete' END,
        CASE current_setting('ipmanager.writer', true) WHEN 'site' THEN ''
            ELSE session_user || ' (SQL)' END);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER ip_addresses_name_change_insert
    AFTER INSERT ON ip_addresses
    FOR EACH ROW WHEN (NEW.hostname <> '' AND NEW.server_id IS NULL
            AND (NEW.status = 'reserved' OR (NEW.status = 'allocated' AND NEW.mac_address IS NULL)))
    EXECUTE FUNCTION ip_addresses_name_change();

CREATE OR REPLACE TRIGGER ip_addresses_name_change_update
    AFTER UPDATE ON ip_addresses
    FOR EACH ROW WHEN (
        ((NEW.hostname <> '' AND NEW.server_id IS NULL
            AND (NEW.status = 'reserved' OR (NEW.status = 'allocated' AND NEW.mac_address IS NULL)))
        OR (OLD.hostname <> '' AND OLD.server_id IS NULL
            AND (OLD.status = 'reserved' OR (OLD.status = 'allocated' AND OLD.mac_address IS NULL))))
        AND (OLD.vrf_id, OLD.ip_address, OLD.status, OLD.server_id, OLD.hostname)
            IS DISTINCT FROM (NEW.vrf_id, NEW.ip_address, NEW.status, NEW.server_id, NEW.hostname))
    EXECUTE FUNCTION ip_addresses_name_change();

CREATE OR REPLACE TRIGGER ip_addresses_name_change_delete
    AFTER DELETE ON ip_addresses
    FOR EACH ROW WHEN (OLD.hostname <> '' AND OLD.server_id IS NULL
            AND (OLD.status = 'reserved' OR (OLD.status = 'allocated' AND OLD.mac_address IS NULL)))
    EXECUTE FUNCTION ip_addresses_name_change();
