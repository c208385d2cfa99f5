-- What PowerDNS is told, on PostgreSQL: the rules of names/ledger.py and names/further.py once more,
-- as functions over the tables. They name tables in their text only, so that no migration is held up.
-- SETTLED between signs stands for the rows that keep their names among those that meet it
-- (names/powerdns/schema.py). A parameter has a name that no column beside it has: SQL would take that.
-- `dns.lookup`, `dns.zone` and `dns.zones` are what the role may call.

CREATE TYPE dns.answer AS (
    name text, type text, content text, prio integer, ttl integer, domain_id integer, auth boolean);

CREATE FUNCTION dns.is_name(name text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT length(name) <= 253 AND name COLLATE "C" ~
        '^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*$'
$$;

CREATE FUNCTION dns.is_owner(name text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT length(name) <= 253 AND name COLLATE "C" ~ (
        '^(_[a-z0-9-]{1,62}|[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)'
        '(\.(_[a-z0-9-]{1,62}|[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?))*$')
$$;

-- NULL for what is no address.
CREATE FUNCTION dns.address(value text) RETURNS inet LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN value COLLATE "C" ~ '^[0-9a-f.:]+$' THEN value::inet END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

-- Whether a record's type knows its value, which raw SQL may have written.
CREATE FUNCTION dns.fits(type text, value text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN type IN ('A', 'AAAA')
            THEN coalesce(family(dns.address(value)) = CASE type WHEN 'A' THEN 4 ELSE 6 END, false)
        WHEN type IN ('CNAME', 'NS') THEN dns.is_name(value)
        WHEN type = 'MX'
            THEN value COLLATE "C" ~ '^[0-9]{1,5} [^ ]+$' AND dns.is_name(split_part(value, ' ', 2))
        WHEN type = 'SRV' THEN value COLLATE "C" ~ '^([0-9]{1,5} ){3}[^ ]+$'
            AND dns.is_name(split_part(value, ' ', 4))
        WHEN type = 'TXT' THEN value COLLATE "C" ~ '^[ !#-\[\]-~]{1,255}$'
        WHEN type = 'CAA'
            THEN value COLLATE "C" ~ '^(0|128) (issue|issuewild|iodef) [!#-\[\]-~]{1,255}$'
        ELSE false END
$$;

-- The most specific zone around a name.
CREATE FUNCTION dns.zone_of(want text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT z.id FROM names_zones z
    WHERE z.enabled AND (want = z.name OR right(want, length(z.name) + 1) = '.' || z.name)
    ORDER BY length(z.name) DESC LIMIT 1
$$;

-- The subnet around an address: its domain, and whether its names are served elsewhere.
CREATE FUNCTION dns.place(ip inet) RETURNS TABLE (domain text, off boolean)
LANGUAGE sql STABLE AS $$
    SELECT lower(s.domain), EXISTS (SELECT FROM names_off n WHERE n.subnet_id = s.id)
    FROM subnets s WHERE s.vrf_id IS NULL AND s.network >>= ip
    ORDER BY masklen(s.network) DESC LIMIT 1
$$;

CREATE FUNCTION dns.whole(host text, within text, domain text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN host LIKE '%.%' THEN host
        ELSE concat_ws('.', host, nullif(within, ''), nullif(domain, '')) END
$$;

CREATE FUNCTION dns.gateway(ip inet) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'gw-' || rtrim(translate(host(ip), '.:', '--'), '-')
$$;

-- Every row that wants a name, and further records. `host`: by which column an index finds it.
CREATE FUNCTION dns.claims() RETURNS TABLE (
    kind text, turn integer, rank integer, id bigint, since timestamptz, host text, fqdn text,
    ip inet, type text, content text, ttl integer, port text, off boolean)
LANGUAGE sql STABLE AS $$
    SELECT 'server'::text, 0, 0, h.id::bigint, h.created_at, lower(h.hostname),
        dns.whole(lower(h.hostname), '', p.domain), h.ip_address, ''::text, ''::text,
        NULL::integer, ''::text, p.off
    FROM hosts h LEFT JOIN LATERAL dns.place(h.ip_address) p ON true
    WHERE h.vrf_id IS NULL AND h.ip_address IS NOT NULL
    UNION ALL
    SELECT 'interface'::text, 0, 1, i.id::bigint, i.created_at, lower(h.hostname),
        dns.whole(lower(split_part(h.hostname, '.', 1) || '-' || replace(i.name, '.', '-')
            || substr(h.hostname, length(split_part(h.hostname, '.', 1)) + 1)), '', p.domain),
        i.ip_address, ''::text, ''::text, NULL::integer, ''::text, p.off
    FROM interfaces i JOIN hosts h ON h.id = i.server_id
        LEFT JOIN LATERAL dns.place(i.ip_address) p ON true
    WHERE h.vrf_id IS NULL AND i.ip_address IS NOT NULL
    UNION ALL
    SELECT 'ipaddress'::text, 2, 2, a.id::bigint, a.created_at, lower(a.hostname),
        dns.whole(lower(a.hostname), '', p.domain), a.ip_address, ''::text, ''::text,
        NULL::integer, ''::text, p.off
    FROM ip_addresses a LEFT JOIN LATERAL dns.place(a.ip_address) p ON true
    WHERE a.vrf_id IS NULL AND a.server_id IS NULL AND a.status IN ('allocated', 'reserved')
        AND a.hostname <> '' AND a.hostname COLLATE "C" ~ '^[A-Za-z0-9._-]+$'
    UNION ALL
    SELECT 'subnet'::text, 0, 3, s.id::bigint, s.created_at, dns.gateway(s.gateway),
        dns.whole(dns.gateway(s.gateway), '', p.domain), s.gateway, ''::text, ''::text,
        NULL::integer, ''::text, p.off
    FROM subnets s LEFT JOIN LATERAL dns.place(s.gateway) p ON true
    WHERE s.vrf_id IS NULL AND s.gateway IS NOT NULL
    UNION ALL
    SELECT CASE WHEN r.type IN ('A', 'AAAA') THEN 'record' WHEN r.type = 'CNAME' THEN 'alias'
            ELSE 'other' END,
        CASE WHEN r.type = 'CNAME' THEN 1 WHEN r.type IN ('A', 'AAAA') THEN 0 ELSE 9 END,
        CASE WHEN r.type = 'CNAME' THEN 5 ELSE 4 END, r.id::bigint, r.created_at, r.name::text,
        CASE r.name WHEN '@' THEN z.name::text ELSE r.name || '.' || z.name END,
        CASE WHEN r.type IN ('A', 'AAAA') THEN dns.address(r.value) END,
        r.type::text, r.value::text, r.ttl, ''::text, false
    FROM names_records r JOIN names_zones z ON z.id = r.zone_id
    WHERE z.enabled AND dns.fits(r.type, r.value) AND (r.name = '@' OR dns.is_owner(r.name))
    UNION ALL
    SELECT 'service'::text, 3, 6, v.id::bigint, v.created_at, lower(v.service_id),
        dns.whole(lower(v.service_id), v.environment, p.domain), v.ip_address, ''::text, ''::text,
        NULL::integer, v.protocol || ' ' || v.port, p.off
    FROM services v LEFT JOIN LATERAL dns.place(v.ip_address) p ON true
    WHERE v.ip_address IS NOT NULL AND v.ip_address NOT IN ('0.0.0.0', '::')
        AND v.service_id COLLATE "C" ~ '^[A-Za-z0-9._-]+$'
$$;

-- The domains inside our zones that other servers have.
CREATE FUNCTION dns.cuts() RETURNS TABLE (fqdn text, servers text[]) LANGUAGE sql STABLE AS $$
    SELECT r.name || '.' || z.name, array_agg(r.value::text)
    FROM names_records r JOIN names_zones z ON z.id = r.zone_id
    WHERE z.enabled AND r.type = 'NS' AND r.name <> '@' AND dns.is_name(r.value)
        AND NOT EXISTS (
            SELECT FROM names_zones o WHERE o.enabled AND o.name = r.name || '.' || z.name)
    GROUP BY 1
$$;

CREATE TYPE dns.kept AS (
    kind text, rank integer, id bigint, fqdn text, ip inet, type text, content text, ttl integer,
    port text, zone bigint);

CREATE FUNCTION dns.all_kept() RETURNS SETOF dns.kept LANGUAGE sql STABLE AS $$
    @SETTLED(true)@
$$;

-- By which columns the rows of a name are found: its first label, itself, what stands before each
-- dot and, of an interface, before each hyphen of the first label.
CREATE FUNCTION dns.hosts(name text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    label text := split_part(name, '.', 1);
    rest text := substr(name, length(split_part(name, '.', 1)) + 1);
    found text[] := ARRAY[name, '@'];
    part text;
    grown text := '';
BEGIN
    FOREACH part IN ARRAY string_to_array(name, '.') LOOP
        grown := ltrim(grown || '.' || part, '.');
        found := found || grown;
    END LOOP;
    grown := '';
    FOREACH part IN ARRAY string_to_array(label, '-') LOOP
        grown := CASE grown WHEN '' THEN part ELSE grown || '-' || part END;
        found := found || grown || (grown || rest);
    END LOOP;
    RETURN found;
END
$$;

CREATE FUNCTION dns.named(want text) RETURNS SETOF dns.kept LANGUAGE plpgsql STABLE AS $$
DECLARE
    columns text[] := dns.hosts(want);
BEGIN
    IF dns.zone_of(want) IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY @SETTLED(c.host = ANY (columns) AND c.fqdn = want)@;
END
$$;

-- --- addresses --------------------------------------------------------------------------------------

-- The octets or nibbles of an address.
CREATE FUNCTION dns.digits(ip inet) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE family(ip) WHEN 4 THEN string_to_array(host(ip), '.')
        ELSE string_to_array(encode(substr(inet_send(ip), 5), 'hex'), NULL) END
$$;

CREATE FUNCTION dns.pointer(digits text[], version integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(d, '.' ORDER BY n DESC)
        || CASE version WHEN 4 THEN '.in-addr.arpa' ELSE '.ip6.arpa' END
    FROM unnest(digits) WITH ORDINALITY AS t (d, n)
$$;

-- The digits of a name in the reverse tree; NULL for any other name.
CREATE FUNCTION dns.reverse_digits(name text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN name COLLATE "C" ~ '^((0|[1-9][0-9]{0,2})\.){1,4}in-addr\.arpa$'
            OR name COLLATE "C" ~ '^([0-9a-f]\.){1,32}ip6\.arpa$'
        THEN (SELECT array_agg(d ORDER BY n DESC)
            FROM unnest(string_to_array(regexp_replace(name, '\.(in-addr|ip6)\.arpa$', ''), '.'))
                WITH ORDINALITY AS t (d, n)) END
$$;

-- The address that begins with these digits and ends with zeros; NULL where there is none.
CREATE FUNCTION dns.first_address(digits text[], version integer) RETURNS inet
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT dns.address(CASE version
        WHEN 4 THEN array_to_string(
            (digits || ARRAY['0', '0', '0'])[1:4], '.')
        WHEN 6 THEN rtrim(regexp_replace(
            rpad(array_to_string(digits, ''), 32, '0'), '(....)', '\1:', 'g'), ':') END)
$$;

-- How many digits the reverse zone of a network has: of a smaller one than /24, those of its /24.
CREATE FUNCTION dns.zone_length(network inet) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE family(network)
        WHEN 4 THEN greatest(1, least(3, (masklen(network) + 7) / 8))
        ELSE greatest(1, (masklen(network) + 3) / 4) END
$$;

-- The subnets whose addresses have their reverse names here, with the zone of their domain. Larger
-- ids have no number of a zone.
CREATE FUNCTION dns.reversed() RETURNS TABLE (id bigint, network inet, zone bigint)
LANGUAGE sql STABLE AS $$
    SELECT s.id, s.network::inet, dns.zone_of(lower(s.domain)) FROM subnets s
    WHERE s.vrf_id IS NULL AND s.domain <> '' AND s.id < 8384512
        AND NOT EXISTS (SELECT FROM names_off n WHERE n.subnet_id = s.id)
$$;

-- Which part of its subnet a reverse zone is, and its number from that: 32 bits, above those of the
-- forward zones.
CREATE FUNCTION dns.reverse_id(subnet bigint, network inet, digits text[]) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT (1048576 + subnet * 256 + CASE
        WHEN masklen(network) >= cardinality(digits) * CASE family(network) WHEN 4 THEN 8 ELSE 4 END
            THEN 0
        WHEN family(network) = 4
            THEN digits[cardinality(digits)]::integer
                - (dns.digits(network))[cardinality(digits)]::integer
        ELSE strpos('0123456789abcdef', digits[cardinality(digits)])
            - strpos('0123456789abcdef', (dns.digits(network))[cardinality(digits)])
        END)::integer
$$;

-- The widest reverse zone around an address.
CREATE FUNCTION dns.reverse_zone(ip inet) RETURNS TABLE (id integer, name text, zone bigint)
LANGUAGE sql STABLE AS $$
    SELECT dns.reverse_id(r.id, r.network, d.digits), dns.pointer(d.digits, family(ip)), r.zone
    FROM dns.reversed() r
        CROSS JOIN LATERAL (
            SELECT (dns.digits(ip))[1:dns.zone_length(r.network)] AS digits) d
    WHERE r.network && CASE family(ip) WHEN 4 THEN set_masklen(ip, 24) ELSE ip END
        AND r.zone IS NOT NULL
    ORDER BY cardinality(d.digits), r.id LIMIT 1
$$;

CREATE FUNCTION dns.reverse_zones() RETURNS TABLE (id integer, name text, zone bigint)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT w.id, w.name, w.zone
    FROM dns.reversed() r
        CROSS JOIN LATERAL (
            SELECT (dns.digits(r.network))[1:dns.zone_length(r.network)] AS first,
                greatest(0, dns.zone_length(r.network)
                    * CASE family(r.network) WHEN 4 THEN 8 ELSE 4 END - masklen(r.network)) AS bits
        ) f
        CROSS JOIN LATERAL generate_series(0, (1 << f.bits) - 1) n
        CROSS JOIN LATERAL (
            SELECT f.first[1:cardinality(f.first) - 1] || CASE family(r.network)
                WHEN 4 THEN (f.first[cardinality(f.first)]::integer + n)::text
                ELSE substr('0123456789abcdef',
                    strpos('0123456789abcdef', f.first[cardinality(f.first)]) + n, 1) END AS digits
        ) d
        CROSS JOIN LATERAL dns.reverse_zone(dns.first_address(d.digits, family(r.network))) w
    WHERE r.zone IS NOT NULL
$$;

-- The names that an address keeps, the one of its reverse entry first.
CREATE FUNCTION dns.names_of(network inet) RETURNS TABLE (ip inet, fqdn text)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (c.ip) c.ip, c.fqdn
    FROM dns.claims() c CROSS JOIN LATERAL dns.named(c.fqdn) k
    WHERE c.ip <<= network AND k.kind = c.kind AND k.id = c.id
    ORDER BY c.ip, c.rank, c.id, c.fqdn
$$;

-- --- what PowerDNS asks ----------------------------------------------------------------------------

CREATE FUNCTION dns.serial() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(amount), 0)::bigint % 4294967295 + 1 FROM names_serial
$$;

-- The name servers of a zone.
CREATE FUNCTION dns.servers(zone bigint) RETURNS TABLE (name text, ttl integer)
LANGUAGE sql STABLE AS $$
    WITH own AS (
        SELECT r.value::text AS name, r.ttl FROM names_records r
        WHERE r.zone_id = zone AND r.name = '@' AND r.type = 'NS' AND dns.is_name(r.value))
    SELECT own.name, own.ttl FROM own
    UNION ALL
    SELECT coalesce(nullif(z.primary_server, ''), 'ns.' || z.name), NULL
    FROM names_zones z WHERE z.id = zone AND NOT EXISTS (SELECT FROM own)
$$;

-- SOA and NS of a zone that has the values of a forward zone.
CREATE FUNCTION dns.heads(called text, zone bigint, domain integer) RETURNS SETOF dns.answer
LANGUAGE sql STABLE AS $$
    SELECT called, 'SOA', concat_ws(' ',
            coalesce(nullif(z.primary_server, ''), (SELECT min(s.name) FROM dns.servers(z.id) s)),
            coalesce(replace(nullif(regexp_replace(z.contact, '@[^@]*$', ''), ''), '.', '\.')
                || '.' || substring(z.contact from '[^@]*$'), 'hostmaster.' || z.name),
            dns.serial(), z.refresh, z.retry, z.expire, z.negative_ttl),
        NULL::integer, z.ttl, domain, true
    FROM names_zones z WHERE z.id = zone
    UNION ALL
    SELECT called, 'NS', s.name, NULL, coalesce(s.ttl, z.ttl), domain, true
    FROM names_zones z CROSS JOIN LATERAL dns.servers(z.id) s WHERE z.id = zone
$$;

CREATE FUNCTION dns.answer_of(k dns.kept, ttl integer) RETURNS dns.answer
LANGUAGE sql STABLE AS $$
    SELECT (k.fqdn,
        CASE WHEN k.ip IS NULL THEN k.type WHEN family(k.ip) = 4 THEN 'A' ELSE 'AAAA' END,
        CASE WHEN k.ip IS NOT NULL THEN host(k.ip)
            WHEN k.type IN ('MX', 'SRV') THEN substr(k.content, strpos(k.content, ' ') + 1)
            WHEN k.type = 'TXT' THEN '"' || k.content || '"'
            WHEN k.type = 'CAA' THEN regexp_replace(k.content, '^(\S+ \S+) (.*)$', '\1 "\2"')
            ELSE k.content END,
        CASE WHEN k.type IN ('MX', 'SRV') THEN split_part(k.content, ' ', 1)::integer END,
        coalesce(k.ttl, ttl), k.zone::integer,
        k.type <> 'NS')::dns.answer
$$;

-- Where a service listens, as SRV.
CREATE FUNCTION dns.port_of(k dns.kept, ttl integer) RETURNS dns.answer LANGUAGE sql STABLE AS $$
    SELECT ('_' || split_part(k.fqdn, '.', 1) || '._' || split_part(k.port, ' ', 1)
            || substr(k.fqdn, length(split_part(k.fqdn, '.', 1)) + 1),
        'SRV', '0 ' || split_part(k.port, ' ', 2) || ' ' || k.fqdn, 0, ttl, k.zone::integer, true
        )::dns.answer
$$;

-- The zones of ours just inside another one.
CREATE FUNCTION dns.children(zone bigint) RETURNS SETOF names_zones LANGUAGE sql STABLE AS $$
    SELECT c.* FROM names_zones c
    WHERE c.enabled AND dns.zone_of(substr(c.name, strpos(c.name, '.') + 1)) = zone
$$;

-- What a zone says of the zones of ours inside it: their name servers, and the addresses of these.
CREATE FUNCTION dns.delegated(parent bigint) RETURNS SETOF dns.answer LANGUAGE sql STABLE AS $$
    SELECT c.name, 'NS', s.name, NULL::integer, coalesce(s.ttl, z.ttl), parent::integer, false
    FROM dns.children(parent) c JOIN names_zones z ON z.id = parent
        CROSS JOIN LATERAL dns.servers(c.id) s
    UNION
    SELECT (a).name, (a).type, (a).content, (a).prio, (a).ttl, parent::integer, false
    FROM dns.children(parent) c JOIN names_zones z ON z.id = parent
        CROSS JOIN LATERAL dns.servers(c.id) s
        CROSS JOIN LATERAL dns.named(s.name) k
        CROSS JOIN LATERAL dns.answer_of(k, z.ttl) a
    WHERE right(s.name, length(c.name) + 1) = '.' || c.name AND k.ip IS NOT NULL
$$;

-- Every zone, forward and reverse.
CREATE FUNCTION dns.zones() RETURNS TABLE (id integer, name text, zone bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT z.id::integer, z.name::text, z.id FROM names_zones z WHERE z.enabled
    UNION ALL
    SELECT r.id, r.name, r.zone FROM dns.reverse_zones() r
$$;

-- The zone of this name, if there is one. Of a reverse zone, the widest around it counts.
CREATE FUNCTION dns.zone_named(want text) RETURNS TABLE (id integer, zone bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT z.id::integer, z.id FROM names_zones z WHERE z.enabled AND z.name = want
    UNION ALL
    SELECT w.id, w.zone FROM dns.reverse_zone(dns.first_address(
        dns.reverse_digits(want), CASE WHEN want LIKE '%.in-addr.arpa' THEN 4 ELSE 6 END)) w
    WHERE w.name = want
$$;

-- All of a zone, for a transfer.
CREATE FUNCTION dns.zone(domain integer) RETURNS SETOF dns.answer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    called text;
    values_of bigint;
    own_ttl integer;
    place inet;
BEGIN
    SELECT z.name, z.zone INTO called, values_of FROM dns.zones() z WHERE z.id = domain;
    SELECT z.ttl INTO own_ttl FROM names_zones z WHERE z.id = values_of;
    RETURN QUERY SELECT * FROM dns.heads(called, values_of, domain);
    IF called LIKE '%.arpa' THEN
        place := dns.first_address(
            dns.reverse_digits(called), CASE WHEN called LIKE '%.in-addr.arpa' THEN 4 ELSE 6 END);
        place := set_masklen(place, cardinality(dns.reverse_digits(called))
            * CASE family(place) WHEN 4 THEN 8 ELSE 4 END);
        RETURN QUERY
        SELECT dns.pointer(dns.digits(n.ip), family(n.ip)), 'PTR', n.fqdn, NULL::integer, own_ttl,
            domain, true
        FROM dns.names_of(place) n;
        RETURN;
    END IF;
    RETURN QUERY
    WITH kept AS MATERIALIZED (
        SELECT k FROM dns.all_kept() k WHERE k.zone = values_of)
    SELECT (dns.answer_of(k, own_ttl)).* FROM kept
    WHERE NOT ((k).type = 'NS' AND (k).fqdn = called)
    UNION ALL
    SELECT (s.p).* FROM (
        SELECT dns.port_of(k, own_ttl) AS p FROM kept WHERE (k).port <> '') s
    WHERE dns.is_owner((s.p).name)
        AND NOT EXISTS (SELECT FROM kept o WHERE (o.k).fqdn = (s.p).name AND (o.k).type = 'CNAME');
    RETURN QUERY SELECT * FROM dns.delegated(values_of);
END
$$;

-- All records of a name.
CREATE FUNCTION dns.lookup(want text) RETURNS SETOF dns.answer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    parts text[] := dns.reverse_digits(want);
    inside bigint := dns.zone_of(want);
    own_ttl integer;
    place inet;
    service text;
BEGIN
    RETURN QUERY SELECT h.* FROM dns.zone_named(want) z
        CROSS JOIN LATERAL dns.heads(want, z.zone, z.id) h;
    IF cardinality(parts) IN (4, 32) THEN
        place := dns.first_address(parts, CASE WHEN want LIKE '%.in-addr.arpa' THEN 4 ELSE 6 END);
        RETURN QUERY
        SELECT want, 'PTR', n.fqdn, NULL::integer, z.ttl, r.id, true
        FROM dns.reverse_zone(place) r JOIN names_zones z ON z.id = r.zone
            CROSS JOIN LATERAL dns.names_of(place) n;
    END IF;
    IF inside IS NULL THEN
        RETURN;
    END IF;
    SELECT z.ttl INTO own_ttl FROM names_zones z WHERE z.id = inside;
    RETURN QUERY SELECT (dns.answer_of(k, own_ttl)).* FROM dns.named(want) k
        WHERE NOT (k.type = 'NS' AND EXISTS (SELECT FROM dns.zone_named(want)));
    IF want COLLATE "C" ~ '^_[^.]+\._(tcp|udp)\.' THEN
        service := substr(regexp_replace(want, '\._(tcp|udp)\.', '.'), 2);
        RETURN QUERY
        SELECT (s.p).* FROM (
            SELECT dns.port_of(k, own_ttl) AS p FROM dns.named(service) k WHERE k.port <> '') s
        WHERE (s.p).name = want AND dns.is_owner(want)
            AND NOT EXISTS (SELECT FROM dns.named(want) o WHERE o.type = 'CNAME');
    END IF;
    -- A zone of ours inside another one is known to that one, too.
    RETURN QUERY SELECT d.* FROM names_zones z
        CROSS JOIN LATERAL dns.delegated(dns.zone_of(substr(z.name, strpos(z.name, '.') + 1))) d
        WHERE z.enabled AND z.id = inside AND d.name = want
            AND dns.zone_of(substr(z.name, strpos(z.name, '.') + 1)) IS NOT NULL;
END
$$;
