-- Raw SQL on subnets and pools: note the ranges in which address rows have to move, appear or go.
-- The worker catches up with them (ipam/placement/catch_up.py). A row that names nothing means
-- everything: it stands for a statement that touches more than 100 ranges, and for a TRUNCATE.

CREATE OR REPLACE FUNCTION subnets_raw_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH touched AS (
            SELECT vrf_id, network FROM new_rows
        )
        INSERT INTO raw_changes (vrf_id, network)
        SELECT vrf_id, network FROM touched WHERE (SELECT count(*) FROM touched) <= 100
        UNION ALL SELECT NULL, NULL FROM touched HAVING count(*) > 100;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS (
            (SELECT id, vrf_id, network, gateway FROM new_rows
             EXCEPT SELECT id, vrf_id, network, gateway FROM old_rows)
            UNION ALL
            (SELECT id, vrf_id, network, gateway FROM old_rows
             EXCEPT SELECT id, vrf_id, network, gateway FROM new_rows)
        ), touched AS (
            SELECT DISTINCT vrf_id, network FROM changed
        )
        INSERT INTO raw_changes (vrf_id, network)
        SELECT vrf_id, network FROM touched WHERE (SELECT count(*) FROM touched) <= 100
        UNION ALL SELECT NULL, NULL FROM touched HAVING count(*) > 100;
    ELSE
        WITH touched AS (
            SELECT vrf_id, network FROM old_rows
        )
        INSERT INTO raw_changes (vrf_id, network)
        SELECT vrf_id, network FROM touched WHERE (SELECT count(*) FROM touched) <= 100
        UNION ALL SELECT NULL, NULL FROM touched HAVING count(*) > 100;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER subnets_raw_change_insert
    AFTER INSERT ON subnets REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_raw_change();

CREATE OR REPLACE TRIGGER subnets_raw_change_update
    AFTER UPDATE ON subnets REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_raw_change();

CREATE OR REPLACE TRIGGER subnets_raw_change_delete
    AFTER DELETE ON subnets REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION subnets_raw_change();

-- A pool whose subnet goes with it is not found any more; the subnet's own range covers it.
CREATE OR REPLACE FUNCTION pools_raw_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH touched AS (
            SELECT DISTINCT s.vrf_id, p.first, p.last
            FROM new_rows p JOIN subnets s ON s.id = p.subnet_id
        )
        INSERT INTO raw_changes (vrf_id, first, last)
        SELECT vrf_id, first, last FROM touched WHERE (SELECT count(*) FROM touched) <= 100
        UNION ALL SELECT NULL, NULL, NULL FROM touched HAVING count(*) > 100;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH changed AS (
            (SELECT id, subnet_id, first, last, kind FROM new_rows
             EXCEPT SELECT id, subnet_id, first, last, kind FROM old_rows)
            UNION ALL
            (SELECT id, subnet_id, first, last, kind FROM old_rows
             EXCEPT SELECT id, subnet_id, first, last, kind FROM new_rows)
        ), touched AS (
            SELECT DISTINCT s.vrf_id, p.first, p.last
            FROM changed p JOIN subnets s ON s.id = p.subnet_id
        )
        INSERT INTO raw_changes (vrf_id, first, last)
        SELECT vrf_id, first, last FROM touched WHERE (SELECT count(*) FROM touched) <= 100
        UNION ALL SELECT NULL, NULL, NULL FROM touched HAVING count(*) > 100;
    ELSE
        WITH touched AS (
            SELECT DISTINCT s.vrf_id, p.first, p.last
            FROM old_rows p JOIN subnets s ON s.id = p.subnet_id
        )
        INSERT INTO raw_changes (vrf_id, first, last)
        SELECT vrf_id, first, last FROM touched WHERE (SELECT count(*) FROM touched) <= 100
        UNION ALL SELECT NULL, NULL, NULL FROM touched HAVING count(*) > 100;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER pools_raw_change_insert
    AFTER INSERT ON pools REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_raw_change();

CREATE OR REPLACE TRIGGER pools_raw_change_update
    AFTER UPDATE ON pools REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_raw_change();

CREATE OR REPLACE TRIGGER pools_raw_change_delete
    AFTER DELETE ON pools REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION pools_raw_change();

-- TRUNCATE has no transition tables, and its triggers run before it. A foreign key that is checked
-- at the commit would look for rows that the same TRUNCATE may have taken away, so it is checked
-- at once.
CREATE OR REPLACE FUNCTION everything_raw_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO raw_changes DEFAULT VALUES;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER subnets_raw_change_truncate
    BEFORE TRUNCATE ON subnets
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION everything_raw_change();

CREATE OR REPLACE TRIGGER pools_raw_change_truncate
    BEFORE TRUNCATE ON pools
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION everything_raw_change();

CREATE OR REPLACE TRIGGER hosts_raw_change_truncate
    BEFORE TRUNCATE ON hosts
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION everything_raw_change();

CREATE OR REPLACE TRIGGER interfaces_raw_change_truncate
    BEFORE TRUNCATE ON interfaces
    FOR EACH STATEMENT WHEN (current_setting('ipmanager.writer', true) IS DISTINCT FROM 'site')
    EXECUTE FUNCTION everything_raw_change();
