-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE TRIGGER machine_services_history_insert
AFTER INSERT ON machine_services FOR EACH ROW
BEGIN
    INSERT INTO machine_services_history (
            id, machine_id, service_id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.machine_id, NEW.service_id, NEW.name,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER machine_services_history_update
AFTER UPDATE ON machine_services FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.machine_id IS NOT NEW.machine_id
        OR OLD.service_id IS NOT NEW.service_id
        OR OLD.name IS NOT NEW.name
BEGIN
    INSERT INTO machine_services_history (
            id, machine_id, service_id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.machine_id, NEW.service_id, NEW.name,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER machine_services_history_delete
AFTER DELETE ON machine_services FOR EACH ROW
BEGIN
    INSERT INTO machine_services_history (
            id, machine_id, service_id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.machine_id, OLD.service_id, OLD.name,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER machines_history_insert
AFTER INSERT ON machines FOR EACH ROW
BEGIN
    INSERT INTO machines_history (
            id, server_id, expires_at, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.server_id, NEW.expires_at, NEW.created_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER machines_history_update
AFTER UPDATE ON machines FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.server_id IS NOT NEW.server_id
        OR OLD.expires_at IS NOT NEW.expires_at
        OR OLD.created_at IS NOT NEW.created_at
BEGIN
    INSERT INTO machines_history (
            id, server_id, expires_at, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.server_id, NEW.expires_at, NEW.created_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER machines_history_delete
AFTER DELETE ON machines FOR EACH ROW
BEGIN
    INSERT INTO machines_history (
            id, server_id, expires_at, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.server_id, OLD.expires_at, OLD.created_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;
