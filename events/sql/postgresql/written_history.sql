-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE OR REPLACE FUNCTION mail_preferences_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line mail_preferences%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO mail_preferences_history (
            id, kinds, subnets, site, user_id, enabled, frequency, hour, language,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.kinds, line.subnets, line.site, line.user_id, line.enabled,
            line.frequency, line.hour, line.language,
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
CREATE OR REPLACE FUNCTION mail_preferences_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO mail_preferences_history (
            id, kinds, subnets, site, user_id, enabled, frequency, hour, language,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.kinds, t.subnets, t.site, t.user_id, t.enabled, t.frequency, t.hour,
            t.language,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM mail_preferences t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER mail_preferences_history_insert_delete
    AFTER INSERT OR DELETE ON mail_preferences
    FOR EACH ROW EXECUTE FUNCTION mail_preferences_history();

CREATE OR REPLACE TRIGGER mail_preferences_history_update
    AFTER UPDATE ON mail_preferences
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.kinds IS DISTINCT FROM NEW.kinds
        OR OLD.subnets IS DISTINCT FROM NEW.subnets
        OR OLD.site IS DISTINCT FROM NEW.site
        OR OLD.user_id IS DISTINCT FROM NEW.user_id
        OR OLD.enabled IS DISTINCT FROM NEW.enabled
        OR OLD.frequency IS DISTINCT FROM NEW.frequency
        OR OLD.hour IS DISTINCT FROM NEW.hour
        OR OLD.language IS DISTINCT FROM NEW.language)
    EXECUTE FUNCTION mail_preferences_history();

CREATE OR REPLACE TRIGGER mail_preferences_history_truncate
    BEFORE TRUNCATE ON mail_preferences
    FOR EACH STATEMENT EXECUTE FUNCTION mail_preferences_history_all();

CREATE OR REPLACE FUNCTION webhooks_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line webhooks%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO webhooks_history (
            id, kinds, subnets, site, name, url, host, enabled, owner_id, ca, timeout,
            fingerprint, created_at, updated_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.kinds, line.subnets, line.site, line.name, line.url, line.host,
            line.enabled, line.owner_id, line.ca, line.timeout, line.fingerprint,
            line.created_at, line.updated_at,
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
CREATE OR REPLACE FUNCTION webhooks_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO webhooks_history (
            id, kinds, subnets, site, name, url, host, enabled, owner_id, ca, timeout,
            fingerprint, created_at, updated_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.kinds, t.subnets, t.site, t.name, t.url, t.host, t.enabled, t.owner_id, t.ca,
            t.timeout, t.fingerprint, t.created_at, t.updated_at,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM webhooks t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER webhooks_history_insert_delete
    AFTER INSERT OR DELETE ON webhooks
    FOR EACH ROW EXECUTE FUNCTION webhooks_history();

CREATE OR REPLACE TRIGGER webhooks_history_update
    AFTER UPDATE ON webhooks
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.kinds IS DISTINCT FROM NEW.kinds
        OR OLD.subnets IS DISTINCT FROM NEW.subnets
        OR OLD.site IS DISTINCT FROM NEW.site
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.url IS DISTINCT FROM NEW.url
        OR OLD.host IS DISTINCT FROM NEW.host
        OR OLD.enabled IS DISTINCT FROM NEW.enabled
        OR OLD.owner_id IS DISTINCT FROM NEW.owner_id
        OR OLD.ca IS DISTINCT FROM NEW.ca
        OR OLD.timeout IS DISTINCT FROM NEW.timeout
        OR OLD.fingerprint IS DISTINCT FROM NEW.fingerprint
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.updated_at IS DISTINCT FROM NEW.updated_at)
    EXECUTE FUNCTION webhooks_history();

CREATE OR REPLACE TRIGGER webhooks_history_truncate
    BEFORE TRUNCATE ON webhooks
    FOR EACH STATEMENT EXECUTE FUNCTION webhooks_history_all();
