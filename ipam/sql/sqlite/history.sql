-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that raw SQL inserts, changes or deletes; the site writes its own
-- lines. history_change_reason names who it was: the login role, whatever SET ROLE says, in a form
-- that cannot be mistaken for a user of the site.

CREATE TRIGGER ip_addresses_history_insert AFTER INSERT ON ip_addresses FOR EACH ROW
WHEN NEW.status <> 'available'
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO ip_addresses_history (
            id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
            server_id, hostname, mac_address, platform, manufacturer, description,
            reservation, vm_id, freed_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.vrf_id, NEW.subnet_id, NEW.ip_address,
            NEW.status, NEW.ip_type, NEW.active, NEW.server_id, NEW.hostname,
            NEW.mac_address, NEW.platform, NEW.manufacturer, NEW.description,
            NEW.reservation, NEW.vm_id, NEW.freed_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '+', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER ip_addresses_history_update AFTER UPDATE ON ip_addresses FOR EACH ROW
WHEN (OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.status IS NOT NEW.status
        OR OLD.server_id IS NOT NEW.server_id
        OR OLD.hostname IS NOT NEW.hostname
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.platform IS NOT NEW.platform
        OR OLD.manufacturer IS NOT NEW.manufacturer
        OR OLD.description IS NOT NEW.description
        OR OLD.reservation IS NOT NEW.reservation
        OR OLD.vm_id IS NOT NEW.vm_id
        OR NEW.status <> 'available' AND (OLD.subnet_id IS NOT NEW.subnet_id
            OR OLD.ip_type IS NOT NEW.ip_type
            OR OLD.active IS NOT NEW.active))
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO ip_addresses_history (
            id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
            server_id, hostname, mac_address, platform, manufacturer, description,
            reservation, vm_id, freed_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.vrf_id, NEW.subnet_id, NEW.ip_address,
            NEW.status, NEW.ip_type, NEW.active, NEW.server_id, NEW.hostname,
            NEW.mac_address, NEW.platform, NEW.manufacturer, NEW.description,
            NEW.reservation, NEW.vm_id, NEW.freed_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '~', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER ip_addresses_history_delete AFTER DELETE ON ip_addresses FOR EACH ROW
WHEN OLD.status <> 'available'
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO ip_addresses_history (
            id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
            server_id, hostname, mac_address, platform, manufacturer, description,
            reservation, vm_id, freed_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            OLD.id, OLD.created_at, OLD.updated_at, OLD.vrf_id, OLD.subnet_id, OLD.ip_address,
            OLD.status, OLD.ip_type, OLD.active, OLD.server_id, OLD.hostname,
            OLD.mac_address, OLD.platform, OLD.manufacturer, OLD.description,
            OLD.reservation, OLD.vm_id, OLD.freed_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '-', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER vrfs_history_insert AFTER INSERT ON vrfs FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO vrfs_history (
            id, created_at, updated_at, name, rd, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.rd, NEW.description,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '+', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER vrfs_history_update AFTER UPDATE ON vrfs FOR EACH ROW
WHEN (OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.name IS NOT NEW.name
        OR OLD.rd IS NOT NEW.rd
        OR OLD.description IS NOT NEW.description)
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO vrfs_history (
            id, created_at, updated_at, name, rd, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.rd, NEW.description,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '~', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER vrfs_history_delete AFTER DELETE ON vrfs FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO vrfs_history (
            id, created_at, updated_at, name, rd, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            OLD.id, OLD.created_at, OLD.updated_at, OLD.name, OLD.rd, OLD.description,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '-', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER subnets_history_insert AFTER INSERT ON subnets FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO subnets_history (
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.vrf_id, NEW.network, NEW.name,
            NEW.description, NEW.gateway, NEW.vlan_id, NEW.dns_servers, NEW.domain,
            NEW.site,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '+', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER subnets_history_update AFTER UPDATE ON subnets FOR EACH ROW
WHEN (OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.network IS NOT NEW.network
        OR OLD.name IS NOT NEW.name
        OR OLD.description IS NOT NEW.description
        OR OLD.gateway IS NOT NEW.gateway
        OR OLD.vlan_id IS NOT NEW.vlan_id
        OR OLD.dns_servers IS NOT NEW.dns_servers
        OR OLD.domain IS NOT NEW.domain
        OR OLD.site IS NOT NEW.site)
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO subnets_history (
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.vrf_id, NEW.network, NEW.name,
            NEW.description, NEW.gateway, NEW.vlan_id, NEW.dns_servers, NEW.domain,
            NEW.site,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '~', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER subnets_history_delete AFTER DELETE ON subnets FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO subnets_history (
            id, created_at, updated_at, vrf_id, network, name, description, gateway, vlan_id,
            dns_servers, domain, site,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            OLD.id, OLD.created_at, OLD.updated_at, OLD.vrf_id, OLD.network, OLD.name,
            OLD.description, OLD.gateway, OLD.vlan_id, OLD.dns_servers, OLD.domain,
            OLD.site,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '-', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER pools_history_insert AFTER INSERT ON pools FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO pools_history (
            id, created_at, updated_at, subnet_id, first, last, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.subnet_id, NEW.first, NEW.last, NEW.kind,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '+', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER pools_history_update AFTER UPDATE ON pools FOR EACH ROW
WHEN (OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.subnet_id IS NOT NEW.subnet_id
        OR OLD.first IS NOT NEW.first
        OR OLD.last IS NOT NEW.last
        OR OLD.kind IS NOT NEW.kind)
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO pools_history (
            id, created_at, updated_at, subnet_id, first, last, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.subnet_id, NEW.first, NEW.last, NEW.kind,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '~', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER pools_history_delete AFTER DELETE ON pools FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO pools_history (
            id, created_at, updated_at, subnet_id, first, last, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            OLD.id, OLD.created_at, OLD.updated_at, OLD.subnet_id, OLD.first, OLD.last, OLD.kind,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '-', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER hosts_history_insert AFTER INSERT ON hosts FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO hosts_history (
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.vrf_id, NEW.hostname, NEW.ip_address,
            NEW.mac_address, NEW.device_type, NEW.manufacturer, NEW.description,
            NEW.location, NEW.lan_port, NEW.enabled, NEW.when_disabled,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '+', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER hosts_history_update AFTER UPDATE ON hosts FOR EACH ROW
WHEN (OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.hostname IS NOT NEW.hostname
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.device_type IS NOT NEW.device_type
        OR OLD.manufacturer IS NOT NEW.manufacturer
        OR OLD.description IS NOT NEW.description
        OR OLD.location IS NOT NEW.location
        OR OLD.lan_port IS NOT NEW.lan_port
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.when_disabled IS NOT NEW.when_disabled)
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO hosts_history (
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.vrf_id, NEW.hostname, NEW.ip_address,
            NEW.mac_address, NEW.device_type, NEW.manufacturer, NEW.description,
            NEW.location, NEW.lan_port, NEW.enabled, NEW.when_disabled,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '~', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER hosts_history_delete AFTER DELETE ON hosts FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO hosts_history (
            id, created_at, updated_at, vrf_id, hostname, ip_address, mac_address, device_type,
            manufacturer, description, location, lan_port, enabled, when_disabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            OLD.id, OLD.created_at, OLD.updated_at, OLD.vrf_id, OLD.hostname, OLD.ip_address,
            OLD.mac_address, OLD.device_type, OLD.manufacturer, OLD.description,
            OLD.location, OLD.lan_port, OLD.enabled, OLD.when_disabled,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '-', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER interfaces_history_insert AFTER INSERT ON interfaces FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO interfaces_history (
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.server_id, NEW.name, NEW.mac_address,
            NEW.duid, NEW.ip_address,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '+', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER interfaces_history_update AFTER UPDATE ON interfaces FOR EACH ROW
WHEN (OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.server_id IS NOT NEW.server_id
        OR OLD.name IS NOT NEW.name
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.duid IS NOT NEW.duid
        OR OLD.ip_address IS NOT NEW.ip_address)
    AND (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO interfaces_history (
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            NEW.id, NEW.created_at, NEW.updated_at, NEW.server_id, NEW.name, NEW.mac_address,
            NEW.duid, NEW.ip_address,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '~', 'SQL',
            'sql', 'SQL', NULL);
END;

CREATE TRIGGER interfaces_history_delete AFTER DELETE ON interfaces FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO interfaces_history (
            id, created_at, updated_at, server_id, name, mac_address, duid, ip_address,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change)
    VALUES (
            OLD.id, OLD.created_at, OLD.updated_at, OLD.server_id, OLD.name, OLD.mac_address,
            OLD.duid, OLD.ip_address,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'), '-', 'SQL',
            'sql', 'SQL', NULL);
END;
