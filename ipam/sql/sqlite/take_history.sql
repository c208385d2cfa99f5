-- The line of history of take.sql. Parameters: chosen (key), user (key, or NULL).

INSERT INTO ip_addresses_history (
    id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
    server_id, hostname, mac_address, platform, manufacturer, description, vm_id, freed_at,
    history_date, history_type, history_change_reason, history_user_id)
SELECT
    id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
    server_id, hostname, mac_address, platform, manufacturer, description, vm_id, freed_at,
    updated_at, '~', '', %(user)s
FROM ip_addresses WHERE id = %(chosen)s;
