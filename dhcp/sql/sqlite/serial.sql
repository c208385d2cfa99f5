-- A change that may be one of names raises the serial of all zones, in its own transaction
-- (names/serial.py).

CREATE TRIGGER dhcp_changes_serial AFTER INSERT ON dhcp_changes FOR EACH ROW
WHEN NEW.server_id IS NULL AND EXISTS (SELECT 1 FROM names_zones)
BEGIN
    INSERT INTO names_serial (amount) VALUES (1);
END;
