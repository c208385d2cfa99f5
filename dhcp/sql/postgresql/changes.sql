-- Generated from the models by `python -m tests.sql_files`. Do not edit.
-- A row of dhcp_changes for every row that raw SQL inserts, changes or deletes, if dnsmasq has to
-- learn of it, in the words of dhcp/outbox.py, which notes what the site itself writes.

-- `name: before -> after`; NULL where both are the same.
CREATE OR REPLACE FUNCTION dhcp_difference(name text, before text, after text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN before IS DISTINCT FROM after
        THEN name || ': ' || coalesce(before, 'None') || ' -> ' || coalesce(after, 'None') END
$$;

CREATE OR REPLACE FUNCTION hosts_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.hostname AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r
        ), noted AS (
            SELECT 'server' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' servers', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN o.hostname
                    ELSE n.hostname END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('vrf_id', o.vrf_id::text, n.vrf_id::text),
                        dhcp_difference('hostname', o.hostname::text, n.hostname::text),
                        dhcp_difference('ip_address', host(o.ip_address), host(n.ip_address)),
                        dhcp_difference('mac_address', o.mac_address::text, n.mac_address::text),
                        dhcp_difference('enabled', initcap(o.enabled::text), initcap(n.enabled::text)),
                        dhcp_difference('when_disabled', o.when_disabled::text, n.when_disabled::text)
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.vrf_id, o.hostname, o.ip_address, o.mac_address, o.enabled,
                    o.when_disabled)
                IS DISTINCT FROM (n.vrf_id, n.hostname, n.ip_address, n.mac_address, n.enabled,
                    n.when_disabled))
        ), noted AS (
            SELECT 'server' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' servers', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.hostname AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r
        ), noted AS (
            SELECT 'server' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' servers', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all servers', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM hosts);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER hosts_dhcp_change_insert
    AFTER INSERT ON hosts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_dhcp_change();

CREATE OR REPLACE TRIGGER hosts_dhcp_change_update
    AFTER UPDATE ON hosts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_dhcp_change();

CREATE OR REPLACE TRIGGER hosts_dhcp_change_delete
    AFTER DELETE ON hosts REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_dhcp_change();

CREATE OR REPLACE TRIGGER hosts_dhcp_change_truncate
    BEFORE TRUNCATE ON hosts
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION hosts_dhcp_change();

CREATE OR REPLACE FUNCTION interfaces_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                coalesce(
                    (SELECT h.hostname FROM hosts h WHERE h.id = r.server_id),
                    'server ' || r.server_id) || ' ' || r.name AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r
        ), noted AS (
            SELECT 'interface' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' interfaces', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN coalesce(
                    (SELECT h.hostname FROM hosts h WHERE h.id = o.server_id),
                    'server ' || o.server_id) || ' ' || o.name
                    ELSE coalesce(
                    (SELECT h.hostname FROM hosts h WHERE h.id = n.server_id),
                    'server ' || n.server_id) || ' ' || n.name END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('server_id', o.server_id::text, n.server_id::text),
                        dhcp_difference('name', o.name::text, n.name::text),
                        dhcp_difference('mac_address', o.mac_address::text, n.mac_address::text),
                        dhcp_difference('duid', o.duid::text, n.duid::text),
                        dhcp_difference('ip_address', host(o.ip_address), host(n.ip_address))
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.server_id, o.name, o.mac_address, o.duid, o.ip_address)
                IS DISTINCT FROM (n.server_id, n.name, n.mac_address, n.duid, n.ip_address))
        ), noted AS (
            SELECT 'interface' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' interfaces', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                coalesce(
                    (SELECT h.hostname FROM hosts h WHERE h.id = r.server_id),
                    'server ' || r.server_id) || ' ' || r.name AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r
        ), noted AS (
            SELECT 'interface' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' interfaces', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all interfaces', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM interfaces);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER interfaces_dhcp_change_insert
    AFTER INSERT ON interfaces REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_dhcp_change();

CREATE OR REPLACE TRIGGER interfaces_dhcp_change_update
    AFTER UPDATE ON interfaces REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_dhcp_change();

CREATE OR REPLACE TRIGGER interfaces_dhcp_change_delete
    AFTER DELETE ON interfaces REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_dhcp_change();

CREATE OR REPLACE TRIGGER interfaces_dhcp_change_truncate
    BEFORE TRUNCATE ON interfaces
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION interfaces_dhcp_change();

CREATE OR REPLACE FUNCTION subnets_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                rtrim(r.network::text || ' ' || r.name) AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r
        ), noted AS (
            SELECT 'subnet' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' subnets', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN rtrim(o.network::text || ' ' || o.name)
                    ELSE rtrim(n.network::text || ' ' || n.name) END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('vrf_id', o.vrf_id::text, n.vrf_id::text),
                        dhcp_difference('network', o.network::text, n.network::text),
                        dhcp_difference('gateway', host(o.gateway), host(n.gateway)),
                        dhcp_difference('dns_servers', o.dns_servers::text, n.dns_servers::text),
                        dhcp_difference('domain', o.domain::text, n.domain::text),
                        dhcp_difference('site', o.site::text, n.site::text)
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.vrf_id, o.network, o.gateway, o.dns_servers, o.domain, o.site)
                IS DISTINCT FROM (n.vrf_id, n.network, n.gateway, n.dns_servers, n.domain, n.site))
        ), noted AS (
            SELECT 'subnet' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' subnets', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                rtrim(r.network::text || ' ' || r.name) AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r
        ), noted AS (
            SELECT 'subnet' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' subnets', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all subnets', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM subnets);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER subnets_dhcp_change_insert
    AFTER INSERT ON subnets REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_dhcp_change();

CREATE OR REPLACE TRIGGER subnets_dhcp_change_update
    AFTER UPDATE ON subnets REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_dhcp_change();

CREATE OR REPLACE TRIGGER subnets_dhcp_change_delete
    AFTER DELETE ON subnets REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_dhcp_change();

CREATE OR REPLACE TRIGGER subnets_dhcp_change_truncate
    BEFORE TRUNCATE ON subnets
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_dhcp_change();

CREATE OR REPLACE FUNCTION pools_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                host(r.first) || '-' || host(r.last) AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r WHERE r.kind = 'dhcp'
        ), noted AS (
            SELECT 'pool' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' pools', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN host(o.first) || '-' || host(o.last)
                    ELSE host(n.first) || '-' || host(n.last) END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('subnet_id', o.subnet_id::text, n.subnet_id::text),
                        dhcp_difference('first', host(o.first), host(n.first)),
                        dhcp_difference('last', host(o.last), host(n.last)),
                        dhcp_difference('kind', o.kind::text, n.kind::text)
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.subnet_id, o.first, o.last, o.kind)
                IS DISTINCT FROM (n.subnet_id, n.first, n.last, n.kind)) AND 'dhcp' IN (o.kind, n.kind)
        ), noted AS (
            SELECT 'pool' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' pools', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                host(r.first) || '-' || host(r.last) AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r WHERE r.kind = 'dhcp'
        ), noted AS (
            SELECT 'pool' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' pools', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all pools', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM pools);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER pools_dhcp_change_insert
    AFTER INSERT ON pools REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_dhcp_change();

CREATE OR REPLACE TRIGGER pools_dhcp_change_update
    AFTER UPDATE ON pools REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_dhcp_change();

CREATE OR REPLACE TRIGGER pools_dhcp_change_delete
    AFTER DELETE ON pools REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_dhcp_change();

CREATE OR REPLACE TRIGGER pools_dhcp_change_truncate
    BEFORE TRUNCATE ON pools
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_dhcp_change();

CREATE OR REPLACE FUNCTION dhcp_scopes_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                coalesce(
                    (SELECT rtrim(s.network::text || ' ' || s.name)
                     FROM subnets s WHERE s.id = r.subnet_id),
                    'subnet ' || r.subnet_id) AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r
        ), noted AS (
            SELECT 'dhcpscope' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' DHCP scopes', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN coalesce(
                    (SELECT rtrim(s.network::text || ' ' || s.name)
                     FROM subnets s WHERE s.id = o.subnet_id),
                    'subnet ' || o.subnet_id)
                    ELSE coalesce(
                    (SELECT rtrim(s.network::text || ' ' || s.name)
                     FROM subnets s WHERE s.id = n.subnet_id),
                    'subnet ' || n.subnet_id) END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('subnet_id', o.subnet_id::text, n.subnet_id::text),
                        dhcp_difference('server_id', o.server_id::text, n.server_id::text),
                        dhcp_difference('enabled', initcap(o.enabled::text), initcap(n.enabled::text)),
                        dhcp_difference('lease_time', o.lease_time::text, n.lease_time::text),
                        dhcp_difference('known_only', initcap(o.known_only::text), initcap(n.known_only::text)),
                        dhcp_difference('router', host(o.router), host(n.router)),
                        dhcp_difference('dns_servers', o.dns_servers::text, n.dns_servers::text),
                        dhcp_difference('ntp_servers', o.ntp_servers::text, n.ntp_servers::text),
                        dhcp_difference('domain', o.domain::text, n.domain::text),
                        dhcp_difference('boot_server', host(o.boot_server), host(n.boot_server)),
                        dhcp_difference('boot_file', o.boot_file::text, n.boot_file::text),
                        dhcp_difference('advertises', o.advertises::text, n.advertises::text),
                        dhcp_difference('by_end', initcap(o.by_end::text), initcap(n.by_end::text)),
                        dhcp_difference('wire_id', o.wire_id::text, n.wire_id::text),
                        dhcp_difference('wire_address', host(o.wire_address), host(n.wire_address)),
                        dhcp_difference('interface', o.interface::text, n.interface::text)
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.subnet_id, o.server_id, o.enabled, o.lease_time, o.known_only, o.router,
                    o.dns_servers, o.ntp_servers, o.domain, o.boot_server,
                    o.boot_file, o.advertises, o.by_end, o.wire_id,
                    o.wire_address, o.interface)
                IS DISTINCT FROM (n.subnet_id, n.server_id, n.enabled, n.lease_time, n.known_only, n.router,
                    n.dns_servers, n.ntp_servers, n.domain, n.boot_server,
                    n.boot_file, n.advertises, n.by_end, n.wire_id,
                    n.wire_address, n.interface))
        ), noted AS (
            SELECT 'dhcpscope' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' DHCP scopes', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                coalesce(
                    (SELECT rtrim(s.network::text || ' ' || s.name)
                     FROM subnets s WHERE s.id = r.subnet_id),
                    'subnet ' || r.subnet_id) AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r
        ), noted AS (
            SELECT 'dhcpscope' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' DHCP scopes', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all DHCP scopes', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM dhcp_scopes);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_scopes_dhcp_change_insert
    AFTER INSERT ON dhcp_scopes REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_scopes_dhcp_change();

CREATE OR REPLACE TRIGGER dhcp_scopes_dhcp_change_update
    AFTER UPDATE ON dhcp_scopes REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_scopes_dhcp_change();

CREATE OR REPLACE TRIGGER dhcp_scopes_dhcp_change_delete
    AFTER DELETE ON dhcp_scopes REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_scopes_dhcp_change();

CREATE OR REPLACE TRIGGER dhcp_scopes_dhcp_change_truncate
    BEFORE TRUNCATE ON dhcp_scopes
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_scopes_dhcp_change();

CREATE OR REPLACE FUNCTION dhcp_options_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.number || ': ' || r.value AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r
        ), noted AS (
            SELECT 'dhcpoption' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' DHCP options', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN o.number || ': ' || o.value
                    ELSE n.number || ': ' || n.value END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('scope_id', o.scope_id::text, n.scope_id::text),
                        dhcp_difference('number', o.number::text, n.number::text),
                        dhcp_difference('type', o.type::text, n.type::text),
                        dhcp_difference('value', o.value::text, n.value::text)
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.scope_id, o.number, o.type, o.value)
                IS DISTINCT FROM (n.scope_id, n.number, n.type, n.value))
        ), noted AS (
            SELECT 'dhcpoption' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' DHCP options', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.number || ': ' || r.value AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r
        ), noted AS (
            SELECT 'dhcpoption' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' DHCP options', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all DHCP options', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM dhcp_options);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_options_dhcp_change_insert
    AFTER INSERT ON dhcp_options REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_options_dhcp_change();

CREATE OR REPLACE TRIGGER dhcp_options_dhcp_change_update
    AFTER UPDATE ON dhcp_options REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_options_dhcp_change();

CREATE OR REPLACE TRIGGER dhcp_options_dhcp_change_delete
    AFTER DELETE ON dhcp_options REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_options_dhcp_change();

CREATE OR REPLACE TRIGGER dhcp_options_dhcp_change_truncate
    BEFORE TRUNCATE ON dhcp_options
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_options_dhcp_change();

CREATE OR REPLACE FUNCTION dhcp_servers_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.name AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r
        ), noted AS (
            SELECT 'dhcpserver' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' DHCP servers', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN o.name
                    ELSE n.name END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('name', o.name::text, n.name::text),
                        dhcp_difference('site', o.site::text, n.site::text),
                        dhcp_difference('enabled', initcap(o.enabled::text), initcap(n.enabled::text)),
                        dhcp_difference('run_by', o.run_by::text, n.run_by::text),
                        dhcp_difference('reload', o.reload::text, n.reload::text),
                        dhcp_difference('dns', o.dns::text, n.dns::text)
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.name, o.site, o.enabled, o.run_by, o.reload, o.dns)
                IS DISTINCT FROM (n.name, n.site, n.enabled, n.run_by, n.reload, n.dns))
        ), noted AS (
            SELECT 'dhcpserver' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' DHCP servers', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.name AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r
        ), noted AS (
            SELECT 'dhcpserver' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' DHCP servers', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all DHCP servers', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM dhcp_servers);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_servers_dhcp_change_insert
    AFTER INSERT ON dhcp_servers REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_servers_dhcp_change();

CREATE OR REPLACE TRIGGER dhcp_servers_dhcp_change_update
    AFTER UPDATE ON dhcp_servers REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_servers_dhcp_change();

CREATE OR REPLACE TRIGGER dhcp_servers_dhcp_change_delete
    AFTER DELETE ON dhcp_servers REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_servers_dhcp_change();

CREATE OR REPLACE TRIGGER dhcp_servers_dhcp_change_truncate
    BEFORE TRUNCATE ON dhcp_servers
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION dhcp_servers_dhcp_change();

CREATE OR REPLACE FUNCTION names_zones_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.name AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r
        ), noted AS (
            SELECT 'zone' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' zones', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN o.name
                    ELSE n.name END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('name', o.name::text, n.name::text),
                        dhcp_difference('enabled', initcap(o.enabled::text), initcap(n.enabled::text)),
                        dhcp_difference('ttl', o.ttl::text, n.ttl::text),
                        dhcp_difference('primary_server', o.primary_server::text, n.primary_server::text),
                        dhcp_difference('contact', o.contact::text, n.contact::text),
                        dhcp_difference('refresh', o.refresh::text, n.refresh::text),
                        dhcp_difference('retry', o.retry::text, n.retry::text),
                        dhcp_difference('expire', o.expire::text, n.expire::text),
                        dhcp_difference('negative_ttl', o.negative_ttl::text, n.negative_ttl::text)
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.name, o.enabled, o.ttl, o.primary_server, o.contact, o.refresh, o.retry,
                    o.expire, o.negative_ttl)
                IS DISTINCT FROM (n.name, n.enabled, n.ttl, n.primary_server, n.contact, n.refresh, n.retry,
                    n.expire, n.negative_ttl))
        ), noted AS (
            SELECT 'zone' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' zones', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.name AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r
        ), noted AS (
            SELECT 'zone' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' zones', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all zones', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM names_zones);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER names_zones_dhcp_change_insert
    AFTER INSERT ON names_zones REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_zones_dhcp_change();

CREATE OR REPLACE TRIGGER names_zones_dhcp_change_update
    AFTER UPDATE ON names_zones REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_zones_dhcp_change();

CREATE OR REPLACE TRIGGER names_zones_dhcp_change_delete
    AFTER DELETE ON names_zones REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_zones_dhcp_change();

CREATE OR REPLACE TRIGGER names_zones_dhcp_change_truncate
    BEFORE TRUNCATE ON names_zones
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_zones_dhcp_change();

CREATE OR REPLACE FUNCTION names_records_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.name || ' ' || r.type || ' ' || r.value AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r
        ), noted AS (
            SELECT 'record' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' records', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN o.name || ' ' || o.type || ' ' || o.value
                    ELSE n.name || ' ' || n.type || ' ' || n.value END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('zone_id', o.zone_id::text, n.zone_id::text),
                        dhcp_difference('name', o.name::text, n.name::text),
                        dhcp_difference('type', o.type::text, n.type::text),
                        dhcp_difference('value', o.value::text, n.value::text),
                        dhcp_difference('ttl', o.ttl::text, n.ttl::text)
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.zone_id, o.name, o.type, o.value, o.ttl)
                IS DISTINCT FROM (n.zone_id, n.name, n.type, n.value, n.ttl))
        ), noted AS (
            SELECT 'record' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' records', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                r.name || ' ' || r.type || ' ' || r.value AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r
        ), noted AS (
            SELECT 'record' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' records', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all records', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM names_records);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER names_records_dhcp_change_insert
    AFTER INSERT ON names_records REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_records_dhcp_change();

CREATE OR REPLACE TRIGGER names_records_dhcp_change_update
    AFTER UPDATE ON names_records REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_records_dhcp_change();

CREATE OR REPLACE TRIGGER names_records_dhcp_change_delete
    AFTER DELETE ON names_records REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_records_dhcp_change();

CREATE OR REPLACE TRIGGER names_records_dhcp_change_truncate
    BEFORE TRUNCATE ON names_records
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_records_dhcp_change();

CREATE OR REPLACE FUNCTION names_off_dhcp_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                coalesce(
                    (SELECT rtrim(s.network::text || ' ' || s.name)
                     FROM subnets s WHERE s.id = r.subnet_id),
                    'subnet ' || r.subnet_id) AS label,
                'add' AS action,
                '' AS detail
            FROM new_rows r
        ), noted AS (
            SELECT 'namesoff' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' subnets without names', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS MATERIALIZED (
            SELECT coalesce(n.id, o.id) AS id,
                CASE WHEN n.id IS NULL
                    THEN coalesce(
                    (SELECT rtrim(s.network::text || ' ' || s.name)
                     FROM subnets s WHERE s.id = o.subnet_id),
                    'subnet ' || o.subnet_id)
                    ELSE coalesce(
                    (SELECT rtrim(s.network::text || ' ' || s.name)
                     FROM subnets s WHERE s.id = n.subnet_id),
                    'subnet ' || n.subnet_id) END AS label,
                CASE WHEN o.id IS NULL THEN 'add'
                    WHEN n.id IS NULL THEN 'delete'
                    ELSE 'change' END AS action,
                CASE WHEN o.id IS NULL OR n.id IS NULL THEN ''
                    ELSE concat_ws(
                        ', ',
                        dhcp_difference('subnet_id', o.subnet_id::text, n.subnet_id::text)
                    ) END AS detail
            FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE (o.id IS NULL OR n.id IS NULL
                OR (o.subnet_id)
                IS DISTINCT FROM (n.subnet_id))
        ), noted AS (
            SELECT 'namesoff' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' subnets without names', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSIF TG_OP = 'DELETE' THEN
        WITH changed AS MATERIALIZED (
            SELECT r.id,
                coalesce(
                    (SELECT rtrim(s.network::text || ' ' || s.name)
                     FROM subnets s WHERE s.id = r.subnet_id),
                    'subnet ' || r.subnet_id) AS label,
                'delete' AS action,
                '' AS detail
            FROM old_rows r
        ), noted AS (
            SELECT 'namesoff' AS kind, id, left(label, 255) AS label, action,
                left(detail, 500) AS detail
            FROM changed WHERE (SELECT count(*) FROM changed) <= 100
            UNION ALL
            SELECT 'ledger', NULL, count(*) || ' subnets without names', 'change', ''
            FROM changed HAVING count(*) > 100
        )
        INSERT INTO dhcp_changes (kind, object_id, label, action, detail, who)
        SELECT kind, id, label, action, detail, session_user || ' (SQL)' FROM noted ORDER BY id;
    ELSE
        -- Before a TRUNCATE. A foreign key that is checked at the commit would look for rows that
        -- the same TRUNCATE may have taken away, so it is checked at once.
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO dhcp_changes (kind, label, who)
        SELECT 'ledger', 'all subnets without names', session_user || ' (SQL)'
        WHERE EXISTS (SELECT FROM names_off);
        SET CONSTRAINTS ALL DEFERRED;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER names_off_dhcp_change_insert
    AFTER INSERT ON names_off REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_off_dhcp_change();

CREATE OR REPLACE TRIGGER names_off_dhcp_change_update
    AFTER UPDATE ON names_off REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_off_dhcp_change();

CREATE OR REPLACE TRIGGER names_off_dhcp_change_delete
    AFTER DELETE ON names_off REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_off_dhcp_change();

CREATE OR REPLACE TRIGGER names_off_dhcp_change_truncate
    BEFORE TRUNCATE ON names_off
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION names_off_dhcp_change();
