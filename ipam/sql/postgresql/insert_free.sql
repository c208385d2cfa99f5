-- IPAddressQuerySet.insert_free: free rows for a list of addresses; an address that has a row is
-- passed over. Parameters: vrf and subnet (keys), addresses (an array of text).

INSERT INTO ip_addresses (vrf_id, subnet_id, ip_address)
SELECT %(vrf)s::bigint, %(subnet)s::bigint, unnest(%(addresses)s::inet[])
ON CONFLICT DO NOTHING;
