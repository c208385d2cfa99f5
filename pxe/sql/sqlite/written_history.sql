-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE TRIGGER boot_answers_history_insert
AFTER INSERT ON boot_answers FOR EACH ROW
BEGIN
    INSERT INTO boot_answers_history (
            id, created_at, updated_at, name, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.kind,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_answers_history_update
AFTER UPDATE ON boot_answers FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.name IS NOT NEW.name
        OR OLD.kind IS NOT NEW.kind
BEGIN
    INSERT INTO boot_answers_history (
            id, created_at, updated_at, name, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.kind,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_answers_history_delete
AFTER DELETE ON boot_answers FOR EACH ROW
BEGIN
    INSERT INTO boot_answers_history (
            id, created_at, updated_at, name, kind,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.created_at, OLD.updated_at, OLD.name, OLD.kind,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_assignments_history_insert
AFTER INSERT ON boot_assignments FOR EACH ROW
BEGIN
    INSERT INTO boot_assignments_history (
            id, created_at, updated_at, server_id, image_id, mode, ends_with, max_attempts,
            time_limit, state, ended_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.server_id, NEW.image_id, NEW.mode,
            NEW.ends_with, NEW.max_attempts, NEW.time_limit, NEW.state, NEW.ended_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_assignments_history_update
AFTER UPDATE ON boot_assignments FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.server_id IS NOT NEW.server_id
        OR OLD.image_id IS NOT NEW.image_id
        OR OLD.mode IS NOT NEW.mode
        OR OLD.ends_with IS NOT NEW.ends_with
        OR OLD.max_attempts IS NOT NEW.max_attempts
        OR OLD.time_limit IS NOT NEW.time_limit
        OR OLD.state IS NOT NEW.state
        OR OLD.ended_at IS NOT NEW.ended_at
BEGIN
    INSERT INTO boot_assignments_history (
            id, created_at, updated_at, server_id, image_id, mode, ends_with, max_attempts,
            time_limit, state, ended_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.server_id, NEW.image_id, NEW.mode,
            NEW.ends_with, NEW.max_attempts, NEW.time_limit, NEW.state, NEW.ended_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_assignments_history_delete
AFTER DELETE ON boot_assignments FOR EACH ROW
BEGIN
    INSERT INTO boot_assignments_history (
            id, created_at, updated_at, server_id, image_id, mode, ends_with, max_attempts,
            time_limit, state, ended_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.created_at, OLD.updated_at, OLD.server_id, OLD.image_id, OLD.mode,
            OLD.ends_with, OLD.max_attempts, OLD.time_limit, OLD.state, OLD.ended_at,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_files_history_insert
AFTER INSERT ON boot_files FOR EACH ROW
BEGIN
    INSERT INTO boot_files_history (
            id, created_at, updated_at, name, url, size, sha256,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.url, NEW.size, NEW.sha256,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_files_history_update
AFTER UPDATE ON boot_files FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.name IS NOT NEW.name
        OR OLD.url IS NOT NEW.url
        OR OLD.size IS NOT NEW.size
        OR OLD.sha256 IS NOT NEW.sha256
BEGIN
    INSERT INTO boot_files_history (
            id, created_at, updated_at, name, url, size, sha256,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.url, NEW.size, NEW.sha256,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_files_history_delete
AFTER DELETE ON boot_files FOR EACH ROW
BEGIN
    INSERT INTO boot_files_history (
            id, created_at, updated_at, name, url, size, sha256,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.created_at, OLD.updated_at, OLD.name, OLD.url, OLD.size, OLD.sha256,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_identities_history_insert
AFTER INSERT ON boot_identities FOR EACH ROW
BEGIN
    INSERT INTO boot_identities_history (
            id, server_id, uuid, serial,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.server_id, NEW.uuid, NEW.serial,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_identities_history_update
AFTER UPDATE ON boot_identities FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.server_id IS NOT NEW.server_id
        OR OLD.uuid IS NOT NEW.uuid
        OR OLD.serial IS NOT NEW.serial
BEGIN
    INSERT INTO boot_identities_history (
            id, server_id, uuid, serial,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.server_id, NEW.uuid, NEW.serial,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_identities_history_delete
AFTER DELETE ON boot_identities FOR EACH ROW
BEGIN
    INSERT INTO boot_identities_history (
            id, server_id, uuid, serial,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.server_id, OLD.uuid, OLD.serial,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_images_history_insert
AFTER INSERT ON boot_images FOR EACH ROW
BEGIN
    INSERT INTO boot_images_history (
            id, created_at, updated_at, name, description, kind, arch, enabled, position,
            kernel_id, cmdline, answers_id, chain_url,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.description, NEW.kind, NEW.arch,
            NEW.enabled, NEW.position, NEW.kernel_id, NEW.cmdline, NEW.answers_id,
            NEW.chain_url,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_images_history_update
AFTER UPDATE ON boot_images FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.name IS NOT NEW.name
        OR OLD.description IS NOT NEW.description
        OR OLD.kind IS NOT NEW.kind
        OR OLD.arch IS NOT NEW.arch
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.position IS NOT NEW.position
        OR OLD.kernel_id IS NOT NEW.kernel_id
        OR OLD.cmdline IS NOT NEW.cmdline
        OR OLD.answers_id IS NOT NEW.answers_id
        OR OLD.chain_url IS NOT NEW.chain_url
BEGIN
    INSERT INTO boot_images_history (
            id, created_at, updated_at, name, description, kind, arch, enabled, position,
            kernel_id, cmdline, answers_id, chain_url,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.description, NEW.kind, NEW.arch,
            NEW.enabled, NEW.position, NEW.kernel_id, NEW.cmdline, NEW.answers_id,
            NEW.chain_url,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_images_history_delete
AFTER DELETE ON boot_images FOR EACH ROW
BEGIN
    INSERT INTO boot_images_history (
            id, created_at, updated_at, name, description, kind, arch, enabled, position,
            kernel_id, cmdline, answers_id, chain_url,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.created_at, OLD.updated_at, OLD.name, OLD.description, OLD.kind, OLD.arch,
            OLD.enabled, OLD.position, OLD.kernel_id, OLD.cmdline, OLD.answers_id,
            OLD.chain_url,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_initrds_history_insert
AFTER INSERT ON boot_initrds FOR EACH ROW
BEGIN
    INSERT INTO boot_initrds_history (
            id, image_id, file_id, position,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.image_id, NEW.file_id, NEW.position,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_initrds_history_update
AFTER UPDATE ON boot_initrds FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.image_id IS NOT NEW.image_id
        OR OLD.file_id IS NOT NEW.file_id
        OR OLD.position IS NOT NEW.position
BEGIN
    INSERT INTO boot_initrds_history (
            id, image_id, file_id, position,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.image_id, NEW.file_id, NEW.position,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_initrds_history_delete
AFTER DELETE ON boot_initrds FOR EACH ROW
BEGIN
    INSERT INTO boot_initrds_history (
            id, image_id, file_id, position,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.image_id, OLD.file_id, OLD.position,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menu_images_history_insert
AFTER INSERT ON boot_menu_images FOR EACH ROW
BEGIN
    INSERT INTO boot_menu_images_history (
            id, bootmenu_id, bootimage_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.bootmenu_id, NEW.bootimage_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menu_images_history_update
AFTER UPDATE ON boot_menu_images FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.bootmenu_id IS NOT NEW.bootmenu_id
        OR OLD.bootimage_id IS NOT NEW.bootimage_id
BEGIN
    INSERT INTO boot_menu_images_history (
            id, bootmenu_id, bootimage_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.bootmenu_id, NEW.bootimage_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menu_images_history_delete
AFTER DELETE ON boot_menu_images FOR EACH ROW
BEGIN
    INSERT INTO boot_menu_images_history (
            id, bootmenu_id, bootimage_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.bootmenu_id, OLD.bootimage_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menu_servers_history_insert
AFTER INSERT ON boot_menu_servers FOR EACH ROW
BEGIN
    INSERT INTO boot_menu_servers_history (
            id, menu_id, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.menu_id, NEW.server_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menu_servers_history_update
AFTER UPDATE ON boot_menu_servers FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.menu_id IS NOT NEW.menu_id
        OR OLD.server_id IS NOT NEW.server_id
BEGIN
    INSERT INTO boot_menu_servers_history (
            id, menu_id, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.menu_id, NEW.server_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menu_servers_history_delete
AFTER DELETE ON boot_menu_servers FOR EACH ROW
BEGIN
    INSERT INTO boot_menu_servers_history (
            id, menu_id, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.menu_id, OLD.server_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menu_subnets_history_insert
AFTER INSERT ON boot_menu_subnets FOR EACH ROW
BEGIN
    INSERT INTO boot_menu_subnets_history (
            id, menu_id, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.menu_id, NEW.subnet_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menu_subnets_history_update
AFTER UPDATE ON boot_menu_subnets FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.menu_id IS NOT NEW.menu_id
        OR OLD.subnet_id IS NOT NEW.subnet_id
BEGIN
    INSERT INTO boot_menu_subnets_history (
            id, menu_id, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.menu_id, NEW.subnet_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menu_subnets_history_delete
AFTER DELETE ON boot_menu_subnets FOR EACH ROW
BEGIN
    INSERT INTO boot_menu_subnets_history (
            id, menu_id, subnet_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.menu_id, OLD.subnet_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menus_history_insert
AFTER INSERT ON boot_menus FOR EACH ROW
BEGIN
    INSERT INTO boot_menus_history (
            id, created_at, updated_at, name, title, is_default, parent_id, all_images,
            default_image_id, timeout, shell,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.title, NEW.is_default,
            NEW.parent_id, NEW.all_images, NEW.default_image_id, NEW.timeout,
            NEW.shell,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menus_history_update
AFTER UPDATE ON boot_menus FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.created_at IS NOT NEW.created_at
        OR OLD.updated_at IS NOT NEW.updated_at
        OR OLD.name IS NOT NEW.name
        OR OLD.title IS NOT NEW.title
        OR OLD.is_default IS NOT NEW.is_default
        OR OLD.parent_id IS NOT NEW.parent_id
        OR OLD.all_images IS NOT NEW.all_images
        OR OLD.default_image_id IS NOT NEW.default_image_id
        OR OLD.timeout IS NOT NEW.timeout
        OR OLD.shell IS NOT NEW.shell
BEGIN
    INSERT INTO boot_menus_history (
            id, created_at, updated_at, name, title, is_default, parent_id, all_images,
            default_image_id, timeout, shell,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.created_at, NEW.updated_at, NEW.name, NEW.title, NEW.is_default,
            NEW.parent_id, NEW.all_images, NEW.default_image_id, NEW.timeout,
            NEW.shell,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER boot_menus_history_delete
AFTER DELETE ON boot_menus FOR EACH ROW
BEGIN
    INSERT INTO boot_menus_history (
            id, created_at, updated_at, name, title, is_default, parent_id, all_images,
            default_image_id, timeout, shell,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.created_at, OLD.updated_at, OLD.name, OLD.title, OLD.is_default,
            OLD.parent_id, OLD.all_images, OLD.default_image_id, OLD.timeout,
            OLD.shell,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;
