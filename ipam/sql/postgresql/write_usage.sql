-- ipam/usage/history.py: today's usage of subnets and pools, written anew each hour. Of DHCP
-- addresses, which come and go in a day, the most is kept.
--
-- Parameters: day, and rows: a JSON array of [subnet, pool, static_total, static_used, dhcp_total,
-- dhcp_used].

INSERT INTO usage_days AS before
    (day, subnet_id, pool_id, static_total, static_used, dhcp_total, dhcp_used)
SELECT %(day)s::date, (r ->> 0)::bigint, (r ->> 1)::bigint, (r ->> 2)::double precision,
    (r ->> 3)::bigint, (r ->> 4)::double precision, (r ->> 5)::bigint
FROM json_array_elements(%(rows)s::json) AS r
ON CONFLICT (subnet_id, pool_id, day) DO UPDATE SET
    static_total = excluded.static_total,
    static_used = excluded.static_used,
    dhcp_total = excluded.dhcp_total,
    dhcp_used = GREATEST(before.dhcp_used, excluded.dhcp_used);
