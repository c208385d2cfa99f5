-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE OR REPLACE FUNCTION ipmanager_token_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line ipmanager_token%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO ipmanager_token_history (
            digest, token_key, user_id, created, expiry, name, scopes, networks, subnets,
            services, replaced_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.token_key, line.token_key, line.user_id, line.created, line.expiry, line.name,
            line.scopes, line.networks, line.subnets, line.services, line.replaced_at,
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
CREATE OR REPLACE FUNCTION ipmanager_token_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO ipmanager_token_history (
            digest, token_key, user_id, created, expiry, name, scopes, networks, subnets,
            services, replaced_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.token_key, t.token_key, t.user_id, t.created, t.expiry, t.name, t.scopes,
            t.networks, t.subnets, t.services, t.replaced_at,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM ipmanager_token t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER ipmanager_token_history_insert_delete
    AFTER INSERT OR DELETE ON ipmanager_token
    FOR EACH ROW EXECUTE FUNCTION ipmanager_token_history();

CREATE OR REPLACE TRIGGER ipmanager_token_history_update
    AFTER UPDATE ON ipmanager_token
    FOR EACH ROW WHEN (OLD.token_key IS DISTINCT FROM NEW.token_key
        OR OLD.user_id IS DISTINCT FROM NEW.user_id
        OR OLD.created IS DISTINCT FROM NEW.created
        OR OLD.expiry IS DISTINCT FROM NEW.expiry
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.scopes IS DISTINCT FROM NEW.scopes
        OR OLD.networks IS DISTINCT FROM NEW.networks
        OR OLD.subnets IS DISTINCT FROM NEW.subnets
        OR OLD.services IS DISTINCT FROM NEW.services
        OR OLD.replaced_at IS DISTINCT FROM NEW.replaced_at)
    EXECUTE FUNCTION ipmanager_token_history();

CREATE OR REPLACE TRIGGER ipmanager_token_history_truncate
    BEFORE TRUNCATE ON ipmanager_token
    FOR EACH STATEMENT EXECUTE FUNCTION ipmanager_token_history_all();
