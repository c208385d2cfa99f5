-- IPAddressQuerySet.claim: the row that the VM has already (known is true), or the next free row of
-- a subnet's static pools, turned into the VM's, with its line of history. Nothing is returned when
-- no row can be taken.
--
-- Parameters: subnet (key), first and last (inet; both NULL: anywhere in the subnet), vm_id,
-- hostname, mac_address, answered (seconds), user (key, or NULL), and for the history source, actor
-- and change.
--
-- SKIP LOCKED passes over rows that others are taking at this moment; the caller removes these two
-- words to wait for them. MATERIALIZED keeps the lock to one row. An address that another machine
-- holds a DHCP lease of, or has answered at within the last `answered` seconds, is not free, and
-- nothing is while the ledger is frozen (ipam/freeze.py).
--
-- Before the row is written, the statement says that the site writes: else the triggers for raw SQL
-- write a second line.

WITH held AS MATERIALIZED (
    SELECT a.* FROM ip_addresses a WHERE a.vm_id = %(vm_id)s
), picked AS MATERIALIZED (
    SELECT a.id FROM ip_addresses a
    WHERE NOT EXISTS (SELECT FROM held)
        AND NOT EXISTS (
            SELECT FROM ledger_stamp
            WHERE frozen_at IS NOT NULL OR home <> 'ledger_stamp'::regclass::oid::bigint
                OR timeline <> ledger_timeline())
        AND a.subnet_id = %(subnet)s AND a.status = 'available' AND a.ip_type = 'static'
        AND (%(first)s::inet IS NULL
            OR a.ip_address BETWEEN %(first)s::inet AND %(last)s::inet)
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
        statement_timestamp(), '~', %(user)s::bigint,
        %(source)s, %(actor)s, %(change)s
    FROM claimed
)
SELECT true AS known, * FROM held UNION ALL SELECT false, * FROM claimed;
