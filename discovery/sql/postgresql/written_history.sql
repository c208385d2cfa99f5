-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE OR REPLACE FUNCTION conflicts_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line conflicts%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO conflicts_history (
            id, subject, kind, state, vrf_id, ip_address, mac_address, since, ended_at, reason,
            muted_by,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.subject, line.kind, line.state, line.vrf_id, line.ip_address,
            line.mac_address, line.since, line.ended_at, line.reason, line.muted_by,
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
CREATE OR REPLACE FUNCTION conflicts_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO conflicts_history (
            id, subject, kind, state, vrf_id, ip_address, mac_address, since, ended_at, reason,
            muted_by,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.subject, t.kind, t.state, t.vrf_id, t.ip_address, t.mac_address, t.since,
            t.ended_at, t.reason, t.muted_by,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM conflicts t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER conflicts_history_insert_delete
    AFTER INSERT OR DELETE ON conflicts
    FOR EACH ROW EXECUTE FUNCTION conflicts_history();

CREATE OR REPLACE TRIGGER conflicts_history_update
    AFTER UPDATE ON conflicts
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.subject IS DISTINCT FROM NEW.subject
        OR OLD.kind IS DISTINCT FROM NEW.kind
        OR OLD.state IS DISTINCT FROM NEW.state
        OR OLD.vrf_id IS DISTINCT FROM NEW.vrf_id
        OR OLD.ip_address IS DISTINCT FROM NEW.ip_address
        OR OLD.mac_address IS DISTINCT FROM NEW.mac_address
        OR OLD.since IS DISTINCT FROM NEW.since
        OR OLD.ended_at IS DISTINCT FROM NEW.ended_at
        OR OLD.reason IS DISTINCT FROM NEW.reason
        OR OLD.muted_by IS DISTINCT FROM NEW.muted_by)
    EXECUTE FUNCTION conflicts_history();

CREATE OR REPLACE TRIGGER conflicts_history_truncate
    BEFORE TRUNCATE ON conflicts
    FOR EACH STATEMENT EXECUTE FUNCTION conflicts_history_all();

CREATE OR REPLACE FUNCTION discovery_subnets_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line discovery_subnets%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO discovery_subnets_history (
            id, subnet_id, enabled, interval, rate, ping, arp, names, agent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.subnet_id, line.enabled, line.interval, line.rate, line.ping, line.arp,
            line.names, line.agent,
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
CREATE OR REPLACE FUNCTION discovery_subnets_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO discovery_subnets_history (
            id, subnet_id, enabled, interval, rate, ping, arp, names, agent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.subnet_id, t.enabled, t.interval, t.rate, t.ping, t.arp, t.names, t.agent,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM discovery_subnets t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER discovery_subnets_history_insert_delete
    AFTER INSERT OR DELETE ON discovery_subnets
    FOR EACH ROW EXECUTE FUNCTION discovery_subnets_history();

CREATE OR REPLACE TRIGGER discovery_subnets_history_update
    AFTER UPDATE ON discovery_subnets
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.subnet_id IS DISTINCT FROM NEW.subnet_id
        OR OLD.enabled IS DISTINCT FROM NEW.enabled
        OR OLD.interval IS DISTINCT FROM NEW.interval
        OR OLD.rate IS DISTINCT FROM NEW.rate
        OR OLD.ping IS DISTINCT FROM NEW.ping
        OR OLD.arp IS DISTINCT FROM NEW.arp
        OR OLD.names IS DISTINCT FROM NEW.names
        OR OLD.agent IS DISTINCT FROM NEW.agent)
    EXECUTE FUNCTION discovery_subnets_history();

CREATE OR REPLACE TRIGGER discovery_subnets_history_truncate
    BEFORE TRUNCATE ON discovery_subnets
    FOR EACH STATEMENT EXECUTE FUNCTION discovery_subnets_history_all();

CREATE OR REPLACE FUNCTION rogue_dhcp_servers_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line rogue_dhcp_servers%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO rogue_dhcp_servers_history (
            id, place, ip_address, mac_address, router, prefix, first_seen, allowed,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.place, line.ip_address, line.mac_address, line.router, line.prefix,
            line.first_seen, line.allowed,
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
CREATE OR REPLACE FUNCTION rogue_dhcp_servers_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO rogue_dhcp_servers_history (
            id, place, ip_address, mac_address, router, prefix, first_seen, allowed,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.place, t.ip_address, t.mac_address, t.router, t.prefix, t.first_seen,
            t.allowed,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM rogue_dhcp_servers t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER rogue_dhcp_servers_history_insert_delete
    AFTER INSERT OR DELETE ON rogue_dhcp_servers
    FOR EACH ROW EXECUTE FUNCTION rogue_dhcp_servers_history();

CREATE OR REPLACE TRIGGER rogue_dhcp_servers_history_update
    AFTER UPDATE ON rogue_dhcp_servers
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.place IS DISTINCT FROM NEW.place
        OR OLD.ip_address IS DISTINCT FROM NEW.ip_address
        OR OLD.mac_address IS DISTINCT FROM NEW.mac_address
        OR OLD.router IS DISTINCT FROM NEW.router
        OR OLD.prefix IS DISTINCT FROM NEW.prefix
        OR OLD.first_seen IS DISTINCT FROM NEW.first_seen
        OR OLD.allowed IS DISTINCT FROM NEW.allowed)
    EXECUTE FUNCTION rogue_dhcp_servers_history();

CREATE OR REPLACE TRIGGER rogue_dhcp_servers_history_truncate
    BEFORE TRUNCATE ON rogue_dhcp_servers
    FOR EACH STATEMENT EXECUTE FUNCTION rogue_dhcp_servers_history_all();

CREATE OR REPLACE FUNCTION unknown_devices_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    line unknown_devices%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        line := OLD;
    END IF;
    INSERT INTO unknown_devices_history (
            id, mac_address, state, first_seen, vrf_id, ip_address, origin, hostname, note, done,
            done_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            line.id, line.mac_address, line.state, line.first_seen, line.vrf_id, line.ip_address,
            line.origin, line.hostname, line.note, line.done, line.done_id,
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
CREATE OR REPLACE FUNCTION unknown_devices_history_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO unknown_devices_history (
            id, mac_address, state, first_seen, vrf_id, ip_address, origin, hostname, note, done,
            done_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            t.id, t.mac_address, t.state, t.first_seen, t.vrf_id, t.ip_address, t.origin,
            t.hostname, t.note, t.done, t.done_id,
            clock_timestamp(),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM unknown_devices t, history_origin() o;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER unknown_devices_history_insert_delete
    AFTER INSERT OR DELETE ON unknown_devices
    FOR EACH ROW EXECUTE FUNCTION unknown_devices_history();

CREATE OR REPLACE TRIGGER unknown_devices_history_update
    AFTER UPDATE ON unknown_devices
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.mac_address IS DISTINCT FROM NEW.mac_address
        OR OLD.state IS DISTINCT FROM NEW.state
        OR OLD.first_seen IS DISTINCT FROM NEW.first_seen
        OR OLD.vrf_id IS DISTINCT FROM NEW.vrf_id
        OR OLD.ip_address IS DISTINCT FROM NEW.ip_address
        OR OLD.origin IS DISTINCT FROM NEW.origin
        OR OLD.hostname IS DISTINCT FROM NEW.hostname
        OR OLD.note IS DISTINCT FROM NEW.note
        OR OLD.done IS DISTINCT FROM NEW.done
        OR OLD.done_id IS DISTINCT FROM NEW.done_id)
    EXECUTE FUNCTION unknown_devices_history();

CREATE OR REPLACE TRIGGER unknown_devices_history_truncate
    BEFORE TRUNCATE ON unknown_devices
    FOR EACH STATEMENT EXECUTE FUNCTION unknown_devices_history_all();
