-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE TRIGGER port_ranges_history_insert
AFTER INSERT ON port_ranges FOR EACH ROW
BEGIN
    INSERT INTO port_ranges_history (
            id, config_id, service_type, first, last,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.config_id, NEW.service_type, NEW.first, NEW.last,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER port_ranges_history_update
AFTER UPDATE ON port_ranges FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.config_id IS NOT NEW.config_id
        OR OLD.service_type IS NOT NEW.service_type
        OR OLD.first IS NOT NEW.first
        OR OLD.last IS NOT NEW.last
BEGIN
    INSERT INTO port_ranges_history (
            id, config_id, service_type, first, last,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.config_id, NEW.service_type, NEW.first, NEW.last,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER port_ranges_history_delete
AFTER DELETE ON port_ranges FOR EACH ROW
BEGIN
    INSERT INTO port_ranges_history (
            id, config_id, service_type, first, last,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.config_id, OLD.service_type, OLD.first, OLD.last,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER registry_configs_history_insert
AFTER INSERT ON registry_configs FOR EACH ROW
BEGIN
    INSERT INTO registry_configs_history (
            id, environment, mode, service_ip_base, subnet_id, port_first, port_last,
            reserved_ports, heartbeat_timeout, grace_period,
            conflict_resolution_strategy, fallback, burst,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.environment, NEW.mode, NEW.service_ip_base, NEW.subnet_id, NEW.port_first,
            NEW.port_last, NEW.reserved_ports, NEW.heartbeat_timeout,
            NEW.grace_period, NEW.conflict_resolution_strategy, NEW.fallback,
            NEW.burst,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER registry_configs_history_update
AFTER UPDATE ON registry_configs FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.environment IS NOT NEW.environment
        OR OLD.mode IS NOT NEW.mode
        OR OLD.service_ip_base IS NOT NEW.service_ip_base
        OR OLD.subnet_id IS NOT NEW.subnet_id
        OR OLD.port_first IS NOT NEW.port_first
        OR OLD.port_last IS NOT NEW.port_last
        OR OLD.reserved_ports IS NOT NEW.reserved_ports
        OR OLD.heartbeat_timeout IS NOT NEW.heartbeat_timeout
        OR OLD.grace_period IS NOT NEW.grace_period
        OR OLD.conflict_resolution_strategy IS NOT NEW.conflict_resolution_strategy
        OR OLD.fallback IS NOT NEW.fallback
        OR OLD.burst IS NOT NEW.burst
BEGIN
    INSERT INTO registry_configs_history (
            id, environment, mode, service_ip_base, subnet_id, port_first, port_last,
            reserved_ports, heartbeat_timeout, grace_period,
            conflict_resolution_strategy, fallback, burst,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.environment, NEW.mode, NEW.service_ip_base, NEW.subnet_id, NEW.port_first,
            NEW.port_last, NEW.reserved_ports, NEW.heartbeat_timeout,
            NEW.grace_period, NEW.conflict_resolution_strategy, NEW.fallback,
            NEW.burst,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER registry_configs_history_delete
AFTER DELETE ON registry_configs FOR EACH ROW
BEGIN
    INSERT INTO registry_configs_history (
            id, environment, mode, service_ip_base, subnet_id, port_first, port_last,
            reserved_ports, heartbeat_timeout, grace_period,
            conflict_resolution_strategy, fallback, burst,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.environment, OLD.mode, OLD.service_ip_base, OLD.subnet_id, OLD.port_first,
            OLD.port_last, OLD.reserved_ports, OLD.heartbeat_timeout,
            OLD.grace_period, OLD.conflict_resolution_strategy, OLD.fallback,
            OLD.burst,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER registry_simulations_history_insert
AFTER INSERT ON registry_simulations FOR EACH ROW
BEGIN
    INSERT INTO registry_simulations_history (
            id, config_id, service_id, latency_ms, error_percent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.config_id, NEW.service_id, NEW.latency_ms, NEW.error_percent,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER registry_simulations_history_update
AFTER UPDATE ON registry_simulations FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.config_id IS NOT NEW.config_id
        OR OLD.service_id IS NOT NEW.service_id
        OR OLD.latency_ms IS NOT NEW.latency_ms
        OR OLD.error_percent IS NOT NEW.error_percent
BEGIN
    INSERT INTO registry_simulations_history (
            id, config_id, service_id, latency_ms, error_percent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.config_id, NEW.service_id, NEW.latency_ms, NEW.error_percent,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER registry_simulations_history_delete
AFTER DELETE ON registry_simulations FOR EACH ROW
BEGIN
    INSERT INTO registry_simulations_history (
            id, config_id, service_id, latency_ms, error_percent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.config_id, OLD.service_id, OLD.latency_ms, OLD.error_percent,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER restart_actions_history_insert
AFTER INSERT ON restart_actions FOR EACH ROW
BEGIN
    INSERT INTO restart_actions_history (
            id, key, description, argv, "limit", period, enabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.key, NEW.description, NEW.argv, NEW."limit", NEW.period, NEW.enabled,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER restart_actions_history_update
AFTER UPDATE ON restart_actions FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.key IS NOT NEW.key
        OR OLD.description IS NOT NEW.description
        OR OLD.argv IS NOT NEW.argv
        OR OLD."limit" IS NOT NEW."limit"
        OR OLD.period IS NOT NEW.period
        OR OLD.enabled IS NOT NEW.enabled
BEGIN
    INSERT INTO restart_actions_history (
            id, key, description, argv, "limit", period, enabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.key, NEW.description, NEW.argv, NEW."limit", NEW.period, NEW.enabled,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER restart_actions_history_delete
AFTER DELETE ON restart_actions FOR EACH ROW
BEGIN
    INSERT INTO restart_actions_history (
            id, key, description, argv, "limit", period, enabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.key, OLD.description, OLD.argv, OLD."limit", OLD.period, OLD.enabled,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER restart_requests_history_insert
AFTER INSERT ON restart_requests FOR EACH ROW
BEGIN
    INSERT INTO restart_requests_history (
            id, service_id, action, status, requested_by, person, approved_by, requested_at,
            expires_at, agent, taken_at, finished_at, exit_status,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.service_id, NEW.action, NEW.status, NEW.requested_by, NEW.person,
            NEW.approved_by, NEW.requested_at, NEW.expires_at, NEW.agent,
            NEW.taken_at, NEW.finished_at, NEW.exit_status,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER restart_requests_history_update
AFTER UPDATE ON restart_requests FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.service_id IS NOT NEW.service_id
        OR OLD.action IS NOT NEW.action
        OR OLD.status IS NOT NEW.status
        OR OLD.requested_by IS NOT NEW.requested_by
        OR OLD.person IS NOT NEW.person
        OR OLD.approved_by IS NOT NEW.approved_by
        OR OLD.requested_at IS NOT NEW.requested_at
        OR OLD.expires_at IS NOT NEW.expires_at
        OR OLD.agent IS NOT NEW.agent
        OR OLD.taken_at IS NOT NEW.taken_at
        OR OLD.finished_at IS NOT NEW.finished_at
        OR OLD.exit_status IS NOT NEW.exit_status
BEGIN
    INSERT INTO restart_requests_history (
            id, service_id, action, status, requested_by, person, approved_by, requested_at,
            expires_at, agent, taken_at, finished_at, exit_status,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.service_id, NEW.action, NEW.status, NEW.requested_by, NEW.person,
            NEW.approved_by, NEW.requested_at, NEW.expires_at, NEW.agent,
            NEW.taken_at, NEW.finished_at, NEW.exit_status,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER restart_requests_history_delete
AFTER DELETE ON restart_requests FOR EACH ROW
BEGIN
    INSERT INTO restart_requests_history (
            id, service_id, action, status, requested_by, person, approved_by, requested_at,
            expires_at, agent, taken_at, finished_at, exit_status,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.service_id, OLD.action, OLD.status, OLD.requested_by, OLD.person,
            OLD.approved_by, OLD.requested_at, OLD.expires_at, OLD.agent,
            OLD.taken_at, OLD.finished_at, OLD.exit_status,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER service_dependencies_history_insert
AFTER INSERT ON service_dependencies FOR EACH ROW
BEGIN
    INSERT INTO service_dependencies_history (
            id, service_id, needs,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.service_id, NEW.needs,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER service_dependencies_history_update
AFTER UPDATE ON service_dependencies FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.service_id IS NOT NEW.service_id
        OR OLD.needs IS NOT NEW.needs
BEGIN
    INSERT INTO service_dependencies_history (
            id, service_id, needs,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.service_id, NEW.needs,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER service_dependencies_history_delete
AFTER DELETE ON service_dependencies FOR EACH ROW
BEGIN
    INSERT INTO service_dependencies_history (
            id, service_id, needs,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.service_id, OLD.needs,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER services_history_insert
AFTER INSERT ON services FOR EACH ROW
BEGIN
    INSERT INTO services_history (
            id, environment, service_id, name, type, protocol, ip_address, port, container_port,
            status, pinned, preferred_port, range_first, range_last, restart_script,
            additional_info, inactive_since, registered_from, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.environment, NEW.service_id, NEW.name, NEW.type, NEW.protocol,
            NEW.ip_address, NEW.port, NEW.container_port, NEW.status, NEW.pinned,
            NEW.preferred_port, NEW.range_first, NEW.range_last, NEW.restart_script,
            NEW.additional_info, NEW.inactive_since, NEW.registered_from,
            NEW.created_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER services_history_update
AFTER UPDATE ON services FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.environment IS NOT NEW.environment
        OR OLD.service_id IS NOT NEW.service_id
        OR OLD.name IS NOT NEW.name
        OR OLD.type IS NOT NEW.type
        OR OLD.protocol IS NOT NEW.protocol
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.port IS NOT NEW.port
        OR OLD.container_port IS NOT NEW.container_port
        OR OLD.status IS NOT NEW.status
        OR OLD.pinned IS NOT NEW.pinned
        OR OLD.preferred_port IS NOT NEW.preferred_port
        OR OLD.range_first IS NOT NEW.range_first
        OR OLD.range_last IS NOT NEW.range_last
        OR OLD.restart_script IS NOT NEW.restart_script
        OR OLD.additional_info IS NOT NEW.additional_info
        OR OLD.inactive_since IS NOT NEW.inactive_since
        OR OLD.registered_from IS NOT NEW.registered_from
        OR OLD.created_at IS NOT NEW.created_at
BEGIN
    INSERT INTO services_history (
            id, environment, service_id, name, type, protocol, ip_address, port, container_port,
            status, pinned, preferred_port, range_first, range_last, restart_script,
            additional_info, inactive_since, registered_from, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.environment, NEW.service_id, NEW.name, NEW.type, NEW.protocol,
            NEW.ip_address, NEW.port, NEW.container_port, NEW.status, NEW.pinned,
            NEW.preferred_port, NEW.range_first, NEW.range_last, NEW.restart_script,
            NEW.additional_info, NEW.inactive_since, NEW.registered_from,
            NEW.created_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER services_history_delete
AFTER DELETE ON services FOR EACH ROW
BEGIN
    INSERT INTO services_history (
            id, environment, service_id, name, type, protocol, ip_address, port, container_port,
            status, pinned, preferred_port, range_first, range_last, restart_script,
            additional_info, inactive_since, registered_from, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.environment, OLD.service_id, OLD.name, OLD.type, OLD.protocol,
            OLD.ip_address, OLD.port, OLD.container_port, OLD.status, OLD.pinned,
            OLD.preferred_port, OLD.range_first, OLD.range_last, OLD.restart_script,
            OLD.additional_info, OLD.inactive_since, OLD.registered_from,
            OLD.created_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;
