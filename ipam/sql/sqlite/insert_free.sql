-- Free rows for addresses without a row. One statement: 50,000 of one row each take four times as
-- long.
--
-- Parameters: vrf and subnet (keys), count, addresses (as many stored addresses of 17 bytes, one
-- after the other).

INSERT INTO ip_addresses (vrf_id, subnet_id, ip_address)
WITH RECURSIVE numbers (n) AS (
    SELECT 0 WHERE %(count)s > 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < %(count)s
)
SELECT %(vrf)s, %(subnet)s, substr(%(addresses)s, n * 17 + 1, 17) FROM numbers WHERE true
ON CONFLICT DO NOTHING;
