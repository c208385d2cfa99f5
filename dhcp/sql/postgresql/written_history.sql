-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE OR REPLACE FUNCTION dhcp_agent_tokens_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line dhcp_agent_tokens%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO dhcp_agent_tokens_history (
            id, server_id, key, created_at, expires_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.server_id, line.key, line.created_at, line.expires_at,
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
CREATE OR REPLACE FUNCTION dhcp_agent_tokens_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO dhcp_agent_tokens_history (
            id, server_id, key, created_at, expires_at,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.server_id, t.key, t.created_at, t.expires_at,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM dhcp_agent_tokens t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_agent_tokens_history_insert_delete
    AFTER INSERT OR DELETE ON dhcp_agent_tokens
    FOR EACH ROW EXECUTE FUNCTION dhcp_agent_tokens_history();

CREATE OR REPLACE TRIGGER dhcp_agent_tokens_history_update
    AFTER UPDATE ON dhcp_agent_tokens
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.server_id IS DISTINCT FROM NEW.server_id
        OR OLD.key IS DISTINCT FROM NEW.key
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR OLD.expires_at IS DISTINCT FROM NEW.expires_at)
    EXECUTE FUNCTION dhcp_agent_tokens_history();

CREATE OR REPLACE TRIGGER dhcp_agent_tokens_history_truncate
    BEFORE TRUNCATE ON dhcp_agent_tokens
    FOR EACH STATEMENT EXECUTE FUNCTION dhcp_agent_tokens_history_all();

CREATE OR REPLACE FUNCTION dhcp_evictions_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line dhcp_evictions%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO dhcp_evictions_history (
            id, ip_address, mac_address, until, at, who,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.ip_address, line.mac_address, line.until, line.at, line.who,
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
CREATE OR REPLACE FUNCTION dhcp_evictions_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO dhcp_evictions_history (
            id, ip_address, mac_address, until, at, who,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.ip_address, t.mac_address, t.until, t.at, t.who,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM dhcp_evictions t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_evictions_history_insert_delete
    AFTER INSERT OR DELETE ON dhcp_evictions
    FOR EACH ROW EXECUTE FUNCTION dhcp_evictions_history();

CREATE OR REPLACE TRIGGER dhcp_evictions_history_update
    AFTER UPDATE ON dhcp_evictions
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.ip_address IS DISTINCT FROM NEW.ip_address
        OR OLD.mac_address IS DISTINCT FROM NEW.mac_address
        OR OLD.until IS DISTINCT FROM NEW.until
        OR OLD.at IS DISTINCT FROM NEW.at
        OR OLD.who IS DISTINCT FROM NEW.who)
    EXECUTE FUNCTION dhcp_evictions_history();

CREATE OR REPLACE TRIGGER dhcp_evictions_history_truncate
    BEFORE TRUNCATE ON dhcp_evictions
    FOR EACH STATEMENT EXECUTE FUNCTION dhcp_evictions_history_all();

CREATE OR REPLACE FUNCTION dhcp_hand_edits_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line dhcp_hand_edits%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO dhcp_hand_edits_history (
            id, file, action, was, line, raw, served, reason, found_at, state, decided_by,
            decided_at, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.file, line.action, line.was, line.line, line.raw, line.served,
            line.reason, line.found_at, line.state, line.decided_by, line.decided_at,
            line.server_id,
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
CREATE OR REPLACE FUNCTION dhcp_hand_edits_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO dhcp_hand_edits_history (
            id, file, action, was, line, raw, served, reason, found_at, state, decided_by,
            decided_at, server_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.file, t.action, t.was, t.line, t.raw, t.served, t.reason, t.found_at, t.state,
            t.decided_by, t.decided_at, t.server_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM dhcp_hand_edits t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_hand_edits_history_insert_delete
    AFTER INSERT OR DELETE ON dhcp_hand_edits
    FOR EACH ROW EXECUTE FUNCTION dhcp_hand_edits_history();

CREATE OR REPLACE TRIGGER dhcp_hand_edits_history_update
    AFTER UPDATE ON dhcp_hand_edits
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.file IS DISTINCT FROM NEW.file
        OR OLD.action IS DISTINCT FROM NEW.action
        OR OLD.was IS DISTINCT FROM NEW.was
        OR OLD.line IS DISTINCT FROM NEW.line
        OR OLD.raw IS DISTINCT FROM NEW.raw
        OR OLD.served IS DISTINCT FROM NEW.served
        OR OLD.reason IS DISTINCT FROM NEW.reason
        OR OLD.found_at IS DISTINCT FROM NEW.found_at
        OR OLD.state IS DISTINCT FROM NEW.state
        OR OLD.decided_by IS DISTINCT FROM NEW.decided_by
        OR OLD.decided_at IS DISTINCT FROM NEW.decided_at
        OR OLD.server_id IS DISTINCT FROM NEW.server_id)
    EXECUTE FUNCTION dhcp_hand_edits_history();

CREATE OR REPLACE TRIGGER dhcp_hand_edits_history_truncate
    BEFORE TRUNCATE ON dhcp_hand_edits
    FOR EACH STATEMENT EXECUTE FUNCTION dhcp_hand_edits_history_all();

CREATE OR REPLACE FUNCTION dhcp_options_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line dhcp_options%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO dhcp_options_history (
            id, scope_id, number, type, value,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.scope_id, line.number, line.type, line.value,
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
CREATE OR REPLACE FUNCTION dhcp_options_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO dhcp_options_history (
            id, scope_id, number, type, value,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.scope_id, t.number, t.type, t.value,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM dhcp_options t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_options_history_insert_delete
    AFTER INSERT OR DELETE ON dhcp_options
    FOR EACH ROW EXECUTE FUNCTION dhcp_options_history();

CREATE OR REPLACE TRIGGER dhcp_options_history_update
    AFTER UPDATE ON dhcp_options
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.scope_id IS DISTINCT FROM NEW.scope_id
        OR OLD.number IS DISTINCT FROM NEW.number
        OR OLD.type IS DISTINCT FROM NEW.type
        OR OLD.value IS DISTINCT FROM NEW.value)
    EXECUTE FUNCTION dhcp_options_history();

CREATE OR REPLACE TRIGGER dhcp_options_history_truncate
    BEFORE TRUNCATE ON dhcp_options
    FOR EACH STATEMENT EXECUTE FUNCTION dhcp_options_history_all();

CREATE OR REPLACE FUNCTION dhcp_scopes_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line dhcp_scopes%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO dhcp_scopes_history (
            id, subnet_id, server_id, enabled, lease_time, known_only, router, dns_servers,
            ntp_servers, domain, boot_server, boot_file, advertises, by_end, wire_id,
            wire_address, interface,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.subnet_id, line.server_id, line.enabled, line.lease_time,
            line.known_only, line.router, line.dns_servers, line.ntp_servers,
            line.domain, line.boot_server, line.boot_file, line.advertises,
            line.by_end, line.wire_id, line.wire_address, line.interface,
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
CREATE OR REPLACE FUNCTION dhcp_scopes_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO dhcp_scopes_history (
            id, subnet_id, server_id, enabled, lease_time, known_only, router, dns_servers,
            ntp_servers, domain, boot_server, boot_file, advertises, by_end, wire_id,
            wire_address, interface,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.subnet_id, t.server_id, t.enabled, t.lease_time, t.known_only, t.router,
            t.dns_servers, t.ntp_servers, t.domain, t.boot_server, t.boot_file,
            t.advertises, t.by_end, t.wire_id, t.wire_address, t.interface,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM dhcp_scopes t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_scopes_history_insert_delete
    AFTER INSERT OR DELETE ON dhcp_scopes
    FOR EACH ROW EXECUTE FUNCTION dhcp_scopes_history();

CREATE OR REPLACE TRIGGER dhcp_scopes_history_update
    AFTER UPDATE ON dhcp_scopes
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.subnet_id IS DISTINCT FROM NEW.subnet_id
        OR OLD.server_id IS DISTINCT FROM NEW.server_id
        OR OLD.enabled IS DISTINCT FROM NEW.enabled
        OR OLD.lease_time IS DISTINCT FROM NEW.lease_time
        OR OLD.known_only IS DISTINCT FROM NEW.known_only
        OR OLD.router IS DISTINCT FROM NEW.router
        OR OLD.dns_servers IS DISTINCT FROM NEW.dns_servers
        OR OLD.ntp_servers IS DISTINCT FROM NEW.ntp_servers
        OR OLD.domain IS DISTINCT FROM NEW.domain
        OR OLD.boot_server IS DISTINCT FROM NEW.boot_server
        OR OLD.boot_file IS DISTINCT FROM NEW.boot_file
        OR OLD.advertises IS DISTINCT FROM NEW.advertises
        OR OLD.by_end IS DISTINCT FROM NEW.by_end
        OR OLD.wire_id IS DISTINCT FROM NEW.wire_id
        OR OLD.wire_address IS DISTINCT FROM NEW.wire_address
        OR OLD.interface IS DISTINCT FROM NEW.interface)
    EXECUTE FUNCTION dhcp_scopes_history();

CREATE OR REPLACE TRIGGER dhcp_scopes_history_truncate
    BEFORE TRUNCATE ON dhcp_scopes
    FOR EACH STATEMENT EXECUTE FUNCTION dhcp_scopes_history_all();

CREATE OR REPLACE FUNCTION dhcp_servers_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line dhcp_servers%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO dhcp_servers_history (
            id, name, site, description, enabled, run_by, reload, dns, leases, log,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.name, line.site, line.description, line.enabled, line.run_by,
            line.reload, line.dns, line.leases, line.log,
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
CREATE OR REPLACE FUNCTION dhcp_servers_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO dhcp_servers_history (
            id, name, site, description, enabled, run_by, reload, dns, leases, log,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.name, t.site, t.description, t.enabled, t.run_by, t.reload, t.dns, t.leases,
            t.log,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM dhcp_servers t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_servers_history_insert_delete
    AFTER INSERT OR DELETE ON dhcp_servers
    FOR EACH ROW EXECUTE FUNCTION dhcp_servers_history();

CREATE OR REPLACE TRIGGER dhcp_servers_history_update
    AFTER UPDATE ON dhcp_servers
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.name IS DISTINCT FROM NEW.name
        OR OLD.site IS DISTINCT FROM NEW.site
        OR OLD.description IS DISTINCT FROM NEW.description
        OR OLD.enabled IS DISTINCT FROM NEW.enabled
        OR OLD.run_by IS DISTINCT FROM NEW.run_by
        OR OLD.reload IS DISTINCT FROM NEW.reload
        OR OLD.dns IS DISTINCT FROM NEW.dns
        OR OLD.leases IS DISTINCT FROM NEW.leases
        OR OLD.log IS DISTINCT FROM NEW.log)
    EXECUTE FUNCTION dhcp_servers_history();

CREATE OR REPLACE TRIGGER dhcp_servers_history_truncate
    BEFORE TRUNCATE ON dhcp_servers
    FOR EACH STATEMENT EXECUTE FUNCTION dhcp_servers_history_all();
