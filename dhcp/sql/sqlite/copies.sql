-- A new row of dhcp_changes, by whomever: copy it for every enabled DHCP server. A copy has a
-- server, and is not copied again.

CREATE TRIGGER dhcp_changes_copy AFTER INSERT ON dhcp_changes FOR EACH ROW
WHEN NEW.server_id IS NULL
BEGIN
    INSERT INTO dhcp_changes (
        server_id, kind, object_id, label, action, detail, who, at)
    SELECT
        s.id, NEW.kind, NEW.object_id, NEW.label, NEW.action, NEW.detail, NEW.who, NEW.at
    FROM dhcp_servers s WHERE s.enabled;
END;
