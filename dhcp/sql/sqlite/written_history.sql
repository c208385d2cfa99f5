-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE TRIGGER dhcp_agent_tokens_history_insert
AFTER INSERT ON dhcp_agent_tokens FOR EACH ROW
BEGIN
    INSERT INTO dhcp_agent_tokens_history (
            id, server_id, key, created_at, expires_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.server_id, NEW.key, NEW.created_at, NEW.expires_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_agent_tokens_history_update
AFTER UPDATE ON dhcp_agent_tokens FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.server_id IS NOT NEW.server_id
        OR OLD.key IS NOT NEW.key
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.expires_at IS NOT NEW.expires_at
BEGIN
    INSERT INTO dhcp_agent_tokens_history (
            id, server_id, key, created_at, expires_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.server_id, NEW.key, NEW.created_at, NEW.expires_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_agent_tokens_history_delete
AFTER DELETE ON dhcp_agent_tokens FOR EACH ROW
BEGIN
    INSERT INTO dhcp_agent_tokens_history (
            id, server_id, key, created_at, expires_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.server_id, OLD.key, OLD.created_at, OLD.expires_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_evictions_history_insert
AFTER INSERT ON dhcp_evictions FOR EACH ROW
BEGIN
    INSERT INTO dhcp_evictions_history (
            id, ip_address, mac_address, until, at, who,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.ip_address, NEW.mac_address, NEW.until, NEW.at, NEW.who,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_evictions_history_update
AFTER UPDATE ON dhcp_evictions FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.until IS NOT NEW.until
        OR OLD.at IS NOT NEW.at
        OR OLD.who IS NOT NEW.who
BEGIN
    INSERT INTO dhcp_evictions_history (
            id, ip_address, mac_address, until, at, who,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.ip_address, NEW.mac_address, NEW.until, NEW.at, NEW.who,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_evictions_history_delete
AFTER DELETE ON dhcp_evictions FOR EACH ROW
BEGIN
    INSERT INTO dhcp_evictions_history (
            id, ip_address, mac_address, until, at, who,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.ip_address, OLD.mac_address, OLD.until, OLD.at, OLD.who,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_hand_edits_history_insert
AFTER INSERT ON dhcp_hand_edits FOR EACH ROW
BEGIN
    INSERT INTO dhcp_hand_edits_history (
            id, file, action, was, line, raw, served, reason, found_at, state, decided_by,
            decided_at, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.file, NEW.action, NEW.was, NEW.line, NEW.raw, NEW.served, NEW.reason,
            NEW.found_at, NEW.state, NEW.decided_by, NEW.decided_at, NEW.server_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_hand_edits_history_update
AFTER UPDATE ON dhcp_hand_edits FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.file IS NOT NEW.file
        OR OLD.action IS NOT NEW.action
        OR OLD.was IS NOT NEW.was
        OR OLD.line IS NOT NEW.line
        OR OLD.raw IS NOT NEW.raw
        OR OLD.served IS NOT NEW.served
        OR OLD.reason IS NOT NEW.reason
        OR OLD.found_at IS NOT NEW.found_at
        OR OLD.state IS NOT NEW.state
        OR OLD.decided_by IS NOT NEW.decided_by
        OR OLD.decided_at IS NOT NEW.decided_at
        OR OLD.server_id IS NOT NEW.server_id
BEGIN
    INSERT INTO dhcp_hand_edits_history (
            id, file, action, was, line, raw, served, reason, found_at, state, decided_by,
            decided_at, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.file, NEW.action, NEW.was, NEW.line, NEW.raw, NEW.served, NEW.reason,
            NEW.found_at, NEW.state, NEW.decided_by, NEW.decided_at, NEW.server_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_hand_edits_history_delete
AFTER DELETE ON dhcp_hand_edits FOR EACH ROW
BEGIN
    INSERT INTO dhcp_hand_edits_history (
            id, file, action, was, line, raw, served, reason, found_at, state, decided_by,
            decided_at, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.file, OLD.action, OLD.was, OLD.line, OLD.raw, OLD.served, OLD.reason,
            OLD.found_at, OLD.state, OLD.decided_by, OLD.decided_at, OLD.server_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_options_history_insert
AFTER INSERT ON dhcp_options FOR EACH ROW
BEGIN
    INSERT INTO dhcp_options_history (
            id, scope_id, number, type, value,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.scope_id, NEW.number, NEW.type, NEW.value,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_options_history_update
AFTER UPDATE ON dhcp_options FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.scope_id IS NOT NEW.scope_id
        OR OLD.number IS NOT NEW.number
        OR OLD.type IS NOT NEW.type
        OR OLD.value IS NOT NEW.value
BEGIN
    INSERT INTO dhcp_options_history (
            id, scope_id, number, type, value,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.scope_id, NEW.number, NEW.type, NEW.value,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_options_history_delete
AFTER DELETE ON dhcp_options FOR EACH ROW
BEGIN
    INSERT INTO dhcp_options_history (
            id, scope_id, number, type, value,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.scope_id, OLD.number, OLD.type, OLD.value,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_scopes_history_insert
AFTER INSERT ON dhcp_scopes FOR EACH ROW
BEGIN
    INSERT INTO dhcp_scopes_history (
            id, subnet_id, server_id, enabled, lease_time, known_only, router, dns_servers,
            ntp_servers, domain, boot_server, boot_file, advertises, by_end, wire_id,
            wire_address, interface,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.subnet_id, NEW.server_id, NEW.enabled, NEW.lease_time, NEW.known_only,
            NEW.router, NEW.dns_servers, NEW.ntp_servers, NEW.domain, NEW.boot_server,
            NEW.boot_file, NEW.advertises, NEW.by_end, NEW.wire_id, NEW.wire_address,
            NEW.interface,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_scopes_history_update
AFTER UPDATE ON dhcp_scopes FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.subnet_id IS NOT NEW.subnet_id
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
        OR OLD.interface IS NOT NEW.interface
BEGIN
    INSERT INTO dhcp_scopes_history (
            id, subnet_id, server_id, enabled, lease_time, known_only, router, dns_servers,
            ntp_servers, domain, boot_server, boot_file, advertises, by_end, wire_id,
            wire_address, interface,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.subnet_id, NEW.server_id, NEW.enabled, NEW.lease_time, NEW.known_only,
            NEW.router, NEW.dns_servers, NEW.ntp_servers, NEW.domain, NEW.boot_server,
            NEW.boot_file, NEW.advertises, NEW.by_end, NEW.wire_id, NEW.wire_address,
            NEW.interface,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_scopes_history_delete
AFTER DELETE ON dhcp_scopes FOR EACH ROW
BEGIN
    INSERT INTO dhcp_scopes_history (
            id, subnet_id, server_id, enabled, lease_time, known_only, router, dns_servers,
            ntp_servers, domain, boot_server, boot_file, advertises, by_end, wire_id,
            wire_address, interface,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.subnet_id, OLD.server_id, OLD.enabled, OLD.lease_time, OLD.known_only,
            OLD.router, OLD.dns_servers, OLD.ntp_servers, OLD.domain, OLD.boot_server,
            OLD.boot_file, OLD.advertises, OLD.by_end, OLD.wire_id, OLD.wire_address,
            OLD.interface,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_servers_history_insert
AFTER INSERT ON dhcp_servers FOR EACH ROW
BEGIN
    INSERT INTO dhcp_servers_history (
            id, name, site, description, enabled, run_by, reload, dns, leases, log,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.name, NEW.site, NEW.description, NEW.enabled, NEW.run_by, NEW.reload,
            NEW.dns, NEW.leases, NEW.log,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_servers_history_update
AFTER UPDATE ON dhcp_servers FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.name IS NOT NEW.name
        OR OLD.site IS NOT NEW.site
        OR OLD.description IS NOT NEW.description
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.run_by IS NOT NEW.run_by
        OR OLD.reload IS NOT NEW.reload
        OR OLD.dns IS NOT NEW.dns
        OR OLD.leases IS NOT NEW.leases
        OR OLD.log IS NOT NEW.log
BEGIN
    INSERT INTO dhcp_servers_history (
            id, name, site, description, enabled, run_by, reload, dns, leases, log,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.name, NEW.site, NEW.description, NEW.enabled, NEW.run_by, NEW.reload,
            NEW.dns, NEW.leases, NEW.log,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER dhcp_servers_history_delete
AFTER DELETE ON dhcp_servers FOR EACH ROW
BEGIN
    INSERT INTO dhcp_servers_history (
            id, name, site, description, enabled, run_by, reload, dns, leases, log,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.name, OLD.site, OLD.description, OLD.enabled, OLD.run_by, OLD.reload,
            OLD.dns, OLD.leases, OLD.log,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;
