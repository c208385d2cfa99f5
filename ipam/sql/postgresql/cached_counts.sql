-- ipam/sql/cached_counts.py: the sequence ledger_moment moves with every statement that writes
-- address rows, subnets or pools, whoever sends it.

-- Without a search path of its own, because setting one takes longer than the function runs; so
-- every name in it is qualified.
CREATE OR REPLACE FUNCTION ledger_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_catalog.nextval(
        pg_catalog.format('%I.ledger_moment', TG_TABLE_SCHEMA)::pg_catalog.regclass);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER ip_addresses_moved
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ip_addresses
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_moved();

CREATE OR REPLACE TRIGGER subnets_moved
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON subnets
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_moved();

CREATE OR REPLACE TRIGGER pools_moved
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pools
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_moved();
