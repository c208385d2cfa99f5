-- A new row of dhcp_changes, by whomever: copy it for every enabled DHCP server, and notify the
-- listeners. They receive the notification when the transaction commits, and none when it does not.

CREATE OR REPLACE FUNCTION dhcp_changes_notify() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- The copies fire this trigger, too; they have a server, and are not copied again.
    IF EXISTS (SELECT FROM new_rows WHERE server_id IS NULL) THEN
        INSERT INTO dhcp_changes (
            server_id, kind, object_id, label, action, detail, who, at)
        SELECT
            s.id, n.kind, n.object_id, n.label, n.action, n.detail, n.who, n.at
        FROM new_rows n CROSS JOIN dhcp_servers s
        WHERE n.server_id IS NULL AND s.enabled
        ORDER BY n.id;
    END IF;
    PERFORM pg_notify('dhcp_changes', '');
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dhcp_changes_notify
    AFTER INSERT ON dhcp_changes REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION dhcp_changes_notify();
