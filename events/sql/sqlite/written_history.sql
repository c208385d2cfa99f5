-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE TRIGGER mail_preferences_history_insert
AFTER INSERT ON mail_preferences FOR EACH ROW
BEGIN
    INSERT INTO mail_preferences_history (
            id, kinds, subnets, site, user_id, enabled, frequency, hour, language,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.kinds, NEW.subnets, NEW.site, NEW.user_id, NEW.enabled, NEW.frequency,
            NEW.hour, NEW.language,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER mail_preferences_history_update
AFTER UPDATE ON mail_preferences FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.kinds IS NOT NEW.kinds
        OR OLD.subnets IS NOT NEW.subnets
        OR OLD.site IS NOT NEW.site
        OR OLD.user_id IS NOT NEW.user_id
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.frequency IS NOT NEW.frequency
        OR OLD.hour IS NOT NEW.hour
        OR OLD.language IS NOT NEW.language
BEGIN
    INSERT INTO mail_preferences_history (
            id, kinds, subnets, site, user_id, enabled, frequency, hour, language,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.kinds, NEW.subnets, NEW.site, NEW.user_id, NEW.enabled, NEW.frequency,
            NEW.hour, NEW.language,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER mail_preferences_history_delete
AFTER DELETE ON mail_preferences FOR EACH ROW
BEGIN
    INSERT INTO mail_preferences_history (
            id, kinds, subnets, site, user_id, enabled, frequency, hour, language,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.kinds, OLD.subnets, OLD.site, OLD.user_id, OLD.enabled, OLD.frequency,
            OLD.hour, OLD.language,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER webhooks_history_insert
AFTER INSERT ON webhooks FOR EACH ROW
BEGIN
    INSERT INTO webhooks_history (
            id, kinds, subnets, site, name, url, host, enabled, owner_id, ca, timeout,
            fingerprint, created_at, updated_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.kinds, NEW.subnets, NEW.site, NEW.name, NEW.url, NEW.host, NEW.enabled,
            NEW.owner_id, NEW.ca, NEW.timeout, NEW.fingerprint, NEW.created_at,
            NEW.updated_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER webhooks_history_update
AFTER UPDATE ON webhooks FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.kinds IS NOT NEW.kinds
        OR OLD.subnets IS NOT NEW.subnets
        OR OLD.site IS NOT NEW.site
        OR OLD.name IS NOT NEW.name
        OR OLD.url IS NOT NEW.url
        OR OLD.host IS NOT NEW.host
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.owner_id IS NOT NEW.owner_id
        OR OLD.ca IS NOT NEW.ca
        OR OLD.timeout IS NOT NEW.timeout
        OR OLD.fingerprint IS NOT NEW.fingerprint
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
BEGIN
    INSERT INTO webhooks_history (
            id, kinds, subnets, site, name, url, host, enabled, owner_id, ca, timeout,
            fingerprint, created_at, updated_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.kinds, NEW.subnets, NEW.site, NEW.name, NEW.url, NEW.host, NEW.enabled,
            NEW.owner_id, NEW.ca, NEW.timeout, NEW.fingerprint, NEW.created_at,
            NEW.updated_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER webhooks_history_delete
AFTER DELETE ON webhooks FOR EACH ROW
BEGIN
    INSERT INTO webhooks_history (
            id, kinds, subnets, site, name, url, host, enabled, owner_id, ca, timeout,
            fingerprint, created_at, updated_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.kinds, OLD.subnets, OLD.site, OLD.name, OLD.url, OLD.host, OLD.enabled,
            OLD.owner_id, OLD.ca, OLD.timeout, OLD.fingerprint, OLD.created_at,
            OLD.updated_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;
