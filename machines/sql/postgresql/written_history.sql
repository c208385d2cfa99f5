-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE OR REPLACE FUNCTION machine_services_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line machine_services%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO machine_services_history (
            id, machine_id, service_id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.machine_id, line.service_id, line.name,
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
CREATE OR REPLACE FUNCTION machine_services_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO machine_services_history (
            id, machine_id, service_id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.machine_id, t.service_id, t.name,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM machine_services t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER machine_services_history_insert_delete
    AFTER INSERT OR DELETE ON machine_services
    FOR EACH ROW EXECUTE FUNCTION machine_services_history();

CREATE OR REPLACE TRIGGER machine_services_history_update
    AFTER UPDATE ON machine_services
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.machine_id IS DISTINCT FROM NEW.machine_id
        OR OLD.service_id IS DISTINCT FROM NEW.service_id
        OR OLD.name IS DISTINCT FROM NEW.name)
    EXECUTE FUNCTION machine_services_history();

CREATE OR REPLACE TRIGGER machine_services_history_truncate
    BEFORE TRUNCATE ON machine_services
    FOR EACH STATEMENT EXECUTE FUNCTION machine_services_history_all();

CREATE OR REPLACE FUNCTION machines_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line machines%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO machines_history (
            id, server_id, expires_at, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.server_id, line.expires_at, line.created_at,
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
CREATE OR REPLACE FUNCTION machines_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO machines_history (
            id, server_id, expires_at, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.server_id, t.expires_at, t.created_at,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM machines t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER machines_history_insert_delete
    AFTER INSERT OR DELETE ON machines
    FOR EACH ROW EXECUTE FUNCTION machines_history();

CREATE OR REPLACE TRIGGER machines_history_update
    AFTER UPDATE ON machines
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.server_id IS DISTINCT FROM NEW.server_id
        OR OLD.expires_at IS DISTINCT FROM NEW.expires_at
        OR OLD.created_at IS DISTINCT FROM NEW.created_at)
    EXECUTE FUNCTION machines_history();

CREATE OR REPLACE TRIGGER machines_history_truncate
    BEFORE TRUNCATE ON machines
    FOR EACH STATEMENT EXECUTE FUNCTION machines_history_all();
