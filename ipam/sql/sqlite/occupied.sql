-- available_prefix: a subnet's network and gateway, and what it holds: the subnets inside it, its
-- pools (first and last address, one after the other), and the addresses in use outside the pools.
-- Each is one text, the hexadecimal digits of the columns in a row. Parameters: key, and last, the
-- last network inside the subnet.

SELECT s.network, s.gateway,
    (SELECT group_concat(hex(network), '') FROM (
        SELECT c.network FROM subnets c
        WHERE s.vrf_id IS NULL AND c.vrf_id IS NULL
            AND c.network > s.network AND c.network <= %(last)s
        UNION ALL
        SELECT c.network FROM subnets c
        WHERE c.vrf_id = s.vrf_id AND c.network > s.network AND c.network <= %(last)s)),
    (SELECT group_concat(hex(p.first) || hex(p.last), '') FROM pools p WHERE p.subnet_id = s.id),
    (SELECT group_concat(hex(a.ip_address), '') FROM ip_addresses a
        WHERE a.subnet_id = s.id AND a.ip_type = 'dhcp' AND a.status <> 'available')
FROM subnets s WHERE s.id = %(key)s;
