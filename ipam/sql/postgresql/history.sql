-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that raw SQL inserts, changes or deletes; the site writes its own
-- lines. history_change_reason names who it was: the login role, whatever SET ROLE says, in a form
-- that cannot be mistaken for a user of the site.

-- Row by row, so that the conditions keep a statement of the site as cheap as without these
-- triggers. Placing (placing.sql) writes its rows within the statement of the raw SQL, and its
-- lines here. Free rows come and go with pools and move with subnets: they have no line.
CREATE OR REPLACE FUNCTION ip_addresses_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line ip_addresses%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO ip_addresses_history (
            id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
            server_id, hostname, mac_address, platform, manufacturer, description,
            reservation, vm_id, freed_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            line.id, line.created_at, line.updated_at, line.vrf_id, line.subnet_id,
            line.ip_address, line.status, line.ip_type, line.active, line.server_id,
            line.hostname, line.mac_address, line.platform, line.manufacturer,
            line.description, line.reservation, line.vm_id, line.freed_at,
            clock_timestamp(),
            CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
            session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id());
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION ip_addresses_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO ip_addresses_history (
            id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
            server_id, hostname, mac_address, platform, manufacturer, description,
            reservation, vm_id, freed_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    SELECT
            id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
            server_id, hostname, mac_address, platform, manufacturer, description,
            reservation, vm_id, freed_at,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
    FROM ip_addresses WHERE status <> 'available';
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER ip_addresses_history_insert
    AFTER INSERT ON ip_addresses
    FOR EACH ROW WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site'
        AND NEW.status <> 'available')
    EXECUTE FUNCTION ip_addresses_history();

CREATE OR REPLACE TRIGGER ip_addresses_history_update
    AFTER UPDATE ON ip_addresses
    FOR EACH ROW WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site'
        AND (OLD.vrf_id IS DISTINCT FROM NEW.vrf_id
        OR OLD.ip_address IS DISTINCT FROM NEW.ip_address
        OR OLD.status IS DISTINCT FROM NEW.status
        OR OLD.server_id IS DISTINCT FROM NEW.server_id
        OR OLD.hostname IS DISTINCT FROM NEW.hostname
        OR OLD.mac_address IS DISTINCT FROM NEW.mac_address
        OR OLD.platform IS DISTINCT FROM NEW.platform
        OR OLD.manufacturer IS DISTINCT FROM NEW.manufacturer
        OR OLD.description IS DISTINCT FROM NEW.description
        OR OLD.reservation IS DISTINCT FROM NEW.reservation
        OR OLD.vm_id IS DISTINCT FROM NEW.vm_id
        OR NEW.status <> 'available' AND (OLD.subnet_id IS DISTINCT FROM NEW.subnet_id
            OR OLD.ip_type IS DISTINCT FROM NEW.ip_type
            OR OLD.active IS DISTINCT FROM NEW.active)))
    EXECUTE FUNCTION ip_addresses_history();

CREATE OR REPLACE TRIGGER ip_addresses_history_delete
    AFTER DELETE ON ip_addresses
    FOR EACH ROW WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site'
        AND OLD.status <> 'available')
    EXECUTE FUNCTION ip_addresses_history();

CREATE OR REPLACE TRIGGER ip_addresses_history_truncate
    BEFORE TRUNCATE ON ip_addresses
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION ip_addresses_history_all();

CREATE OR REPLACE FUNCTION vrfs_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO vrfs_history (
            id, created_at, updated_at, name, rd, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, name, rd, description,
            clock_timestamp(), '+', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM new_rows;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO vrfs_history (
            id, created_at, updated_at, name, rd, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, name, rd, description,
            clock_timestamp(), '~', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM (
            SELECT
            id, created_at, updated_at, name, rd, description
            FROM new_rows
            EXCEPT
            SELECT
            id, created_at, updated_at, name, rd, description
            FROM old_rows
        ) changed;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO vrfs_history (
            id, created_at, updated_at, name, rd, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, name, rd, description,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM old_rows;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO vrfs_history (
            id, created_at, updated_at, name, rd, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, name, rd, description,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM vrfs;
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER vrfs_history_insert
    AFTER INSERT ON vrfs REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION vrfs_history();

CREATE OR REPLACE TRIGGER vrfs_history_update
    AFTER UPDATE ON vrfs REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION vrfs_history();

CREATE OR REPLACE TRIGGER vrfs_history_delete
    AFTER DELETE ON vrfs REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION vrfs_history();

CREATE OR REPLACE TRIGGER vrfs_history_truncate
    BEFORE TRUNCATE ON vrfs
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION vrfs_history();

CREATE OR REPLACE FUNCTION subnets_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO subnets_history (
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            clock_timestamp(), '+', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM new_rows;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO subnets_history (
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            clock_timestamp(), '~', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM (
            SELECT
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site
            FROM new_rows
            EXCEPT
            SELECT
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site
            FROM old_rows
        ) changed;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO subnets_history (
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM old_rows;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO subnets_history (
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM subnets;
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER subnets_history_insert
    AFTER INSERT ON subnets REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_history();

CREATE OR REPLACE TRIGGER subnets_history_update
    AFTER UPDATE ON subnets REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_history();

CREATE OR REPLACE TRIGGER subnets_history_delete
    AFTER DELETE ON subnets REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_history();

CREATE OR REPLACE TRIGGER subnets_history_truncate
    BEFORE TRUNCATE ON subnets
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_history();

CREATE OR REPLACE FUNCTION pools_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO pools_history (
            id, created_at, updated_at, subnet_id, first, last, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, subnet_id, first, last, kind,
            clock_timestamp(), '+', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM new_rows;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO pools_history (
            id, created_at, updated_at, subnet_id, first, last, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, subnet_id, first, last, kind,
            clock_timestamp(), '~', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM (
            SELECT
            id, created_at, updated_at, subnet_id, first, last, kind
            FROM new_rows
            EXCEPT
            SELECT
            id, created_at, updated_at, subnet_id, first, last, kind
            FROM old_rows
        ) changed;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO pools_history (
            id, created_at, updated_at, subnet_id, first, last, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, subnet_id, first, last, kind,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM old_rows;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO pools_history (
            id, created_at, updated_at, subnet_id, first, last, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, subnet_id, first, last, kind,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM pools;
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER pools_history_insert
    AFTER INSERT ON pools REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_history();

CREATE OR REPLACE TRIGGER pools_history_update
    AFTER UPDATE ON pools REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_history();

CREATE OR REPLACE TRIGGER pools_history_delete
    AFTER DELETE ON pools REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_history();

CREATE OR REPLACE TRIGGER pools_history_truncate
    BEFORE TRUNCATE ON pools
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_history();

CREATE OR REPLACE FUNCTION hosts_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO hosts_history (
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            clock_timestamp(), '+', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM new_rows;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO hosts_history (
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            clock_timestamp(), '~', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM (
            SELECT
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled
            FROM new_rows
            EXCEPT
            SELECT
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled
            FROM old_rows
        ) changed;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO hosts_history (
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM old_rows;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO hosts_history (
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM hosts;
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER hosts_history_insert
    AFTER INSERT ON hosts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_history();

CREATE OR REPLACE TRIGGER hosts_history_update
    AFTER UPDATE ON hosts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_history();

CREATE OR REPLACE TRIGGER hosts_history_delete
    AFTER DELETE ON hosts REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_history();

CREATE OR REPLACE TRIGGER hosts_history_truncate
    BEFORE TRUNCATE ON hosts
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_history();

CREATE OR REPLACE FUNCTION interfaces_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO interfaces_history (
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            clock_timestamp(), '+', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM new_rows;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO interfaces_history (
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            clock_timestamp(), '~', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM (
            SELECT
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address
            FROM new_rows
            EXCEPT
            SELECT
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address
            FROM old_rows
        ) changed;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO interfaces_history (
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM old_rows;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO interfaces_history (
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
        SELECT
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            clock_timestamp(), '-', session_user || ' (SQL)',
            'sql', session_user, 'tx-' || pg_current_xact_id()
        FROM interfaces;
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER interfaces_history_insert
    AFTER INSERT ON interfaces REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_history();

CREATE OR REPLACE TRIGGER interfaces_history_update
    AFTER UPDATE ON interfaces REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_history();

CREATE OR REPLACE TRIGGER interfaces_history_delete
    AFTER DELETE ON interfaces REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_history();

CREATE OR REPLACE TRIGGER interfaces_history_truncate
    BEFORE TRUNCATE ON interfaces
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_history();
