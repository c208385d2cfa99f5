-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE OR REPLACE FUNCTION names_off_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line names_off%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO names_off_history (
            id, created_at, updated_at, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.created_at, line.updated_at, line.subnet_id,
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
CREATE OR REPLACE FUNCTION names_off_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO names_off_history (
            id, created_at, updated_at, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.created_at, t.updated_at, t.subnet_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM names_off t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER names_off_history_insert_delete
    AFTER INSERT OR DELETE ON names_off
    FOR EACH ROW EXECUTE FUNCTION names_off_history();

CREATE OR REPLACE TRIGGER names_off_history_update
    AFTER UPDATE ON names_off
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.updated_at IS DISTINCT FROM NEW.updated_at
        OR OLD.subnet_id IS DISTINCT FROM NEW.subnet_id)
    EXECUTE FUNCTION names_off_history();

CREATE OR REPLACE TRIGGER names_off_history_truncate
    BEFORE TRUNCATE ON names_off
    FOR EACH STATEMENT EXECUTE FUNCTION names_off_history_all();

CREATE OR REPLACE FUNCTION names_records_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line names_records%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO names_records_history (
            id, created_at, updated_at, zone_id, name, type, value, ttl, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.created_at, line.updated_at, line.zone_id, line.name, line.type,
            line.value, line.ttl, line.description,
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
CREATE OR REPLACE FUNCTION names_records_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO names_records_history (
            id, created_at, updated_at, zone_id, name, type, value, ttl, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.created_at, t.updated_at, t.zone_id, t.name, t.type, t.value, t.ttl,
            t.description,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM names_records t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER names_records_history_insert_delete
    AFTER INSERT OR DELETE ON names_records
    FOR EACH ROW EXECUTE FUNCTION names_records_history();

CREATE OR REPLACE TRIGGER names_records_history_update
    AFTER UPDATE ON names_records
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.updated_at IS DISTINCT FROM NEW.updated_at
        OR OLD.zone_id IS DISTINCT FROM NEW.zone_id
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.type IS DISTINCT FROM NEW.type
        OR OLD.value IS DISTINCT FROM NEW.value
        OR OLD.ttl IS DISTINCT FROM NEW.ttl
        OR OLD.description IS DISTINCT FROM NEW.description)
    EXECUTE FUNCTION names_records_history();

CREATE OR REPLACE TRIGGER names_records_history_truncate
    BEFORE TRUNCATE ON names_records
    FOR EACH STATEMENT EXECUTE FUNCTION names_records_history_all();

CREATE OR REPLACE FUNCTION names_zones_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line names_zones%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO names_zones_history (
            id, created_at, updated_at, name, description, enabled, ttl, primary_server, contact,
            refresh, retry, expire, negative_ttl,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.created_at, line.updated_at, line.name, line.description, line.enabled,
            line.ttl, line.primary_server, line.contact, line.refresh, line.retry,
            line.expire, line.negative_ttl,
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
CREATE OR REPLACE FUNCTION names_zones_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO names_zones_history (
            id, created_at, updated_at, name, description, enabled, ttl, primary_server, contact,
            refresh, retry, expire, negative_ttl,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.created_at, t.updated_at, t.name, t.description, t.enabled, t.ttl,
            t.primary_server, t.contact, t.refresh, t.retry, t.expire, t.negative_ttl,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM names_zones t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER names_zones_history_insert_delete
    AFTER INSERT OR DELETE ON names_zones
    FOR EACH ROW EXECUTE FUNCTION names_zones_history();

CREATE OR REPLACE TRIGGER names_zones_history_update
    AFTER UPDATE ON names_zones
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.updated_at IS DISTINCT FROM NEW.updated_at
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.description IS DISTINCT FROM NEW.description
        OR OLD.enabled IS DISTINCT FROM NEW.enabled
        OR OLD.ttl IS DISTINCT FROM NEW.ttl
        OR OLD.primary_server IS DISTINCT FROM NEW.primary_server
        OR OLD.contact IS DISTINCT FROM NEW.contact
        OR OLD.refresh IS DISTINCT FROM NEW.refresh
        OR OLD.retry IS DISTINCT FROM NEW.retry
        OR OLD.expire IS DISTINCT FROM NEW.expire
        OR OLD.negative_ttl IS DISTINCT FROM NEW.negative_ttl)
    EXECUTE FUNCTION names_zones_history();

CREATE OR REPLACE TRIGGER names_zones_history_truncate
    BEFORE TRUNCATE ON names_zones
    FOR EACH STATEMENT EXECUTE FUNCTION names_zones_history_all();
