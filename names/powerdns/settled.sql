WITH c AS (
        SELECT c.*, dns.zone_of(c.fqdn) AS zone,
            bool_or(c.kind = 'other') OVER (PARTITION BY c.fqdn) AS has_other
        FROM dns.claims() c WHERE @CONDITION@
    ), fit AS (
        SELECT c.* FROM c
        WHERE c.zone IS NOT NULL AND c.off IS NOT TRUE
            AND c.fqdn NOT IN ('localhost', 'gen.ipmanager.internal')
            AND CASE WHEN c.kind IN ('alias', 'other') THEN dns.is_owner(c.fqdn)
                ELSE dns.is_name(c.fqdn) END
            AND NOT (c.kind = 'alias' AND c.has_other)
            AND (c.type = 'NS' OR NOT EXISTS (
                SELECT FROM dns.cuts() o
                WHERE (c.fqdn = o.fqdn OR right(c.fqdn, length(o.fqdn) + 1) = '.' || o.fqdn)
                    AND NOT (c.ip IS NOT NULL AND c.fqdn = ANY (o.servers))))
    ), ordered AS (
        SELECT c.*, row_number() OVER w AS place, first_value(c.kind) OVER w AS holder,
            row_number() OVER (
                PARTITION BY c.fqdn, c.kind, family(c.ip) ORDER BY c.since, c.id) AS of_version
        FROM fit c
        WINDOW w AS (PARTITION BY c.fqdn ORDER BY c.turn, c.since, c.rank, c.id)
    )
    SELECT o.kind, o.rank, o.id, o.fqdn, o.ip, o.type, o.content, o.ttl, o.port, o.zone
    FROM ordered o
    WHERE o.kind = 'other' OR o.place = 1 OR (o.kind = 'record' AND o.holder = 'record')
        OR (o.kind = 'ipaddress' AND o.holder = 'ipaddress' AND o.of_version = 1)
