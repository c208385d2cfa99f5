-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE TRIGGER ipmanager_token_history_insert
AFTER INSERT ON ipmanager_token FOR EACH ROW
BEGIN
    INSERT INTO ipmanager_token_history (
            digest, token_key, user_id, created, expiry, name, scopes, networks, subnets,
            services, replaced_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.token_key, NEW.token_key, NEW.user_id, NEW.created, NEW.expiry, NEW.name,
            NEW.scopes, NEW.networks, NEW.subnets, NEW.services, NEW.replaced_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER ipmanager_token_history_update
AFTER UPDATE ON ipmanager_token FOR EACH ROW
WHEN OLD.token_key IS NOT NEW.token_key
        OR OLD.user_id IS NOT NEW.user_id
        OR OLD.created IS NOT NEW.created
        OR OLD.expiry IS NOT NEW.expiry
        OR OLD.name IS NOT NEW.name
        OR OLD.scopes IS NOT NEW.scopes
        OR OLD.networks IS NOT NEW.networks
        OR OLD.subnets IS NOT NEW.subnets
        OR OLD.services IS NOT NEW.services
        OR OLD.replaced_at IS NOT NEW.replaced_at
BEGIN
    INSERT INTO ipmanager_token_history (
            digest, token_key, user_id, created, expiry, name, scopes, networks, subnets,
            services, replaced_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.token_key, NEW.token_key, NEW.user_id, NEW.created, NEW.expiry, NEW.name,
            NEW.scopes, NEW.networks, NEW.subnets, NEW.services, NEW.replaced_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER ipmanager_token_history_delete
AFTER DELETE ON ipmanager_token FOR EACH ROW
BEGIN
    INSERT INTO ipmanager_token_history (
            digest, token_key, user_id, created, expiry, name, scopes, networks, subnets,
            services, replaced_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.token_key, OLD.token_key, OLD.user_id, OLD.created, OLD.expiry, OLD.name,
            OLD.scopes, OLD.networks, OLD.subnets, OLD.services, OLD.replaced_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;
