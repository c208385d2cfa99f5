-- available_prefix: a subnet's network and gateway, and what it holds: the subnets inside it, its
-- pools (first and last address, one after the other), and the addresses in use outside the pools.
-- Each is one value, the concatenation of what inet_send makes of the addresses. Parameter: key.

SELECT s.network, s.gateway,
    (SELECT string_agg(inet_send(inner_network), ''::bytea) FROM (
        SELECT c.network::inet FROM subnets c
        WHERE s.vrf_id IS NULL AND c.vrf_id IS NULL AND c.network > s.network
            AND c.network <= set_masklen(broadcast(s.network),
                CASE family(s.network) WHEN 4 THEN 32 ELSE 128 END)::cidr
        UNION ALL
        SELECT c.network::inet FROM subnets c
        WHERE c.vrf_id = s.vrf_id AND c.network > s.network
            AND c.network <= set_masklen(broadcast(s.network),
                CASE family(s.network) WHEN 4 THEN 32 ELSE 128 END)::cidr
    ) AS inside (inner_network)),
    (SELECT string_agg(inet_send(p.first) || inet_send(p.last), ''::bytea)
        FROM pools p WHERE p.subnet_id = s.id),
    (SELECT string_agg(inet_send(a.ip_address), ''::bytea) FROM ip_addresses a
        WHERE a.subnet_id = s.id AND a.ip_type = 'dhcp' AND a.status <> 'available')
FROM subnets s WHERE s.id = %(key)s;
