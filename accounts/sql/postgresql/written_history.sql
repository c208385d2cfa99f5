-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE OR REPLACE FUNCTION accounts_secondfactorgroup_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line accounts_secondfactorgroup%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO accounts_secondfactorgroup_history (
            group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.group_id,
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
CREATE OR REPLACE FUNCTION accounts_secondfactorgroup_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO accounts_secondfactorgroup_history (
            group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.group_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM accounts_secondfactorgroup t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER accounts_secondfactorgroup_history_insert_delete
    AFTER INSERT OR DELETE ON accounts_secondfactorgroup
    FOR EACH ROW EXECUTE FUNCTION accounts_secondfactorgroup_history();

CREATE OR REPLACE TRIGGER accounts_secondfactorgroup_history_update
    AFTER UPDATE ON accounts_secondfactorgroup
    FOR EACH ROW WHEN (OLD.group_id IS DISTINCT FROM NEW.group_id)
    EXECUTE FUNCTION accounts_secondfactorgroup_history();

CREATE OR REPLACE TRIGGER accounts_secondfactorgroup_history_truncate
    BEFORE TRUNCATE ON accounts_secondfactorgroup
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_secondfactorgroup_history_all();

CREATE OR REPLACE FUNCTION auth_group_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line auth_group%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO auth_group_history (
            id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.name,
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
CREATE OR REPLACE FUNCTION auth_group_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO auth_group_history (
            id, name,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.name,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM auth_group t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER auth_group_history_insert_delete
    AFTER INSERT OR DELETE ON auth_group
    FOR EACH ROW EXECUTE FUNCTION auth_group_history();

CREATE OR REPLACE TRIGGER auth_group_history_update
    AFTER UPDATE ON auth_group
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.name IS DISTINCT FROM NEW.name)
    EXECUTE FUNCTION auth_group_history();

CREATE OR REPLACE TRIGGER auth_group_history_truncate
    BEFORE TRUNCATE ON auth_group
    FOR EACH STATEMENT EXECUTE FUNCTION auth_group_history_all();

CREATE OR REPLACE FUNCTION auth_group_permissions_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line auth_group_permissions%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO auth_group_permissions_history (
            id, group_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.group_id, line.permission_id,
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
CREATE OR REPLACE FUNCTION auth_group_permissions_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO auth_group_permissions_history (
            id, group_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.group_id, t.permission_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM auth_group_permissions t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER auth_group_permissions_history_insert_delete
    AFTER INSERT OR DELETE ON auth_group_permissions
    FOR EACH ROW EXECUTE FUNCTION auth_group_permissions_history();

CREATE OR REPLACE TRIGGER auth_group_permissions_history_update
    AFTER UPDATE ON auth_group_permissions
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.group_id IS DISTINCT FROM NEW.group_id
        OR OLD.permission_id IS DISTINCT FROM NEW.permission_id)
    EXECUTE FUNCTION auth_group_permissions_history();

CREATE OR REPLACE TRIGGER auth_group_permissions_history_truncate
    BEFORE TRUNCATE ON auth_group_permissions
    FOR EACH STATEMENT EXECUTE FUNCTION auth_group_permissions_history_all();

CREATE OR REPLACE FUNCTION auth_user_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line auth_user%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO auth_user_history (
            id, is_superuser, username, first_name, last_name, email, is_staff, is_active,
            date_joined,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.is_superuser, line.username, line.first_name, line.last_name,
            line.email, line.is_staff, line.is_active, line.date_joined,
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
CREATE OR REPLACE FUNCTION auth_user_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO auth_user_history (
            id, is_superuser, username, first_name, last_name, email, is_staff, is_active,
            date_joined,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.is_superuser, t.username, t.first_name, t.last_name, t.email, t.is_staff,
            t.is_active, t.date_joined,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM auth_user t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER auth_user_history_insert_delete
    AFTER INSERT OR DELETE ON auth_user
    FOR EACH ROW EXECUTE FUNCTION auth_user_history();

CREATE OR REPLACE TRIGGER auth_user_history_update
    AFTER UPDATE ON auth_user
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.is_superuser IS DISTINCT FROM NEW.is_superuser
        OR OLD.username IS DISTINCT FROM NEW.username
        OR OLD.first_name IS DISTINCT FROM NEW.first_name
        OR OLD.last_name IS DISTINCT FROM NEW.last_name
        OR OLD.email IS DISTINCT FROM NEW.email
        OR OLD.is_staff IS DISTINCT FROM NEW.is_staff
        OR OLD.is_active IS DISTINCT FROM NEW.is_active
        OR OLD.date_joined IS DISTINCT FROM NEW.date_joined)
    EXECUTE FUNCTION auth_user_history();

CREATE OR REPLACE TRIGGER auth_user_history_truncate
    BEFORE TRUNCATE ON auth_user
    FOR EACH STATEMENT EXECUTE FUNCTION auth_user_history_all();

CREATE OR REPLACE FUNCTION auth_user_groups_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line auth_user_groups%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO auth_user_groups_history (
            id, user_id, group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.user_id, line.group_id,
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
CREATE OR REPLACE FUNCTION auth_user_groups_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO auth_user_groups_history (
            id, user_id, group_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.user_id, t.group_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM auth_user_groups t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER auth_user_groups_history_insert_delete
    AFTER INSERT OR DELETE ON auth_user_groups
    FOR EACH ROW EXECUTE FUNCTION auth_user_groups_history();

CREATE OR REPLACE TRIGGER auth_user_groups_history_update
    AFTER UPDATE ON auth_user_groups
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.user_id IS DISTINCT FROM NEW.user_id
        OR OLD.group_id IS DISTINCT FROM NEW.group_id)
    EXECUTE FUNCTION auth_user_groups_history();

CREATE OR REPLACE TRIGGER auth_user_groups_history_truncate
    BEFORE TRUNCATE ON auth_user_groups
    FOR EACH STATEMENT EXECUTE FUNCTION auth_user_groups_history_all();

CREATE OR REPLACE FUNCTION auth_user_user_permissions_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line auth_user_user_permissions%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO auth_user_user_permissions_history (
            id, user_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.user_id, line.permission_id,
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
CREATE OR REPLACE FUNCTION auth_user_user_permissions_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO auth_user_user_permissions_history (
            id, user_id, permission_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.user_id, t.permission_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM auth_user_user_permissions t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER auth_user_user_permissions_history_insert_delete
    AFTER INSERT OR DELETE ON auth_user_user_permissions
    FOR EACH ROW EXECUTE FUNCTION auth_user_user_permissions_history();

CREATE OR REPLACE TRIGGER auth_user_user_permissions_history_update
    AFTER UPDATE ON auth_user_user_permissions
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.user_id IS DISTINCT FROM NEW.user_id
        OR OLD.permission_id IS DISTINCT FROM NEW.permission_id)
    EXECUTE FUNCTION auth_user_user_permissions_history();

CREATE OR REPLACE TRIGGER auth_user_user_permissions_history_truncate
    BEFORE TRUNCATE ON auth_user_user_permissions
    FOR EACH STATEMENT EXECUTE FUNCTION auth_user_user_permissions_history_all();

CREATE OR REPLACE FUNCTION otp_static_staticdevice_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line otp_static_staticdevice%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO otp_static_staticdevice_history (
            id, user_id, name, confirmed, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.user_id, line.name, line.confirmed, line.created_at,
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
CREATE OR REPLACE FUNCTION otp_static_staticdevice_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO otp_static_staticdevice_history (
            id, user_id, name, confirmed, created_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.user_id, t.name, t.confirmed, t.created_at,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM otp_static_staticdevice t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER otp_static_staticdevice_history_insert_delete
    AFTER INSERT OR DELETE ON otp_static_staticdevice
    FOR EACH ROW EXECUTE FUNCTION otp_static_staticdevice_history();

CREATE OR REPLACE TRIGGER otp_static_staticdevice_history_update
    AFTER UPDATE ON otp_static_staticdevice
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.user_id IS DISTINCT FROM NEW.user_id
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.confirmed IS DISTINCT FROM NEW.confirmed
        OR OLD.created_at IS DISTINCT FROM NEW.created_at)
    EXECUTE FUNCTION otp_static_staticdevice_history();

CREATE OR REPLACE TRIGGER otp_static_staticdevice_history_truncate
    BEFORE TRUNCATE ON otp_static_staticdevice
    FOR EACH STATEMENT EXECUTE FUNCTION otp_static_staticdevice_history_all();

CREATE OR REPLACE FUNCTION otp_totp_totpdevice_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line otp_totp_totpdevice%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO otp_totp_totpdevice_history (
            id, user_id, name, confirmed, created_at, step, t0, digits, tolerance,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.user_id, line.name, line.confirmed, line.created_at, line.step, line.t0,
            line.digits, line.tolerance,
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
CREATE OR REPLACE FUNCTION otp_totp_totpdevice_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO otp_totp_totpdevice_history (
            id, user_id, name, confirmed, created_at, step, t0, digits, tolerance,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.user_id, t.name, t.confirmed, t.created_at, t.step, t.t0, t.digits,
            t.tolerance,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM otp_totp_totpdevice t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER otp_totp_totpdevice_history_insert_delete
    AFTER INSERT OR DELETE ON otp_totp_totpdevice
    FOR EACH ROW EXECUTE FUNCTION otp_totp_totpdevice_history();

CREATE OR REPLACE TRIGGER otp_totp_totpdevice_history_update
    AFTER UPDATE ON otp_totp_totpdevice
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.user_id IS DISTINCT FROM NEW.user_id
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.confirmed IS DISTINCT FROM NEW.confirmed
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.step IS DISTINCT FROM NEW.step
        OR OLD.t0 IS DISTINCT FROM NEW.t0
        OR OLD.digits IS DISTINCT FROM NEW.digits
        OR OLD.tolerance IS DISTINCT FROM NEW.tolerance)
    EXECUTE FUNCTION otp_totp_totpdevice_history();

CREATE OR REPLACE TRIGGER otp_totp_totpdevice_history_truncate
    BEFORE TRUNCATE ON otp_totp_totpdevice
    FOR EACH STATEMENT EXECUTE FUNCTION otp_totp_totpdevice_history_all();
