-- What the site's own statements call. Installed after every migrate, and never removed before one:
-- requests of another process may be calling it.

-- The timeline that this server writes: another one after each failover to a standby and each
-- recovery to a point in time; NULL while it is a standby itself. VOLATILE, as what it calls, so
-- that the planner puts it in line.
CREATE OR REPLACE FUNCTION ledger_timeline() RETURNS integer LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN NOT pg_is_in_recovery()
        THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END
$$;
