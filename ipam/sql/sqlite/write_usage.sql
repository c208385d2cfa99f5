-- As postgresql/write_usage.sql; WHERE tells SQLite that ON CONFLICT does not belong to a join.

INSERT INTO usage_days AS before
    (day, subnet_id, pool_id, static_total, static_used, dhcp_total, dhcp_used)
SELECT %(day)s, r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 4,
    r.value ->> 5
FROM json_each(%(rows)s) AS r
WHERE true
ON CONFLICT (subnet_id, pool_id, day) DO UPDATE SET
    static_total = excluded.static_total,
    static_used = excluded.static_used,
    dhcp_total = excluded.dhcp_total,
    dhcp_used = max(before.dhcp_used, excluded.dhcp_used);
