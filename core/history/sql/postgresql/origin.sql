-- Where a change comes from, for the triggers that write lines of history: what the site told with
-- its statement (core/history/writer.py), else the login role, whatever SET ROLE says, in a form
-- that cannot be mistaken for a user of the site. No row while rows are copied with their history.

CREATE OR REPLACE FUNCTION history_origin()
RETURNS TABLE (reason text, source text, actor text, change text, user_id integer)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    told json := nullif(current_setting('ipmanager.origin', true), '');
BEGIN
    IF current_setting('ipmanager.writer', true) = 'copy' THEN
        RETURN;
    ELSIF told IS NULL THEN
        RETURN QUERY SELECT session_user || ' (SQL)', 'sql', session_user::text,
            'tx-' || pg_current_xact_id(), NULL::integer;
    ELSE
        RETURN QUERY SELECT NULL::text, told ->> 'source', told ->> 'actor',
            told ->> 'change', (told ->> 'user')::integer;
    END IF;
END
$$;
