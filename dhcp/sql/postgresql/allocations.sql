-- A row of dhcp_changes for every allocation with a MAC address that raw SQL makes, changes or ends:
-- dnsmasq serves it while no server holds it. Row by row, so that the conditions keep the claim of
-- an address without a MAC address as cheap as without these triggers.

CREATE OR REPLACE FUNCTION ip_addresses_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    changed record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        changed := OLD;
    ELSE
        changed := NEW;
    END IF;
    INSERT INTO dhcp_changes (kind, object_id, label, action, who)
    VALUES ('ipaddress', changed.id,
        left(rtrim(host(changed.ip_address) || ' ' || changed.hostname), 255), CASE TG_OP
            WHEN 'INSERT' THEN 'add' WHEN 'UPDATE' THEN 'change' ELSE 'delete' END,
        session_user || ' (SQL)');
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER ip_addresses_dhcp_change_insert
    AFTER INSERT ON ip_addresses
    FOR EACH ROW WHEN (NEW.mac_address IS NOT NULL AND NEW.server_id IS NULL
        AND NEW.status = 'allocated'
        AND current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION ip_addresses_dhcp_change();

CREATE OR REPLACE TRIGGER ip_addresses_dhcp_change_update
    AFTER UPDATE ON ip_addresses
    FOR EACH ROW WHEN (
        ((NEW.mac_address IS NOT NULL AND NEW.server_id IS NULL AND NEW.status = 'allocated')
            OR (OLD.mac_address IS NOT NULL AND OLD.server_id IS NULL
                AND OLD.status = 'allocated'))
        AND (OLD.vrf_id, OLD.ip_address, OLD.status, OLD.server_id, OLD.hostname, OLD.mac_address)
            IS DISTINCT FROM (NEW.vrf_id, NEW.ip_address, NEW.status, NEW.server_id, NEW.hostname,
                NEW.mac_address)
        AND current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION ip_addresses_dhcp_change();

CREATE OR REPLACE TRIGGER ip_addresses_dhcp_change_delete
    AFTER DELETE ON ip_addresses
    FOR EACH ROW WHEN (OLD.mac_address IS NOT NULL AND OLD.server_id IS NULL
        AND OLD.status = 'allocated'
        AND current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION ip_addresses_dhcp_change();
