-- The line of history of take.sql. Parameters: chosen (key), user (key, or NULL), token (its name),
-- change (id of the request).

INSERT INTO ip_addresses_history (
    id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
    server_id, hostname, mac_address, platform, manufacturer, description, reservation,
    vm_id, freed_at,
    history_date, history_type, history_change_reason, history_user_id,
    history_source, history_actor, history_change)
SELECT
    id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
    server_id, hostname, mac_address, platform, manufacturer, description, reservation,
    vm_id, freed_at,
    updated_at, '~', '', %(user)s,
    'api', %(token)s, %(change)s
FROM ip_addresses WHERE id = %(chosen)s;
