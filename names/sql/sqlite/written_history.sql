-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE TRIGGER names_off_history_insert
AFTER INSERT ON names_off FOR EACH ROW
BEGIN
    INSERT INTO names_off_history (
            id, created_at, updated_at, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.subnet_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER names_off_history_update
AFTER UPDATE ON names_off FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.subnet_id IS NOT NEW.subnet_id
BEGIN
    INSERT INTO names_off_history (
            id, created_at, updated_at, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.subnet_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER names_off_history_delete
AFTER DELETE ON names_off FOR EACH ROW
BEGIN
    INSERT INTO names_off_history (
            id, created_at, updated_at, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.created_at, OLD.updated_at, OLD.subnet_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER names_records_history_insert
AFTER INSERT ON names_records FOR EACH ROW
BEGIN
    INSERT INTO names_records_history (
            id, created_at, updated_at, zone_id, name, type, value, ttl, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.zone_id, NEW.name, NEW.type, NEW.value,
            NEW.ttl, NEW.description,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER names_records_history_update
AFTER UPDATE ON names_records FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.zone_id IS NOT NEW.zone_id
        OR OLD.name IS NOT NEW.name
        OR OLD.type IS NOT NEW.type
        OR OLD.value IS NOT NEW.value
        OR OLD.ttl IS NOT NEW.ttl
        OR OLD.description IS NOT NEW.description
BEGIN
    INSERT INTO names_records_history (
            id, created_at, updated_at, zone_id, name, type, value, ttl, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.zone_id, NEW.name, NEW.type, NEW.value,
            NEW.ttl, NEW.description,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER names_records_history_delete
AFTER DELETE ON names_records FOR EACH ROW
BEGIN
    INSERT INTO names_records_history (
            id, created_at, updated_at, zone_id, name, type, value, ttl, description,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.created_at, OLD.updated_at, OLD.zone_id, OLD.name, OLD.type, OLD.value,
            OLD.ttl, OLD.description,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER names_zones_history_insert
AFTER INSERT ON names_zones FOR EACH ROW
BEGIN
    INSERT INTO names_zones_history (
            id, created_at, updated_at, name, description, enabled, ttl, primary_server, contact,
            refresh, retry, expire, negative_ttl,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.description, NEW.enabled,
            NEW.ttl, NEW.primary_server, NEW.contact, NEW.refresh, NEW.retry,
            NEW.expire, NEW.negative_ttl,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER names_zones_history_update
AFTER UPDATE ON names_zones FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.name IS NOT NEW.name
        OR OLD.description IS NOT NEW.description
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.ttl IS NOT NEW.ttl
        OR OLD.primary_server IS NOT NEW.primary_server
        OR OLD.contact IS NOT NEW.contact
        OR OLD.refresh IS NOT NEW.refresh
        OR OLD.retry IS NOT NEW.retry
        OR OLD.expire IS NOT NEW.expire
        OR OLD.negative_ttl IS NOT NEW.negative_ttl
BEGIN
    INSERT INTO names_zones_history (
            id, created_at, updated_at, name, description, enabled, ttl, primary_server, contact,
            refresh, retry, expire, negative_ttl,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.description, NEW.enabled,
            NEW.ttl, NEW.primary_server, NEW.contact, NEW.refresh, NEW.retry,
            NEW.expire, NEW.negative_ttl,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER names_zones_history_delete
AFTER DELETE ON names_zones FOR EACH ROW
BEGIN
    INSERT INTO names_zones_history (
            id, created_at, updated_at, name, description, enabled, ttl, primary_server, contact,
            refresh, retry, expire, negative_ttl,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.created_at, OLD.updated_at, OLD.name, OLD.description, OLD.enabled,
            OLD.ttl, OLD.primary_server, OLD.contact, OLD.refresh, OLD.retry,
            OLD.expire, OLD.negative_ttl,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;
