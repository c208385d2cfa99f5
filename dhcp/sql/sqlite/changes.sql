-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A row of dhcp_changes for every row that raw SQL inserts, changes or deletes, if dnsmasq has to
-- learn of it, in the words of dhcp/outbox.py, which notes what the site itself writes.

CREATE TRIGGER hosts_dhcp_change_insert AFTER INSERT ON hosts FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'server', NEW.id,
        substr(NEW.hostname, 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER hosts_dhcp_change_update AFTER UPDATE ON hosts FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.hostname IS NOT NEW.hostname
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.when_disabled IS NOT NEW.when_disabled)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'server', NEW.id,
        substr(NEW.hostname, 1, 255),
        'change',
        substr(CASE WHEN OLD.vrf_id IS NOT NEW.vrf_id
            THEN ', vrf_id: ' || coalesce(OLD.vrf_id, 'None')
                || ' -> ' || coalesce(NEW.vrf_id, 'None')
            ELSE '' END
        || CASE WHEN OLD.hostname IS NOT NEW.hostname
            THEN ', hostname: ' || coalesce(OLD.hostname, 'None')
                || ' -> ' || coalesce(NEW.hostname, 'None')
            ELSE '' END
        || CASE WHEN OLD.ip_address IS NOT NEW.ip_address
            THEN ', ip_address: ' || coalesce(CASE substr(OLD.ip_address, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.ip_address, 2, 16))) END, 'None')
                || ' -> ' || coalesce(CASE substr(NEW.ip_address, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.ip_address, 2, 16))) END, 'None')
            ELSE '' END
        || CASE WHEN OLD.mac_address IS NOT NEW.mac_address
            THEN ', mac_address: ' || coalesce(OLD.mac_address, 'None')
                || ' -> ' || coalesce(NEW.mac_address, 'None')
            ELSE '' END
        || CASE WHEN OLD.enabled IS NOT NEW.enabled
            THEN ', enabled: ' || coalesce(CASE OLD.enabled WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
                || ' -> ' || coalesce(CASE NEW.enabled WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
            ELSE '' END
        || CASE WHEN OLD.when_disabled IS NOT NEW.when_disabled
            THEN ', when_disabled: ' || coalesce(OLD.when_disabled, 'None')
                || ' -> ' || coalesce(NEW.when_disabled, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER hosts_dhcp_change_delete AFTER DELETE ON hosts FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'server', OLD.id,
        substr(OLD.hostname, 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER interfaces_dhcp_change_insert AFTER INSERT ON interfaces FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'interface', NEW.id,
        substr(coalesce(
                    (SELECT h.hostname FROM hosts h WHERE h.id = NEW.server_id),
                    'server ' || NEW.server_id) || ' ' || NEW.name, 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER interfaces_dhcp_change_update AFTER UPDATE ON interfaces FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.server_id IS NOT NEW.server_id
        OR OLD.name IS NOT NEW.name
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.duid IS NOT NEW.duid
        OR OLD.ip_address IS NOT NEW.ip_address)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'interface', NEW.id,
        substr(coalesce(
                    (SELECT h.hostname FROM hosts h WHERE h.id = NEW.server_id),
                    'server ' || NEW.server_id) || ' ' || NEW.name, 1, 255),
        'change',
        substr(CASE WHEN OLD.server_id IS NOT NEW.server_id
            THEN ', server_id: ' || coalesce(OLD.server_id, 'None')
                || ' -> ' || coalesce(NEW.server_id, 'None')
            ELSE '' END
        || CASE WHEN OLD.name IS NOT NEW.name
            THEN ', name: ' || coalesce(OLD.name, 'None')
                || ' -> ' || coalesce(NEW.name, 'None')
            ELSE '' END
        || CASE WHEN OLD.mac_address IS NOT NEW.mac_address
            THEN ', mac_address: ' || coalesce(OLD.mac_address, 'None')
                || ' -> ' || coalesce(NEW.mac_address, 'None')
            ELSE '' END
        || CASE WHEN OLD.duid IS NOT NEW.duid
            THEN ', duid: ' || coalesce(OLD.duid, 'None')
                || ' -> ' || coalesce(NEW.duid, 'None')
            ELSE '' END
        || CASE WHEN OLD.ip_address IS NOT NEW.ip_address
            THEN ', ip_address: ' || coalesce(CASE substr(OLD.ip_address, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.ip_address, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.ip_address, 2, 16))) END, 'None')
                || ' -> ' || coalesce(CASE substr(NEW.ip_address, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.ip_address, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.ip_address, 2, 16))) END, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER interfaces_dhcp_change_delete AFTER DELETE ON interfaces FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'interface', OLD.id,
        substr(coalesce(
                    (SELECT h.hostname FROM hosts h WHERE h.id = OLD.server_id),
                    'server ' || OLD.server_id) || ' ' || OLD.name, 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER subnets_dhcp_change_insert AFTER INSERT ON subnets FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'subnet', NEW.id,
        substr(rtrim(coalesce(CASE substr(NEW.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 18, 1)), 2, 1)) - 1), 'None') || ' ' || NEW.name), 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER subnets_dhcp_change_update AFTER UPDATE ON subnets FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.network IS NOT NEW.network
        OR OLD.gateway IS NOT NEW.gateway
        OR OLD.dns_servers IS NOT NEW.dns_servers
        OR OLD.domain IS NOT NEW.domain
        OR OLD.site IS NOT NEW.site)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'subnet', NEW.id,
        substr(rtrim(coalesce(CASE substr(NEW.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 18, 1)), 2, 1)) - 1), 'None') || ' ' || NEW.name), 1, 255),
        'change',
        substr(CASE WHEN OLD.vrf_id IS NOT NEW.vrf_id
            THEN ', vrf_id: ' || coalesce(OLD.vrf_id, 'None')
                || ' -> ' || coalesce(NEW.vrf_id, 'None')
            ELSE '' END
        || CASE WHEN OLD.network IS NOT NEW.network
            THEN ', network: ' || coalesce(CASE substr(OLD.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 18, 1)), 2, 1)) - 1), 'None')
                || ' -> ' || coalesce(CASE substr(NEW.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.network, 18, 1)), 2, 1)) - 1), 'None')
            ELSE '' END
        || CASE WHEN OLD.gateway IS NOT NEW.gateway
            THEN ', gateway: ' || coalesce(CASE substr(OLD.gateway, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.gateway, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.gateway, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.gateway, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.gateway, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.gateway, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.gateway, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.gateway, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.gateway, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.gateway, 2, 16))) END, 'None')
                || ' -> ' || coalesce(CASE substr(NEW.gateway, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.gateway, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.gateway, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.gateway, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.gateway, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.gateway, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.gateway, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.gateway, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.gateway, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.gateway, 2, 16))) END, 'None')
            ELSE '' END
        || CASE WHEN OLD.dns_servers IS NOT NEW.dns_servers
            THEN ', dns_servers: ' || coalesce(OLD.dns_servers, 'None')
                || ' -> ' || coalesce(NEW.dns_servers, 'None')
            ELSE '' END
        || CASE WHEN OLD.domain IS NOT NEW.domain
            THEN ', domain: ' || coalesce(OLD.domain, 'None')
                || ' -> ' || coalesce(NEW.domain, 'None')
            ELSE '' END
        || CASE WHEN OLD.site IS NOT NEW.site
            THEN ', site: ' || coalesce(OLD.site, 'None')
                || ' -> ' || coalesce(NEW.site, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER subnets_dhcp_change_delete AFTER DELETE ON subnets FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'subnet', OLD.id,
        substr(rtrim(coalesce(CASE substr(OLD.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.network, 18, 1)), 2, 1)) - 1), 'None') || ' ' || OLD.name), 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER pools_dhcp_change_insert AFTER INSERT ON pools FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND NEW.kind = 'dhcp'
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'pool', NEW.id,
        substr(coalesce(CASE substr(NEW.first, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.first, 2, 16))) END, 'None') || '-' || coalesce(CASE substr(NEW.last, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.last, 2, 16))) END, 'None'), 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER pools_dhcp_change_update AFTER UPDATE ON pools FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.subnet_id IS NOT NEW.subnet_id
        OR OLD.first IS NOT NEW.first
        OR OLD.last IS NOT NEW.last
        OR OLD.kind IS NOT NEW.kind)
    AND 'dhcp' IN (OLD.kind, NEW.kind)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'pool', NEW.id,
        substr(coalesce(CASE substr(NEW.first, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.first, 2, 16))) END, 'None') || '-' || coalesce(CASE substr(NEW.last, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.last, 2, 16))) END, 'None'), 1, 255),
        'change',
        substr(CASE WHEN OLD.subnet_id IS NOT NEW.subnet_id
            THEN ', subnet_id: ' || coalesce(OLD.subnet_id, 'None')
                || ' -> ' || coalesce(NEW.subnet_id, 'None')
            ELSE '' END
        || CASE WHEN OLD.first IS NOT NEW.first
            THEN ', first: ' || coalesce(CASE substr(OLD.first, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.first, 2, 16))) END, 'None')
                || ' -> ' || coalesce(CASE substr(NEW.first, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.first, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.first, 2, 16))) END, 'None')
            ELSE '' END
        || CASE WHEN OLD.last IS NOT NEW.last
            THEN ', last: ' || coalesce(CASE substr(OLD.last, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.last, 2, 16))) END, 'None')
                || ' -> ' || coalesce(CASE substr(NEW.last, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.last, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.last, 2, 16))) END, 'None')
            ELSE '' END
        || CASE WHEN OLD.kind IS NOT NEW.kind
            THEN ', kind: ' || coalesce(OLD.kind, 'None')
                || ' -> ' || coalesce(NEW.kind, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER pools_dhcp_change_delete AFTER DELETE ON pools FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND OLD.kind = 'dhcp'
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'pool', OLD.id,
        substr(coalesce(CASE substr(OLD.first, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.first, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.first, 2, 16))) END, 'None') || '-' || coalesce(CASE substr(OLD.last, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.last, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.last, 2, 16))) END, 'None'), 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER dhcp_scopes_dhcp_change_insert AFTER INSERT ON dhcp_scopes FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'dhcpscope', NEW.id,
        substr(coalesce(
                    (SELECT rtrim(coalesce(CASE substr(s.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(s.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 2, 1)) - 1), 'None') || ' ' || s.name)
                     FROM subnets s WHERE s.id = NEW.subnet_id),
                    'subnet ' || NEW.subnet_id), 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER dhcp_scopes_dhcp_change_update AFTER UPDATE ON dhcp_scopes FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.subnet_id IS NOT NEW.subnet_id
        OR OLD.server_id IS NOT NEW.server_id
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.lease_time IS NOT NEW.lease_time
        OR OLD.known_only IS NOT NEW.known_only
        OR OLD.router IS NOT NEW.router
        OR OLD.dns_servers IS NOT NEW.dns_servers
        OR OLD.ntp_servers IS NOT NEW.ntp_servers
        OR OLD.domain IS NOT NEW.domain
        OR OLD.boot_server IS NOT NEW.boot_server
        OR OLD.boot_file IS NOT NEW.boot_file
        OR OLD.advertises IS NOT NEW.advertises
        OR OLD.by_end IS NOT NEW.by_end
        OR OLD.wire_id IS NOT NEW.wire_id
        OR OLD.wire_address IS NOT NEW.wire_address
        OR OLD.interface IS NOT NEW.interface)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'dhcpscope', NEW.id,
        substr(coalesce(
                    (SELECT rtrim(coalesce(CASE substr(s.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(s.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 2, 1)) - 1), 'None') || ' ' || s.name)
                     FROM subnets s WHERE s.id = NEW.subnet_id),
                    'subnet ' || NEW.subnet_id), 1, 255),
        'change',
        substr(CASE WHEN OLD.subnet_id IS NOT NEW.subnet_id
            THEN ', subnet_id: ' || coalesce(OLD.subnet_id, 'None')
                || ' -> ' || coalesce(NEW.subnet_id, 'None')
            ELSE '' END
        || CASE WHEN OLD.server_id IS NOT NEW.server_id
            THEN ', server_id: ' || coalesce(OLD.server_id, 'None')
                || ' -> ' || coalesce(NEW.server_id, 'None')
            ELSE '' END
        || CASE WHEN OLD.enabled IS NOT NEW.enabled
            THEN ', enabled: ' || coalesce(CASE OLD.enabled WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
                || ' -> ' || coalesce(CASE NEW.enabled WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
            ELSE '' END
        || CASE WHEN OLD.lease_time IS NOT NEW.lease_time
            THEN ', lease_time: ' || coalesce(OLD.lease_time, 'None')
                || ' -> ' || coalesce(NEW.lease_time, 'None')
            ELSE '' END
        || CASE WHEN OLD.known_only IS NOT NEW.known_only
            THEN ', known_only: ' || coalesce(CASE OLD.known_only WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
                || ' -> ' || coalesce(CASE NEW.known_only WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
            ELSE '' END
        || CASE WHEN OLD.router IS NOT NEW.router
            THEN ', router: ' || coalesce(CASE substr(OLD.router, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.router, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.router, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.router, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.router, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.router, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.router, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.router, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.router, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.router, 2, 16))) END, 'None')
                || ' -> ' || coalesce(CASE substr(NEW.router, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.router, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.router, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.router, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.router, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.router, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.router, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.router, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.router, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.router, 2, 16))) END, 'None')
            ELSE '' END
        || CASE WHEN OLD.dns_servers IS NOT NEW.dns_servers
            THEN ', dns_servers: ' || coalesce(OLD.dns_servers, 'None')
                || ' -> ' || coalesce(NEW.dns_servers, 'None')
            ELSE '' END
        || CASE WHEN OLD.ntp_servers IS NOT NEW.ntp_servers
            THEN ', ntp_servers: ' || coalesce(OLD.ntp_servers, 'None')
                || ' -> ' || coalesce(NEW.ntp_servers, 'None')
            ELSE '' END
        || CASE WHEN OLD.domain IS NOT NEW.domain
            THEN ', domain: ' || coalesce(OLD.domain, 'None')
                || ' -> ' || coalesce(NEW.domain, 'None')
            ELSE '' END
        || CASE WHEN OLD.boot_server IS NOT NEW.boot_server
            THEN ', boot_server: ' || coalesce(CASE substr(OLD.boot_server, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.boot_server, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.boot_server, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.boot_server, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.boot_server, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.boot_server, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.boot_server, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.boot_server, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.boot_server, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.boot_server, 2, 16))) END, 'None')
                || ' -> ' || coalesce(CASE substr(NEW.boot_server, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.boot_server, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.boot_server, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.boot_server, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.boot_server, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.boot_server, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.boot_server, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.boot_server, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.boot_server, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.boot_server, 2, 16))) END, 'None')
            ELSE '' END
        || CASE WHEN OLD.boot_file IS NOT NEW.boot_file
            THEN ', boot_file: ' || coalesce(OLD.boot_file, 'None')
                || ' -> ' || coalesce(NEW.boot_file, 'None')
            ELSE '' END
        || CASE WHEN OLD.advertises IS NOT NEW.advertises
            THEN ', advertises: ' || coalesce(OLD.advertises, 'None')
                || ' -> ' || coalesce(NEW.advertises, 'None')
            ELSE '' END
        || CASE WHEN OLD.by_end IS NOT NEW.by_end
            THEN ', by_end: ' || coalesce(CASE OLD.by_end WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
                || ' -> ' || coalesce(CASE NEW.by_end WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
            ELSE '' END
        || CASE WHEN OLD.wire_id IS NOT NEW.wire_id
            THEN ', wire_id: ' || coalesce(OLD.wire_id, 'None')
                || ' -> ' || coalesce(NEW.wire_id, 'None')
            ELSE '' END
        || CASE WHEN OLD.wire_address IS NOT NEW.wire_address
            THEN ', wire_address: ' || coalesce(CASE substr(OLD.wire_address, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(OLD.wire_address, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.wire_address, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.wire_address, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.wire_address, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.wire_address, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.wire_address, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(OLD.wire_address, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(OLD.wire_address, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(OLD.wire_address, 2, 16))) END, 'None')
                || ' -> ' || coalesce(CASE substr(NEW.wire_address, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(NEW.wire_address, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.wire_address, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.wire_address, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.wire_address, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.wire_address, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.wire_address, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(NEW.wire_address, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(NEW.wire_address, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(NEW.wire_address, 2, 16))) END, 'None')
            ELSE '' END
        || CASE WHEN OLD.interface IS NOT NEW.interface
            THEN ', interface: ' || coalesce(OLD.interface, 'None')
                || ' -> ' || coalesce(NEW.interface, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER dhcp_scopes_dhcp_change_delete AFTER DELETE ON dhcp_scopes FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'dhcpscope', OLD.id,
        substr(coalesce(
                    (SELECT rtrim(coalesce(CASE substr(s.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(s.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 2, 1)) - 1), 'None') || ' ' || s.name)
                     FROM subnets s WHERE s.id = OLD.subnet_id),
                    'subnet ' || OLD.subnet_id), 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER dhcp_options_dhcp_change_insert AFTER INSERT ON dhcp_options FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'dhcpoption', NEW.id,
        substr(NEW.number || ': ' || NEW.value, 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER dhcp_options_dhcp_change_update AFTER UPDATE ON dhcp_options FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.scope_id IS NOT NEW.scope_id
        OR OLD.number IS NOT NEW.number
        OR OLD.type IS NOT NEW.type
        OR OLD.value IS NOT NEW.value)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'dhcpoption', NEW.id,
        substr(NEW.number || ': ' || NEW.value, 1, 255),
        'change',
        substr(CASE WHEN OLD.scope_id IS NOT NEW.scope_id
            THEN ', scope_id: ' || coalesce(OLD.scope_id, 'None')
                || ' -> ' || coalesce(NEW.scope_id, 'None')
            ELSE '' END
        || CASE WHEN OLD.number IS NOT NEW.number
            THEN ', number: ' || coalesce(OLD.number, 'None')
                || ' -> ' || coalesce(NEW.number, 'None')
            ELSE '' END
        || CASE WHEN OLD.type IS NOT NEW.type
            THEN ', type: ' || coalesce(OLD.type, 'None')
                || ' -> ' || coalesce(NEW.type, 'None')
            ELSE '' END
        || CASE WHEN OLD.value IS NOT NEW.value
            THEN ', value: ' || coalesce(OLD.value, 'None')
                || ' -> ' || coalesce(NEW.value, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER dhcp_options_dhcp_change_delete AFTER DELETE ON dhcp_options FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'dhcpoption', OLD.id,
        substr(OLD.number || ': ' || OLD.value, 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER dhcp_servers_dhcp_change_insert AFTER INSERT ON dhcp_servers FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'dhcpserver', NEW.id,
        substr(NEW.name, 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER dhcp_servers_dhcp_change_update AFTER UPDATE ON dhcp_servers FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.name IS NOT NEW.name
        OR OLD.site IS NOT NEW.site
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.run_by IS NOT NEW.run_by
        OR OLD.reload IS NOT NEW.reload
        OR OLD.dns IS NOT NEW.dns)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'dhcpserver', NEW.id,
        substr(NEW.name, 1, 255),
        'change',
        substr(CASE WHEN OLD.name IS NOT NEW.name
            THEN ', name: ' || coalesce(OLD.name, 'None')
                || ' -> ' || coalesce(NEW.name, 'None')
            ELSE '' END
        || CASE WHEN OLD.site IS NOT NEW.site
            THEN ', site: ' || coalesce(OLD.site, 'None')
                || ' -> ' || coalesce(NEW.site, 'None')
            ELSE '' END
        || CASE WHEN OLD.enabled IS NOT NEW.enabled
            THEN ', enabled: ' || coalesce(CASE OLD.enabled WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
                || ' -> ' || coalesce(CASE NEW.enabled WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
            ELSE '' END
        || CASE WHEN OLD.run_by IS NOT NEW.run_by
            THEN ', run_by: ' || coalesce(OLD.run_by, 'None')
                || ' -> ' || coalesce(NEW.run_by, 'None')
            ELSE '' END
        || CASE WHEN OLD.reload IS NOT NEW.reload
            THEN ', reload: ' || coalesce(OLD.reload, 'None')
                || ' -> ' || coalesce(NEW.reload, 'None')
            ELSE '' END
        || CASE WHEN OLD.dns IS NOT NEW.dns
            THEN ', dns: ' || coalesce(OLD.dns, 'None')
                || ' -> ' || coalesce(NEW.dns, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER dhcp_servers_dhcp_change_delete AFTER DELETE ON dhcp_servers FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'dhcpserver', OLD.id,
        substr(OLD.name, 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER names_zones_dhcp_change_insert AFTER INSERT ON names_zones FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'zone', NEW.id,
        substr(NEW.name, 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER names_zones_dhcp_change_update AFTER UPDATE ON names_zones FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.name IS NOT NEW.name
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.ttl IS NOT NEW.ttl
        OR OLD.primary_server IS NOT NEW.primary_server
        OR OLD.contact IS NOT NEW.contact
        OR OLD.refresh IS NOT NEW.refresh
        OR OLD.retry IS NOT NEW.retry
        OR OLD.expire IS NOT NEW.expire
        OR OLD.negative_ttl IS NOT NEW.negative_ttl)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'zone', NEW.id,
        substr(NEW.name, 1, 255),
        'change',
        substr(CASE WHEN OLD.name IS NOT NEW.name
            THEN ', name: ' || coalesce(OLD.name, 'None')
                || ' -> ' || coalesce(NEW.name, 'None')
            ELSE '' END
        || CASE WHEN OLD.enabled IS NOT NEW.enabled
            THEN ', enabled: ' || coalesce(CASE OLD.enabled WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
                || ' -> ' || coalesce(CASE NEW.enabled WHEN 0 THEN 'False' WHEN 1 THEN 'True' END, 'None')
            ELSE '' END
        || CASE WHEN OLD.ttl IS NOT NEW.ttl
            THEN ', ttl: ' || coalesce(OLD.ttl, 'None')
                || ' -> ' || coalesce(NEW.ttl, 'None')
            ELSE '' END
        || CASE WHEN OLD.primary_server IS NOT NEW.primary_server
            THEN ', primary_server: ' || coalesce(OLD.primary_server, 'None')
                || ' -> ' || coalesce(NEW.primary_server, 'None')
            ELSE '' END
        || CASE WHEN OLD.contact IS NOT NEW.contact
            THEN ', contact: ' || coalesce(OLD.contact, 'None')
                || ' -> ' || coalesce(NEW.contact, 'None')
            ELSE '' END
        || CASE WHEN OLD.refresh IS NOT NEW.refresh
            THEN ', refresh: ' || coalesce(OLD.refresh, 'None')
                || ' -> ' || coalesce(NEW.refresh, 'None')
            ELSE '' END
        || CASE WHEN OLD.retry IS NOT NEW.retry
            THEN ', retry: ' || coalesce(OLD.retry, 'None')
                || ' -> ' || coalesce(NEW.retry, 'None')
            ELSE '' END
        || CASE WHEN OLD.expire IS NOT NEW.expire
            THEN ', expire: ' || coalesce(OLD.expire, 'None')
                || ' -> ' || coalesce(NEW.expire, 'None')
            ELSE '' END
        || CASE WHEN OLD.negative_ttl IS NOT NEW.negative_ttl
            THEN ', negative_ttl: ' || coalesce(OLD.negative_ttl, 'None')
                || ' -> ' || coalesce(NEW.negative_ttl, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER names_zones_dhcp_change_delete AFTER DELETE ON names_zones FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'zone', OLD.id,
        substr(OLD.name, 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER names_records_dhcp_change_insert AFTER INSERT ON names_records FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'record', NEW.id,
        substr(NEW.name || ' ' || NEW.type || ' ' || NEW.value, 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER names_records_dhcp_change_update AFTER UPDATE ON names_records FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.zone_id IS NOT NEW.zone_id
        OR OLD.name IS NOT NEW.name
        OR OLD.type IS NOT NEW.type
        OR OLD.value IS NOT NEW.value
        OR OLD.ttl IS NOT NEW.ttl)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'record', NEW.id,
        substr(NEW.name || ' ' || NEW.type || ' ' || NEW.value, 1, 255),
        'change',
        substr(CASE WHEN OLD.zone_id IS NOT NEW.zone_id
            THEN ', zone_id: ' || coalesce(OLD.zone_id, 'None')
                || ' -> ' || coalesce(NEW.zone_id, 'None')
            ELSE '' END
        || CASE WHEN OLD.name IS NOT NEW.name
            THEN ', name: ' || coalesce(OLD.name, 'None')
                || ' -> ' || coalesce(NEW.name, 'None')
            ELSE '' END
        || CASE WHEN OLD.type IS NOT NEW.type
            THEN ', type: ' || coalesce(OLD.type, 'None')
                || ' -> ' || coalesce(NEW.type, 'None')
            ELSE '' END
        || CASE WHEN OLD.value IS NOT NEW.value
            THEN ', value: ' || coalesce(OLD.value, 'None')
                || ' -> ' || coalesce(NEW.value, 'None')
            ELSE '' END
        || CASE WHEN OLD.ttl IS NOT NEW.ttl
            THEN ', ttl: ' || coalesce(OLD.ttl, 'None')
                || ' -> ' || coalesce(NEW.ttl, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER names_records_dhcp_change_delete AFTER DELETE ON names_records FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'record', OLD.id,
        substr(OLD.name || ' ' || OLD.type || ' ' || OLD.value, 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER names_off_dhcp_change_insert AFTER INSERT ON names_off FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'namesoff', NEW.id,
        substr(coalesce(
                    (SELECT rtrim(coalesce(CASE substr(s.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(s.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 2, 1)) - 1), 'None') || ' ' || s.name)
                     FROM subnets s WHERE s.id = NEW.subnet_id),
                    'subnet ' || NEW.subnet_id), 1, 255),
        'add',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER names_off_dhcp_change_update AFTER UPDATE ON names_off FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.subnet_id IS NOT NEW.subnet_id)
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'namesoff', NEW.id,
        substr(coalesce(
                    (SELECT rtrim(coalesce(CASE substr(s.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(s.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 2, 1)) - 1), 'None') || ' ' || s.name)
                     FROM subnets s WHERE s.id = NEW.subnet_id),
                    'subnet ' || NEW.subnet_id), 1, 255),
        'change',
        substr(CASE WHEN OLD.subnet_id IS NOT NEW.subnet_id
            THEN ', subnet_id: ' || coalesce(OLD.subnet_id, 'None')
                || ' -> ' || coalesce(NEW.subnet_id, 'None')
            ELSE '' END, 3, 500),
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;

CREATE TRIGGER names_off_dhcp_change_delete AFTER DELETE ON names_off FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
    SELECT 'namesoff', OLD.id,
        substr(coalesce(
                    (SELECT rtrim(coalesce(CASE substr(s.network, 1, 1) WHEN x'04' THEN printf('%d.%d.%d.%d', ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 14, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 15, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 16, 1)), 2, 1)) - 1), ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 17, 1)), 2, 1)) - 1)) WHEN x'06' THEN lower(hex(substr(s.network, 2, 16))) END || '/' || ((instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 1, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(substr(s.network, 18, 1)), 2, 1)) - 1), 'None') || ' ' || s.name)
                     FROM subnets s WHERE s.id = OLD.subnet_id),
                    'subnet ' || OLD.subnet_id), 1, 255),
        'delete',
        '',
        'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) < 100;
    -- One row for all further ones, and a new one each time: a sync that has read the former one
    -- deletes that, and has not seen what comes now.
    DELETE FROM dhcp_changes WHERE who = 'SQL' AND kind = 'ledger'
        AND (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) > 100;
    INSERT INTO dhcp_changes (kind, label, who)
    SELECT 'ledger', 'more than 100 rows', 'SQL'
    WHERE (SELECT count(*) FROM dhcp_changes WHERE who = 'SQL' AND server_id IS NULL) >= 100;
END;
