-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A line of history for every row that is inserted, changed or deleted, by the site as by raw SQL;
-- history_origin says who it was.

CREATE TRIGGER conflicts_history_insert
AFTER INSERT ON conflicts FOR EACH ROW
BEGIN
    INSERT INTO conflicts_history (
            id, subject, kind, state, vrf_id, ip_address, mac_address, since, ended_at, reason,
            muted_by,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.subject, NEW.kind, NEW.state, NEW.vrf_id, NEW.ip_address, NEW.mac_address,
            NEW.since, NEW.ended_at, NEW.reason, NEW.muted_by,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER conflicts_history_update
AFTER UPDATE ON conflicts FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.subject IS NOT NEW.subject
        OR OLD.kind IS NOT NEW.kind
        OR OLD.state IS NOT NEW.state
        OR OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.since IS NOT NEW.since
        OR OLD.ended_at IS NOT NEW.ended_at
        OR OLD.reason IS NOT NEW.reason
        OR OLD.muted_by IS NOT NEW.muted_by
BEGIN
    INSERT INTO conflicts_history (
            id, subject, kind, state, vrf_id, ip_address, mac_address, since, ended_at, reason,
            muted_by,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.subject, NEW.kind, NEW.state, NEW.vrf_id, NEW.ip_address, NEW.mac_address,
            NEW.since, NEW.ended_at, NEW.reason, NEW.muted_by,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER conflicts_history_delete
AFTER DELETE ON conflicts FOR EACH ROW
BEGIN
    INSERT INTO conflicts_history (
            id, subject, kind, state, vrf_id, ip_address, mac_address, since, ended_at, reason,
            muted_by,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.subject, OLD.kind, OLD.state, OLD.vrf_id, OLD.ip_address, OLD.mac_address,
            OLD.since, OLD.ended_at, OLD.reason, OLD.muted_by,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER discovery_subnets_history_insert
AFTER INSERT ON discovery_subnets FOR EACH ROW
BEGIN
    INSERT INTO discovery_subnets_history (
            id, subnet_id, enabled, interval, rate, ping, arp, names, agent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.subnet_id, NEW.enabled, NEW.interval, NEW.rate, NEW.ping, NEW.arp,
            NEW.names, NEW.agent,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER discovery_subnets_history_update
AFTER UPDATE ON discovery_subnets FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.subnet_id IS NOT NEW.subnet_id
        OR OLD.enabled IS NOT NEW.enabled
        OR OLD.interval IS NOT NEW.interval
        OR OLD.rate IS NOT NEW.rate
        OR OLD.ping IS NOT NEW.ping
        OR OLD.arp IS NOT NEW.arp
        OR OLD.names IS NOT NEW.names
        OR OLD.agent IS NOT NEW.agent
BEGIN
    INSERT INTO discovery_subnets_history (
            id, subnet_id, enabled, interval, rate, ping, arp, names, agent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.subnet_id, NEW.enabled, NEW.interval, NEW.rate, NEW.ping, NEW.arp,
            NEW.names, NEW.agent,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER discovery_subnets_history_delete
AFTER DELETE ON discovery_subnets FOR EACH ROW
BEGIN
    INSERT INTO discovery_subnets_history (
            id, subnet_id, enabled, interval, rate, ping, arp, names, agent,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.subnet_id, OLD.enabled, OLD.interval, OLD.rate, OLD.ping, OLD.arp,
            OLD.names, OLD.agent,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER rogue_dhcp_servers_history_insert
AFTER INSERT ON rogue_dhcp_servers FOR EACH ROW
BEGIN
    INSERT INTO rogue_dhcp_servers_history (
            id, place, ip_address, mac_address, router, prefix, first_seen, allowed,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.place, NEW.ip_address, NEW.mac_address, NEW.router, NEW.prefix,
            NEW.first_seen, NEW.allowed,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER rogue_dhcp_servers_history_update
AFTER UPDATE ON rogue_dhcp_servers FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.place IS NOT NEW.place
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.router IS NOT NEW.router
        OR OLD.prefix IS NOT NEW.prefix
        OR OLD.first_seen IS NOT NEW.first_seen
        OR OLD.allowed IS NOT NEW.allowed
BEGIN
    INSERT INTO rogue_dhcp_servers_history (
            id, place, ip_address, mac_address, router, prefix, first_seen, allowed,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.place, NEW.ip_address, NEW.mac_address, NEW.router, NEW.prefix,
            NEW.first_seen, NEW.allowed,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER rogue_dhcp_servers_history_delete
AFTER DELETE ON rogue_dhcp_servers FOR EACH ROW
BEGIN
    INSERT INTO rogue_dhcp_servers_history (
            id, place, ip_address, mac_address, router, prefix, first_seen, allowed,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.place, OLD.ip_address, OLD.mac_address, OLD.router, OLD.prefix,
            OLD.first_seen, OLD.allowed,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER unknown_devices_history_insert
AFTER INSERT ON unknown_devices FOR EACH ROW
BEGIN
    INSERT INTO unknown_devices_history (
            id, mac_address, state, first_seen, vrf_id, ip_address, origin, hostname, note, done,
            done_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.mac_address, NEW.state, NEW.first_seen, NEW.vrf_id, NEW.ip_address,
            NEW.origin, NEW.hostname, NEW.note, NEW.done, NEW.done_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '+',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER unknown_devices_history_update
AFTER UPDATE ON unknown_devices FOR EACH ROW
WHEN OLD.id IS NOT NEW.id
        OR OLD.mac_address IS NOT NEW.mac_address
        OR OLD.state IS NOT NEW.state
        OR OLD.first_seen IS NOT NEW.first_seen
        OR OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.ip_address IS NOT NEW.ip_address
        OR OLD.origin IS NOT NEW.origin
        OR OLD.hostname IS NOT NEW.hostname
        OR OLD.note IS NOT NEW.note
        OR OLD.done IS NOT NEW.done
        OR OLD.done_id IS NOT NEW.done_id
BEGIN
    INSERT INTO unknown_devices_history (
            id, mac_address, state, first_seen, vrf_id, ip_address, origin, hostname, note, done,
            done_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            NEW.id, NEW.mac_address, NEW.state, NEW.first_seen, NEW.vrf_id, NEW.ip_address,
            NEW.origin, NEW.hostname, NEW.note, NEW.done, NEW.done_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '~',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;

CREATE TRIGGER unknown_devices_history_delete
AFTER DELETE ON unknown_devices FOR EACH ROW
BEGIN
    INSERT INTO unknown_devices_history (
            id, mac_address, state, first_seen, vrf_id, ip_address, origin, hostname, note, done,
            done_id,
            history_date, history_type, history_change_reason,
            history_source, history_actor, history_change, history_user_id)
    SELECT
            OLD.id, OLD.mac_address, OLD.state, OLD.first_seen, OLD.vrf_id, OLD.ip_address,
            OLD.origin, OLD.hostname, OLD.note, OLD.done, OLD.done_id,
            strftime('%Y-%m-%d %H:%M:%f000', 'now'),
            '-',
            o.reason,
            o.source, o.actor, o.change, o.user_id
    FROM history_origin_now o;
END;
