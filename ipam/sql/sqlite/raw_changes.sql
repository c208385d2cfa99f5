-- Raw SQL on subnets and pools: note the ranges in which address rows have to move, appear or go.
-- The worker catches up with them (ipam/placement/catch_up.py). A row that names nothing means
-- everything: it is the 101st of those that wait, and no further one is written.

CREATE TRIGGER subnets_raw_change_insert AFTER INSERT ON subnets FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO raw_changes (vrf_id, network)
    SELECT NEW.vrf_id, NEW.network
    WHERE (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE (SELECT count(*) FROM raw_changes) = 100;
END;

CREATE TRIGGER subnets_raw_change_update AFTER UPDATE ON subnets FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.vrf_id IS NOT NEW.vrf_id
        OR OLD.network IS NOT NEW.network
        OR OLD.gateway IS NOT NEW.gateway)
BEGIN
    INSERT INTO raw_changes (vrf_id, network)
    SELECT OLD.vrf_id, OLD.network
    WHERE (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE (SELECT count(*) FROM raw_changes) = 100;
    INSERT INTO raw_changes (vrf_id, network)
    SELECT NEW.vrf_id, NEW.network
    WHERE (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE (SELECT count(*) FROM raw_changes) = 100;
END;

CREATE TRIGGER subnets_raw_change_delete AFTER DELETE ON subnets FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO raw_changes (vrf_id, network)
    SELECT OLD.vrf_id, OLD.network
    WHERE (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE (SELECT count(*) FROM raw_changes) = 100;
END;

CREATE TRIGGER pools_raw_change_insert AFTER INSERT ON pools FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO raw_changes (vrf_id, first, last)
    SELECT s.vrf_id, NEW.first, NEW.last
    FROM subnets s WHERE s.id = NEW.subnet_id AND (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    FROM subnets s WHERE s.id = NEW.subnet_id AND (SELECT count(*) FROM raw_changes) = 100;
END;

CREATE TRIGGER pools_raw_change_update AFTER UPDATE ON pools FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
    AND (OLD.subnet_id IS NOT NEW.subnet_id
        OR OLD.first IS NOT NEW.first
        OR OLD.last IS NOT NEW.last
        OR OLD.kind IS NOT NEW.kind)
BEGIN
    INSERT INTO raw_changes (vrf_id, first, last)
    SELECT s.vrf_id, OLD.first, OLD.last
    FROM subnets s WHERE s.id = OLD.subnet_id AND (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    FROM subnets s WHERE s.id = OLD.subnet_id AND (SELECT count(*) FROM raw_changes) = 100;
    INSERT INTO raw_changes (vrf_id, first, last)
    SELECT s.vrf_id, NEW.first, NEW.last
    FROM subnets s WHERE s.id = NEW.subnet_id AND (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    FROM subnets s WHERE s.id = NEW.subnet_id AND (SELECT count(*) FROM raw_changes) = 100;
END;

CREATE TRIGGER pools_raw_change_delete AFTER DELETE ON pools FOR EACH ROW
WHEN (SELECT analysis_limit FROM pragma_analysis_limit) <> 20261
BEGIN
    INSERT INTO raw_changes (vrf_id, first, last)
    SELECT s.vrf_id, OLD.first, OLD.last
    FROM subnets s WHERE s.id = OLD.subnet_id AND (SELECT count(*) FROM raw_changes) < 100;
    INSERT INTO raw_changes (at)
    SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')
    FROM subnets s WHERE s.id = OLD.subnet_id AND (SELECT count(*) FROM raw_changes) = 100;
END;
