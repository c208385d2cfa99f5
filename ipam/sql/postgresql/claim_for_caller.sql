-- claim.sql for the routes of the fast path: it takes a row only if there is a row in `caller`, the
-- table that api/fastpath puts in front, and it returns nothing to a VM that has an address.
--
-- Parameters: subnet (key), vm_id, hostname, mac_address, answered (seconds), change (id of the
-- request). There is no part of a subnet to choose: such a condition makes a plan for all
-- parameters look expensive, so that PostgreSQL would plan the statement anew each time, which
-- takes longer than to execute it.
--
-- Before the row is written, the statement says that the site writes: else the triggers for raw SQL
-- write a second line.

WITH held AS MATERIALIZED (
    SELECT a.* FROM ip_addresses a WHERE a.vm_id = %(vm_id)s
), picked AS MATERIALIZED (
    SELECT a.id FROM ip_addresses a
    WHERE NOT EXISTS (SELECT FROM held) AND EXISTS (SELECT FROM caller)
        AND NOT EXISTS (
            SELECT FROM ledger_stamp
            WHERE frozen_at IS NOT NULL OR home <> 'ledger_stamp'::regclass::oid::bigint
                OR timeline <> ledger_timeline())
        AND a.subnet_id = %(subnet)s AND a.status = 'available' AND a.ip_type = 'static'
        AND NOT EXISTS (
            SELECT FROM sightings s
            WHERE s.ip_address = a.ip_address AND s.vrf_id IS NOT DISTINCT FROM a.vrf_id
                AND (s.mac_address IS NULL
                    OR s.mac_address IS DISTINCT FROM %(mac_address)s::macaddr)
                AND (s.source = 'lease' AND s.leased_until > statement_timestamp()
                    OR s.source IN ('arp', 'ping', 'dhcp', 'report') AND s.seen_at
                        > statement_timestamp() - make_interval(secs => %(answered)s)))
    ORDER BY a.freed_at NULLS FIRST, a.ip_address
    LIMIT 1 FOR UPDATE OF a SKIP LOCKED
), claimed AS (
    UPDATE ip_addresses a SET
        status = 'allocated', vm_id = %(vm_id)s, hostname = %(hostname)s,
        mac_address = %(mac_address)s::macaddr, freed_at = NULL,
        updated_at = statement_timestamp()
    FROM picked
    WHERE a.id = picked.id AND set_config('ipmanager.writer', 'site', true) = 'site'
    RETURNING a.*
), history AS (
    INSERT INTO ip_addresses_history (
        id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
        server_id, hostname, mac_address, platform, manufacturer, description,
        reservation, vm_id, freed_at,
        history_date, history_type, history_user_id,
        history_source, history_actor, history_change)
    SELECT
        id, created_at, updated_at, vrf_id, subnet_id, ip_address, status, ip_type, active,
        server_id, hostname, mac_address, platform, manufacturer, description,
        reservation, vm_id, freed_at,
        statement_timestamp(), '~', (SELECT id FROM caller),
        'api', (SELECT token FROM caller), %(change)s
    FROM claimed
)
SELECT caller.*, claimed.* FROM caller, claimed;
