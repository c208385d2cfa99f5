-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE OR REPLACE FUNCTION port_ranges_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line port_ranges%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO port_ranges_history (
            id, config_id, service_type, first, last,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.config_id, line.service_type, line.first, line.last,
            clock_timestamp(),
            CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin() o;
    RETURN NULL;
END
$$;

-- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that the same
-- TRUNCATE may have taken away, so it is checked at once.
CREATE OR REPLACE FUNCTION port_ranges_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO port_ranges_history (
            id, config_id, service_type, first, last,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.config_id, t.service_type, t.first, t.last,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM port_ranges t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER port_ranges_history_insert_delete
    AFTER INSERT OR DELETE ON port_ranges
    FOR EACH ROW EXECUTE FUNCTION port_ranges_history();

CREATE OR REPLACE TRIGGER port_ranges_history_update
    AFTER UPDATE ON port_ranges
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.config_id IS DISTINCT FROM NEW.config_id
        OR OLD.service_type IS DISTINCT FROM NEW.service_type
        OR OLD.first IS DISTINCT FROM NEW.first
        OR OLD.last IS DISTINCT FROM NEW.last)
    EXECUTE FUNCTION port_ranges_history();

CREATE OR REPLACE TRIGGER port_ranges_history_truncate
    BEFORE TRUNCATE ON port_ranges
    FOR EACH STATEMENT EXECUTE FUNCTION port_ranges_history_all();

CREATE OR REPLACE FUNCTION registry_configs_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line registry_configs%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO registry_configs_history (
            id, environment, mode, service_ip_base, subnet_id, port_first, port_last,
            reserved_ports, heartbeat_timeout, grace_period,
            conflict_resolution_strategy, fallback, burst,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.environment, line.mode, line.service_ip_base, line.subnet_id,
            line.port_first, line.port_last, line.reserved_ports,
            line.heartbeat_timeout, line.grace_period,
            line.conflict_resolution_strategy, line.fallback, line.burst,
            clock_timestamp(),
            CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin() o;
    RETURN NULL;
END
$$;

-- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that the same
-- TRUNCATE may have taken away, so it is checked at once.
CREATE OR REPLACE FUNCTION registry_configs_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO registry_configs_history (
            id, environment, mode, service_ip_base, subnet_id, port_first, port_last,
            reserved_ports, heartbeat_timeout, grace_period,
            conflict_resolution_strategy, fallback, burst,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.environment, t.mode, t.service_ip_base, t.subnet_id, t.port_first,
            t.port_last, t.reserved_ports, t.heartbeat_timeout, t.grace_period,
            t.conflict_resolution_strategy, t.fallback, t.burst,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM registry_configs t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER registry_configs_history_insert_delete
    AFTER INSERT OR DELETE ON registry_configs
    FOR EACH ROW EXECUTE FUNCTION registry_configs_history();

CREATE OR REPLACE TRIGGER registry_configs_history_update
    AFTER UPDATE ON registry_configs
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.environment IS DISTINCT FROM NEW.environment
        OR OLD.mode IS DISTINCT FROM NEW.mode
        OR OLD.service_ip_base IS DISTINCT FROM NEW.service_ip_base
        OR OLD.subnet_id IS DISTINCT FROM NEW.subnet_id
        OR OLD.port_first IS DISTINCT FROM NEW.port_first
        OR OLD.port_last IS DISTINCT FROM NEW.port_last
        OR OLD.reserved_ports IS DISTINCT FROM NEW.reserved_ports
        OR OLD.heartbeat_timeout IS DISTINCT FROM NEW.heartbeat_timeout
        OR OLD.grace_period IS DISTINCT FROM NEW.grace_period
        OR OLD.conflict_resolution_strategy IS DISTINCT FROM NEW.conflict_resolution_strategy
        OR OLD.fallback IS DISTINCT FROM NEW.fallback
        OR OLD.burst IS DISTINCT FROM NEW.burst)
    EXECUTE FUNCTION registry_configs_history();

CREATE OR REPLACE TRIGGER registry_configs_history_truncate
    BEFORE TRUNCATE ON registry_configs
    FOR EACH STATEMENT EXECUTE FUNCTION registry_configs_history_all();

CREATE OR REPLACE FUNCTION registry_simulations_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line registry_simulations%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO registry_simulations_history (
            id, config_id, service_id, latency_ms, error_percent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.config_id, line.service_id, line.latency_ms, line.error_percent,
            clock_timestamp(),
            CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin() o;
    RETURN NULL;
END
$$;

-- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that the same
-- TRUNCATE may have taken away, so it is checked at once.
CREATE OR REPLACE FUNCTION registry_simulations_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO registry_simulations_history (
            id, config_id, service_id, latency_ms, error_percent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.config_id, t.service_id, t.latency_ms, t.error_percent,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM registry_simulations t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER registry_simulations_history_insert_delete
    AFTER INSERT OR DELETE ON registry_simulations
    FOR EACH ROW EXECUTE FUNCTION registry_simulations_history();

CREATE OR REPLACE TRIGGER registry_simulations_history_update
    AFTER UPDATE ON registry_simulations
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.config_id IS DISTINCT FROM NEW.config_id
        OR OLD.service_id IS DISTINCT FROM NEW.service_id
        OR OLD.latency_ms IS DISTINCT FROM NEW.latency_ms
        OR OLD.error_percent IS DISTINCT FROM NEW.error_percent)
    EXECUTE FUNCTION registry_simulations_history();

CREATE OR REPLACE TRIGGER registry_simulations_history_truncate
    BEFORE TRUNCATE ON registry_simulations
    FOR EACH STATEMENT EXECUTE FUNCTION registry_simulations_history_all();

CREATE OR REPLACE FUNCTION restart_actions_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line restart_actions%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO restart_actions_history (
            id, key, description, argv, "limit", period, enabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.key, line.description, line.argv, line."limit", line.period,
            line.enabled,
            clock_timestamp(),
            CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin() o;
    RETURN NULL;
END
$$;

-- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that the same
-- TRUNCATE may have taken away, so it is checked at once.
CREATE OR REPLACE FUNCTION restart_actions_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO restart_actions_history (
            id, key, description, argv, "limit", period, enabled,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.key, t.description, t.argv, t."limit", t.period, t.enabled,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM restart_actions t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER restart_actions_history_insert_delete
    AFTER INSERT OR DELETE ON restart_actions
    FOR EACH ROW EXECUTE FUNCTION restart_actions_history();

CREATE OR REPLACE TRIGGER restart_actions_history_update
    AFTER UPDATE ON restart_actions
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.key IS DISTINCT FROM NEW.key
        OR OLD.description IS DISTINCT FROM NEW.description
        OR OLD.argv IS DISTINCT FROM NEW.argv
        OR OLD."limit" IS DISTINCT FROM NEW."limit"
        OR OLD.period IS DISTINCT FROM NEW.period
        OR OLD.enabled IS DISTINCT FROM NEW.enabled)
    EXECUTE FUNCTION restart_actions_history();

CREATE OR REPLACE TRIGGER restart_actions_history_truncate
    BEFORE TRUNCATE ON restart_actions
    FOR EACH STATEMENT EXECUTE FUNCTION restart_actions_history_all();

CREATE OR REPLACE FUNCTION restart_requests_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line restart_requests%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO restart_requests_history (
            id, service_id, action, status, requested_by, person, approved_by, requested_at,
            expires_at, agent, taken_at, finished_at, exit_status,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.service_id, line.action, line.status, line.requested_by, line.person,
            line.approved_by, line.requested_at, line.expires_at, line.agent,
            line.taken_at, line.finished_at, line.exit_status,
            clock_timestamp(),
            CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin() o;
    RETURN NULL;
END
$$;

-- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that the same
-- TRUNCATE may have taken away, so it is checked at once.
CREATE OR REPLACE FUNCTION restart_requests_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO restart_requests_history (
            id, service_id, action, status, requested_by, person, approved_by, requested_at,
            expires_at, agent, taken_at, finished_at, exit_status,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.service_id, t.action, t.status, t.requested_by, t.person, t.approved_by,
            t.requested_at, t.expires_at, t.agent, t.taken_at, t.finished_at,
            t.exit_status,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM restart_requests t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER restart_requests_history_insert_delete
    AFTER INSERT OR DELETE ON restart_requests
    FOR EACH ROW EXECUTE FUNCTION restart_requests_history();

CREATE OR REPLACE TRIGGER restart_requests_history_update
    AFTER UPDATE ON restart_requests
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.service_id IS DISTINCT FROM NEW.service_id
        OR OLD.action IS DISTINCT FROM NEW.action
        OR OLD.status IS DISTINCT FROM NEW.status
        OR OLD.requested_by IS DISTINCT FROM NEW.requested_by
        OR OLD.person IS DISTINCT FROM NEW.person
        OR OLD.approved_by IS DISTINCT FROM NEW.approved_by
        OR OLD.requested_at IS DISTINCT FROM NEW.requested_at
        OR OLD.expires_at IS DISTINCT FROM NEW.expires_at
        OR OLD.agent IS DISTINCT FROM NEW.agent
        OR OLD.taken_at IS DISTINCT FROM NEW.taken_at
        OR OLD.finished_at IS DISTINCT FROM NEW.finished_at
        OR OLD.exit_status IS DISTINCT FROM NEW.exit_status)
    EXECUTE FUNCTION restart_requests_history();

CREATE OR REPLACE TRIGGER restart_requests_history_truncate
    BEFORE TRUNCATE ON restart_requests
    FOR EACH STATEMENT EXECUTE FUNCTION restart_requests_history_all();

CREATE OR REPLACE FUNCTION service_dependencies_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line service_dependencies%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO service_dependencies_history (
            id, service_id, needs,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.service_id, line.needs,
            clock_timestamp(),
            CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin() o;
    RETURN NULL;
END
$$;

-- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that the same
-- TRUNCATE may have taken away, so it is checked at once.
CREATE OR REPLACE FUNCTION service_dependencies_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO service_dependencies_history (
            id, service_id, needs,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.service_id, t.needs,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM service_dependencies t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER service_dependencies_history_insert_delete
    AFTER INSERT OR DELETE ON service_dependencies
    FOR EACH ROW EXECUTE FUNCTION service_dependencies_history();

CREATE OR REPLACE TRIGGER service_dependencies_history_update
    AFTER UPDATE ON service_dependencies
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.service_id IS DISTINCT FROM NEW.service_id
        OR OLD.needs IS DISTINCT FROM NEW.needs)
    EXECUTE FUNCTION service_dependencies_history();

CREATE OR REPLACE TRIGGER service_dependencies_history_truncate
    BEFORE TRUNCATE ON service_dependencies
    FOR EACH STATEMENT EXECUTE FUNCTION service_dependencies_history_all();

CREATE OR REPLACE FUNCTION services_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line services%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO services_history (
            id, environment, service_id, name, type, protocol, ip_address, port, container_port,
            status, pinned, preferred_port, range_first, range_last, restart_script,
            additional_info, inactive_since, registered_from, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.environment, line.service_id, line.name, line.type, line.protocol,
            line.ip_address, line.port, line.container_port, line.status, line.pinned,
            line.preferred_port, line.range_first, line.range_last,
            line.restart_script, line.additional_info, line.inactive_since,
            line.registered_from, line.created_at,
            clock_timestamp(),
            CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin() o;
    RETURN NULL;
END
$$;

-- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that the same
-- TRUNCATE may have taken away, so it is checked at once.
CREATE OR REPLACE FUNCTION services_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO services_history (
            id, environment, service_id, name, type, protocol, ip_address, port, container_port,
            status, pinned, preferred_port, range_first, range_last, restart_script,
            additional_info, inactive_since, registered_from, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.environment, t.service_id, t.name, t.type, t.protocol, t.ip_address, t.port,
            t.container_port, t.status, t.pinned, t.preferred_port, t.range_first,
            t.range_last, t.restart_script, t.additional_info, t.inactive_since,
            t.registered_from, t.created_at,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM services t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER services_history_insert_delete
    AFTER INSERT OR DELETE ON services
    FOR EACH ROW EXECUTE FUNCTION services_history();

CREATE OR REPLACE TRIGGER services_history_update
    AFTER UPDATE ON services
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.environment IS DISTINCT FROM NEW.environment
        OR OLD.service_id IS DISTINCT FROM NEW.service_id
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.type IS DISTINCT FROM NEW.type
        OR OLD.protocol IS DISTINCT FROM NEW.protocol
        OR OLD.ip_address IS DISTINCT FROM NEW.ip_address
        OR OLD.port IS DISTINCT FROM NEW.port
        OR OLD.container_port IS DISTINCT FROM NEW.container_port
        OR OLD.status IS DISTINCT FROM NEW.status
        OR OLD.pinned IS DISTINCT FROM NEW.pinned
        OR OLD.preferred_port IS DISTINCT FROM NEW.preferred_port
        OR OLD.range_first IS DISTINCT FROM NEW.range_first
        OR OLD.range_last IS DISTINCT FROM NEW.range_last
        OR OLD.restart_script IS DISTINCT FROM NEW.restart_script
        OR OLD.additional_info IS DISTINCT FROM NEW.additional_info
        OR OLD.inactive_since IS DISTINCT FROM NEW.inactive_since
        OR OLD.registered_from IS DISTINCT FROM NEW.registered_from
        OR OLD.created_at IS DISTINCT FROM NEW.created_at)
    EXECUTE FUNCTION services_history();

CREATE OR REPLACE TRIGGER services_history_truncate
    BEFORE TRUNCATE ON services
    FOR EACH STATEMENT EXECUTE FUNCTION services_history_all();
