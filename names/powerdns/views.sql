-- The tables of PowerDNS's own schema, for its tools; it asks the functions (pdns.conf).

CREATE VIEW dns.domains AS
SELECT z.id, z.name, ''::text AS master, NULL::integer AS last_check, 'MASTER'::text AS type,
    n.serial AS notified_serial, ''::text AS options, ''::text AS catalog, ''::text AS account
FROM dns.zones() z LEFT JOIN dns.notified n ON n.domain_id = z.id;

CREATE VIEW dns.records AS
SELECT a.*, false AS disabled, NULL::text AS ordername
FROM dns.zones() z CROSS JOIN LATERAL dns.zone(z.id) a;

CREATE VIEW dns.domainmetadata AS
SELECT 0 AS id, 0 AS domain_id, ''::text AS kind, ''::text AS content WHERE false;

CREATE VIEW dns.tsigkeys AS
SELECT 0 AS id, ''::text AS name, ''::text AS algorithm, ''::text AS secret WHERE false;

CREATE VIEW dns.cryptokeys AS
SELECT 0 AS id, 0 AS domain_id, 0 AS flags, false AS active, false AS published,
    ''::text AS content WHERE false;

CREATE VIEW dns.supermasters AS
SELECT ''::text AS ip, ''::text AS nameserver, ''::text AS account WHERE false;

CREATE VIEW dns.comments AS
SELECT 0 AS id, 0 AS domain_id, ''::text AS name, ''::text AS type, 0 AS modified_at,
    ''::text AS account, ''::text AS comment WHERE false;
