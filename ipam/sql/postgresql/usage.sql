-- ipam/api/fast_usage.py: what the usage of a subnet needs besides the remembered tree: the
-- ledger's state, the addresses inside that are leased and have no live row, and the last days.
--
-- Parameters: key (of the subnet), since (the day before the first one).

SELECT caller.*, s.vrf_id, (SELECT last_value FROM ledger_moment),
    (SELECT string_agg(host(g.ip_address), ' ') FROM sightings g
        WHERE g.ip_address BETWEEN host(network(s.network))::inet
                AND host(broadcast(s.network))::inet
            AND g.vrf_id IS NOT DISTINCT FROM s.vrf_id AND g.source = 'lease'
            AND g.leased_until > statement_timestamp()
            AND NOT EXISTS (
                SELECT FROM ip_addresses a
                WHERE a.ip_address = g.ip_address AND a.vrf_id IS NOT DISTINCT FROM g.vrf_id
                    AND a.status IN ('allocated', 'reserved', 'quarantine'))),
    (SELECT json_agg(
            json_build_array(
                d.day, d.static_total, d.static_used, d.dhcp_total, d.dhcp_used)
            ORDER BY d.day)::text
        FROM usage_days d
        WHERE d.subnet_id = s.id AND d.pool_id = 0 AND d.day > %(since)s::date)
FROM caller, subnets s WHERE s.id = %(key)s;
