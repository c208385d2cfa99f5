-- The next free row of a subnet's static pools for a caller of the fast path. None is returned to a
-- VM that has an address, and none while the ledger is frozen (ipam/freeze.py). Such a transaction
-- begins IMMEDIATE, so nobody else can take the row meanwhile.
--
-- The indexes are named: without statistics of free rows and of sightings SQLite reads all free rows
-- of the subnet, and all sightings for each. It would sort them, too, were the row not chosen before
-- it is joined.
--
-- Parameters: subnet (key), vm_id, mac_address, answered (seconds within which an address that has
-- answered is not free).

SELECT caller.*, chosen.id
FROM caller, (
    SELECT a.id FROM ip_addresses a INDEXED BY ip_addresses_claim
    WHERE a.subnet_id = %(subnet)s AND a.status = 'available' AND a.ip_type = 'static'
        AND NOT EXISTS (SELECT 1 FROM ip_addresses held WHERE held.vm_id = %(vm_id)s)
        AND NOT EXISTS (SELECT 1 FROM ledger_stamp WHERE frozen_at IS NOT NULL)
        AND NOT EXISTS (
            SELECT 1 FROM sightings s INDEXED BY sightings_ip
            WHERE s.ip_address = a.ip_address AND s.vrf_id IS a.vrf_id
                AND (s.mac_address IS NULL OR s.mac_address IS NOT %(mac_address)s)
                AND (s.source = 'lease'
                        AND s.leased_until > strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')
                    OR s.source IN ('arp', 'ping', 'dhcp', 'report') AND s.seen_at
                        > strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', -%(answered)s || ' seconds')))
    ORDER BY a.freed_at, a.ip_address
    LIMIT 1
) chosen;
