-- A change that may be one of names raises the serial of all zones, in its own transaction: a row of
-- names_serial, so that no commit waits for another (names/serial.py).

CREATE OR REPLACE FUNCTION dhcp_changes_serial() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO names_serial (amount)
    SELECT 1
    WHERE EXISTS (SELECT FROM new_rows WHERE server_id IS NULL)
        AND EXISTS (SELECT FROM names_zones);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_changes_serial
    AFTER INSERT ON dhcp_changes REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION dhcp_changes_serial();
