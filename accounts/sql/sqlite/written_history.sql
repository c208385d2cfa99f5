-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE TRIGGER accounts_secondfactorgroup_history_insert
AFTER INSERT ON accounts_secondfactorgroup FOR EACH ROW
BEGIN
    INSERT INTO accounts_secondfactorgroup_history (
            group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.group_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER accounts_secondfactorgroup_history_update
AFTER UPDATE ON accounts_secondfactorgroup FOR EACH ROW
WHEN OLD.group_id IS NOT NEW.group_id
BEGIN
    INSERT INTO accounts_secondfactorgroup_history (
            group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.group_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER accounts_secondfactorgroup_history_delete
AFTER DELETE ON accounts_secondfactorgroup FOR EACH ROW
BEGIN
    INSERT INTO accounts_secondfactorgroup_history (
            group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.group_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_group_history_insert
AFTER INSERT ON auth_group FOR EACH ROW
BEGIN
    INSERT INTO auth_group_history (
            id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.name,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_group_history_update
AFTER UPDATE ON auth_group FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.name IS NOT NEW.name
BEGIN
    INSERT INTO auth_group_history (
            id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.name,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_group_history_delete
AFTER DELETE ON auth_group FOR EACH ROW
BEGIN
    INSERT INTO auth_group_history (
            id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.name,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_group_permissions_history_insert
AFTER INSERT ON auth_group_permissions FOR EACH ROW
BEGIN
    INSERT INTO auth_group_permissions_history (
            id, group_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.group_id, NEW.permission_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_group_permissions_history_update
AFTER UPDATE ON auth_group_permissions FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.group_id IS NOT NEW.group_id
        OR OLD.permission_id IS NOT NEW.permission_id
BEGIN
    INSERT INTO auth_group_permissions_history (
            id, group_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.group_id, NEW.permission_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_group_permissions_history_delete
AFTER DELETE ON auth_group_permissions FOR EACH ROW
BEGIN
    INSERT INTO auth_group_permissions_history (
            id, group_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.group_id, OLD.permission_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_user_history_insert
AFTER INSERT ON auth_user FOR EACH ROW
BEGIN
    INSERT INTO auth_user_history (
            id, is_superuser, username, first_name, last_name, email, is_staff, is_active,
            date_joined,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.is_superuser, NEW.username, NEW.first_name, NEW.last_name, NEW.email,
            NEW.is_staff, NEW.is_active, NEW.date_joined,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_user_history_update
AFTER UPDATE ON auth_user FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.is_superuser IS NOT NEW.is_superuser
        OR OLD.username IS NOT NEW.username
        OR OLD.first_name IS NOT NEW.first_name
        OR OLD.last_name IS NOT NEW.last_name
        OR OLD.email IS NOT NEW.email
        OR OLD.is_staff IS NOT NEW.is_staff
        OR OLD.is_active IS NOT NEW.is_active
        OR OLD.date_joined IS NOT NEW.date_joined
BEGIN
    INSERT INTO auth_user_history (
            id, is_superuser, username, first_name, last_name, email, is_staff, is_active,
            date_joined,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.is_superuser, NEW.username, NEW.first_name, NEW.last_name, NEW.email,
            NEW.is_staff, NEW.is_active, NEW.date_joined,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_user_history_delete
AFTER DELETE ON auth_user FOR EACH ROW
BEGIN
    INSERT INTO auth_user_history (
            id, is_superuser, username, first_name, last_name, email, is_staff, is_active,
            date_joined,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.is_superuser, OLD.username, OLD.first_name, OLD.last_name, OLD.email,
            OLD.is_staff, OLD.is_active, OLD.date_joined,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_user_groups_history_insert
AFTER INSERT ON auth_user_groups FOR EACH ROW
BEGIN
    INSERT INTO auth_user_groups_history (
            id, user_id, group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.user_id, NEW.group_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_user_groups_history_update
AFTER UPDATE ON auth_user_groups FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.user_id IS NOT NEW.user_id
        OR OLD.group_id IS NOT NEW.group_id
BEGIN
    INSERT INTO auth_user_groups_history (
            id, user_id, group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.user_id, NEW.group_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_user_groups_history_delete
AFTER DELETE ON auth_user_groups FOR EACH ROW
BEGIN
    INSERT INTO auth_user_groups_history (
            id, user_id, group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.user_id, OLD.group_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_user_user_permissions_history_insert
AFTER INSERT ON auth_user_user_permissions FOR EACH ROW
BEGIN
    INSERT INTO auth_user_user_permissions_history (
            id, user_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.user_id, NEW.permission_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_user_user_permissions_history_update
AFTER UPDATE ON auth_user_user_permissions FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.user_id IS NOT NEW.user_id
        OR OLD.permission_id IS NOT NEW.permission_id
BEGIN
    INSERT INTO auth_user_user_permissions_history (
            id, user_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.user_id, NEW.permission_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER auth_user_user_permissions_history_delete
AFTER DELETE ON auth_user_user_permissions FOR EACH ROW
BEGIN
    INSERT INTO auth_user_user_permissions_history (
            id, user_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.user_id, OLD.permission_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER otp_static_staticdevice_history_insert
AFTER INSERT ON otp_static_staticdevice FOR EACH ROW
BEGIN
    INSERT INTO otp_static_staticdevice_history (
            id, user_id, name, confirmed, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.user_id, NEW.name, NEW.confirmed, NEW.created_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER otp_static_staticdevice_history_update
AFTER UPDATE ON otp_static_staticdevice FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.user_id IS NOT NEW.user_id
        OR OLD.name IS NOT NEW.name
        OR OLD.confirmed IS NOT NEW.confirmed
        OR OLD.created_at IS NOT NEW.created_at
BEGIN
    INSERT INTO otp_static_staticdevice_history (
            id, user_id, name, confirmed, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.user_id, NEW.name, NEW.confirmed, NEW.created_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER otp_static_staticdevice_history_delete
AFTER DELETE ON otp_static_staticdevice FOR EACH ROW
BEGIN
    INSERT INTO otp_static_staticdevice_history (
            id, user_id, name, confirmed, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.user_id, OLD.name, OLD.confirmed, OLD.created_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER otp_totp_totpdevice_history_insert
AFTER INSERT ON otp_totp_totpdevice FOR EACH ROW
BEGIN
    INSERT INTO otp_totp_totpdevice_history (
            id, user_id, name, confirmed, created_at, step, t0, digits, tolerance,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.user_id, NEW.name, NEW.confirmed, NEW.created_at, NEW.step, NEW.t0,
            NEW.digits, NEW.tolerance,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER otp_totp_totpdevice_history_update
AFTER UPDATE ON otp_totp_totpdevice FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.user_id IS NOT NEW.user_id
        OR OLD.name IS NOT NEW.name
        OR OLD.confirmed IS NOT NEW.confirmed
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.step IS NOT NEW.step
        OR OLD.t0 IS NOT NEW.t0
        OR OLD.digits IS NOT NEW.digits
        OR OLD.tolerance IS NOT NEW.tolerance
BEGIN
    INSERT INTO otp_totp_totpdevice_history (
            id, user_id, name, confirmed, created_at, step, t0, digits, tolerance,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.user_id, NEW.name, NEW.confirmed, NEW.created_at, NEW.step, NEW.t0,
            NEW.digits, NEW.tolerance,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER otp_totp_totpdevice_history_delete
AFTER DELETE ON otp_totp_totpdevice FOR EACH ROW
BEGIN
    INSERT INTO otp_totp_totpdevice_history (
            id, user_id, name, confirmed, created_at, step, t0, digits, tolerance,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.user_id, OLD.name, OLD.confirmed, OLD.created_at, OLD.step, OLD.t0,
            OLD.digits, OLD.tolerance,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;
