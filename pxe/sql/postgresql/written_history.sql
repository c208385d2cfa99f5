-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE OR REPLACE FUNCTION boot_answers_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_answers%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_answers_history (
            id, created_at, updated_at, name, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.created_at, line.updated_at, line.name, line.kind,
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
CREATE OR REPLACE FUNCTION boot_answers_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_answers_history (
            id, created_at, updated_at, name, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.created_at, t.updated_at, t.name, t.kind,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_answers t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_answers_history_insert_delete
    AFTER INSERT OR DELETE ON boot_answers
    FOR EACH ROW EXECUTE FUNCTION boot_answers_history();

CREATE OR REPLACE TRIGGER boot_answers_history_update
    AFTER UPDATE ON boot_answers
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.updated_at IS DISTINCT FROM NEW.updated_at
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.kind IS DISTINCT FROM NEW.kind)
    EXECUTE FUNCTION boot_answers_history();

CREATE OR REPLACE TRIGGER boot_answers_history_truncate
    BEFORE TRUNCATE ON boot_answers
    FOR EACH STATEMENT EXECUTE FUNCTION boot_answers_history_all();

CREATE OR REPLACE FUNCTION boot_assignments_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_assignments%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_assignments_history (
            id, created_at, updated_at, server_id, image_id, mode, ends_with, max_attempts,
            time_limit, state, ended_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.created_at, line.updated_at, line.server_id, line.image_id, line.mode,
            line.ends_with, line.max_attempts, line.time_limit, line.state,
            line.ended_at,
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
CREATE OR REPLACE FUNCTION boot_assignments_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_assignments_history (
            id, created_at, updated_at, server_id, image_id, mode, ends_with, max_attempts,
            time_limit, state, ended_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.created_at, t.updated_at, t.server_id, t.image_id, t.mode, t.ends_with,
            t.max_attempts, t.time_limit, t.state, t.ended_at,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_assignments t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_assignments_history_insert_delete
    AFTER INSERT OR DELETE ON boot_assignments
    FOR EACH ROW EXECUTE FUNCTION boot_assignments_history();

CREATE OR REPLACE TRIGGER boot_assignments_history_update
    AFTER UPDATE ON boot_assignments
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.updated_at IS DISTINCT FROM NEW.updated_at
        OR OLD.server_id IS DISTINCT FROM NEW.server_id
        OR OLD.image_id IS DISTINCT FROM NEW.image_id
        OR OLD.mode IS DISTINCT FROM NEW.mode
        OR OLD.ends_with IS DISTINCT FROM NEW.ends_with
        OR OLD.max_attempts IS DISTINCT FROM NEW.max_attempts
        OR OLD.time_limit IS DISTINCT FROM NEW.time_limit
        OR OLD.state IS DISTINCT FROM NEW.state
        OR OLD.ended_at IS DISTINCT FROM NEW.ended_at)
    EXECUTE FUNCTION boot_assignments_history();

CREATE OR REPLACE TRIGGER boot_assignments_history_truncate
    BEFORE TRUNCATE ON boot_assignments
    FOR EACH STATEMENT EXECUTE FUNCTION boot_assignments_history_all();

CREATE OR REPLACE FUNCTION boot_files_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_files%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_files_history (
            id, created_at, updated_at, name, url, size, sha256,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.created_at, line.updated_at, line.name, line.url, line.size, line.sha256,
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
CREATE OR REPLACE FUNCTION boot_files_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_files_history (
            id, created_at, updated_at, name, url, size, sha256,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.created_at, t.updated_at, t.name, t.url, t.size, t.sha256,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_files t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_files_history_insert_delete
    AFTER INSERT OR DELETE ON boot_files
    FOR EACH ROW EXECUTE FUNCTION boot_files_history();

CREATE OR REPLACE TRIGGER boot_files_history_update
    AFTER UPDATE ON boot_files
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.updated_at IS DISTINCT FROM NEW.updated_at
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.url IS DISTINCT FROM NEW.url
        OR OLD.size IS DISTINCT FROM NEW.size
        OR OLD.sha256 IS DISTINCT FROM NEW.sha256)
    EXECUTE FUNCTION boot_files_history();

CREATE OR REPLACE TRIGGER boot_files_history_truncate
    BEFORE TRUNCATE ON boot_files
    FOR EACH STATEMENT EXECUTE FUNCTION boot_files_history_all();

CREATE OR REPLACE FUNCTION boot_identities_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_identities%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_identities_history (
            id, server_id, uuid, serial,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.server_id, line.uuid, line.serial,
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
CREATE OR REPLACE FUNCTION boot_identities_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_identities_history (
            id, server_id, uuid, serial,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.server_id, t.uuid, t.serial,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_identities t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_identities_history_insert_delete
    AFTER INSERT OR DELETE ON boot_identities
    FOR EACH ROW EXECUTE FUNCTION boot_identities_history();

CREATE OR REPLACE TRIGGER boot_identities_history_update
    AFTER UPDATE ON boot_identities
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.server_id IS DISTINCT FROM NEW.server_id
        OR OLD.uuid IS DISTINCT FROM NEW.uuid
        OR OLD.serial IS DISTINCT FROM NEW.serial)
    EXECUTE FUNCTION boot_identities_history();

CREATE OR REPLACE TRIGGER boot_identities_history_truncate
    BEFORE TRUNCATE ON boot_identities
    FOR EACH STATEMENT EXECUTE FUNCTION boot_identities_history_all();

CREATE OR REPLACE FUNCTION boot_images_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_images%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_images_history (
            id, created_at, updated_at, name, description, kind, arch, enabled, position,
            kernel_id, cmdline, answers_id, chain_url,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.created_at, line.updated_at, line.name, line.description, line.kind,
            line.arch, line.enabled, line.position, line.kernel_id, line.cmdline,
            line.answers_id, line.chain_url,
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
CREATE OR REPLACE FUNCTION boot_images_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_images_history (
            id, created_at, updated_at, name, description, kind, arch, enabled, position,
            kernel_id, cmdline, answers_id, chain_url,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.created_at, t.updated_at, t.name, t.description, t.kind, t.arch, t.enabled,
            t.position, t.kernel_id, t.cmdline, t.answers_id, t.chain_url,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_images t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_images_history_insert_delete
    AFTER INSERT OR DELETE ON boot_images
    FOR EACH ROW EXECUTE FUNCTION boot_images_history();

CREATE OR REPLACE TRIGGER boot_images_history_update
    AFTER UPDATE ON boot_images
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.updated_at IS DISTINCT FROM NEW.updated_at
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.description IS DISTINCT FROM NEW.description
        OR OLD.kind IS DISTINCT FROM NEW.kind
        OR OLD.arch IS DISTINCT FROM NEW.arch
        OR OLD.enabled IS DISTINCT FROM NEW.enabled
        OR OLD.position IS DISTINCT FROM NEW.position
        OR OLD.kernel_id IS DISTINCT FROM NEW.kernel_id
        OR OLD.cmdline IS DISTINCT FROM NEW.cmdline
        OR OLD.answers_id IS DISTINCT FROM NEW.answers_id
        OR OLD.chain_url IS DISTINCT FROM NEW.chain_url)
    EXECUTE FUNCTION boot_images_history();

CREATE OR REPLACE TRIGGER boot_images_history_truncate
    BEFORE TRUNCATE ON boot_images
    FOR EACH STATEMENT EXECUTE FUNCTION boot_images_history_all();

CREATE OR REPLACE FUNCTION boot_initrds_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_initrds%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_initrds_history (
            id, image_id, file_id, position,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.image_id, line.file_id, line.position,
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
CREATE OR REPLACE FUNCTION boot_initrds_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_initrds_history (
            id, image_id, file_id, position,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.image_id, t.file_id, t.position,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_initrds t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_initrds_history_insert_delete
    AFTER INSERT OR DELETE ON boot_initrds
    FOR EACH ROW EXECUTE FUNCTION boot_initrds_history();

CREATE OR REPLACE TRIGGER boot_initrds_history_update
    AFTER UPDATE ON boot_initrds
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.image_id IS DISTINCT FROM NEW.image_id
        OR OLD.file_id IS DISTINCT FROM NEW.file_id
        OR OLD.position IS DISTINCT FROM NEW.position)
    EXECUTE FUNCTION boot_initrds_history();

CREATE OR REPLACE TRIGGER boot_initrds_history_truncate
    BEFORE TRUNCATE ON boot_initrds
    FOR EACH STATEMENT EXECUTE FUNCTION boot_initrds_history_all();

CREATE OR REPLACE FUNCTION boot_menu_images_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_menu_images%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_menu_images_history (
            id, bootmenu_id, bootimage_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.bootmenu_id, line.bootimage_id,
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
CREATE OR REPLACE FUNCTION boot_menu_images_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_menu_images_history (
            id, bootmenu_id, bootimage_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.bootmenu_id, t.bootimage_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_menu_images t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_menu_images_history_insert_delete
    AFTER INSERT OR DELETE ON boot_menu_images
    FOR EACH ROW EXECUTE FUNCTION boot_menu_images_history();

CREATE OR REPLACE TRIGGER boot_menu_images_history_update
    AFTER UPDATE ON boot_menu_images
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.bootmenu_id IS DISTINCT FROM NEW.bootmenu_id
        OR OLD.bootimage_id IS DISTINCT FROM NEW.bootimage_id)
    EXECUTE FUNCTION boot_menu_images_history();

CREATE OR REPLACE TRIGGER boot_menu_images_history_truncate
    BEFORE TRUNCATE ON boot_menu_images
    FOR EACH STATEMENT EXECUTE FUNCTION boot_menu_images_history_all();

CREATE OR REPLACE FUNCTION boot_menu_servers_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_menu_servers%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_menu_servers_history (
            id, menu_id, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.menu_id, line.server_id,
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
CREATE OR REPLACE FUNCTION boot_menu_servers_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_menu_servers_history (
            id, menu_id, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.menu_id, t.server_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_menu_servers t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_menu_servers_history_insert_delete
    AFTER INSERT OR DELETE ON boot_menu_servers
    FOR EACH ROW EXECUTE FUNCTION boot_menu_servers_history();

CREATE OR REPLACE TRIGGER boot_menu_servers_history_update
    AFTER UPDATE ON boot_menu_servers
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.menu_id IS DISTINCT FROM NEW.menu_id
        OR OLD.server_id IS DISTINCT FROM NEW.server_id)
    EXECUTE FUNCTION boot_menu_servers_history();

CREATE OR REPLACE TRIGGER boot_menu_servers_history_truncate
    BEFORE TRUNCATE ON boot_menu_servers
    FOR EACH STATEMENT EXECUTE FUNCTION boot_menu_servers_history_all();

CREATE OR REPLACE FUNCTION boot_menu_subnets_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_menu_subnets%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_menu_subnets_history (
            id, menu_id, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.menu_id, line.subnet_id,
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
CREATE OR REPLACE FUNCTION boot_menu_subnets_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_menu_subnets_history (
            id, menu_id, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.menu_id, t.subnet_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_menu_subnets t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_menu_subnets_history_insert_delete
    AFTER INSERT OR DELETE ON boot_menu_subnets
    FOR EACH ROW EXECUTE FUNCTION boot_menu_subnets_history();

CREATE OR REPLACE TRIGGER boot_menu_subnets_history_update
    AFTER UPDATE ON boot_menu_subnets
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.menu_id IS DISTINCT FROM NEW.menu_id
        OR OLD.subnet_id IS DISTINCT FROM NEW.subnet_id)
    EXECUTE FUNCTION boot_menu_subnets_history();

CREATE OR REPLACE TRIGGER boot_menu_subnets_history_truncate
    BEFORE TRUNCATE ON boot_menu_subnets
    FOR EACH STATEMENT EXECUTE FUNCTION boot_menu_subnets_history_all();

CREATE OR REPLACE FUNCTION boot_menus_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line boot_menus%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO boot_menus_history (
            id, created_at, updated_at, name, title, is_default, parent_id, all_images,
            default_image_id, timeout, shell,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.created_at, line.updated_at, line.name, line.title, line.is_default,
            line.parent_id, line.all_images, line.default_image_id, line.timeout,
            line.shell,
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
CREATE OR REPLACE FUNCTION boot_menus_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO boot_menus_history (
            id, created_at, updated_at, name, title, is_default, parent_id, all_images,
            default_image_id, timeout, shell,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.created_at, t.updated_at, t.name, t.title, t.is_default, t.parent_id,
            t.all_images, t.default_image_id, t.timeout, t.shell,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM boot_menus t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER boot_menus_history_insert_delete
    AFTER INSERT OR DELETE ON boot_menus
    FOR EACH ROW EXECUTE FUNCTION boot_menus_history();

CREATE OR REPLACE TRIGGER boot_menus_history_update
    AFTER UPDATE ON boot_menus
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.updated_at IS DISTINCT FROM NEW.updated_at
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.title IS DISTINCT FROM NEW.title
        OR OLD.is_default IS DISTINCT FROM NEW.is_default
        OR OLD.parent_id IS DISTINCT FROM NEW.parent_id
        OR OLD.all_images IS DISTINCT FROM NEW.all_images
        OR OLD.default_image_id IS DISTINCT FROM NEW.default_image_id
        OR OLD.timeout IS DISTINCT FROM NEW.timeout
        OR OLD.shell IS DISTINCT FROM NEW.shell)
    EXECUTE FUNCTION boot_menus_history();

CREATE OR REPLACE TRIGGER boot_menus_history_truncate
    BEFORE TRUNCATE ON boot_menus
    FOR EACH STATEMENT EXECUTE FUNCTION boot_menus_history_all();
