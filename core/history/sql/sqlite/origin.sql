-- Where a change comes from, for the triggers that write lines of history: on a connection of the
-- site (core/database/triggers.py) what it told, else somebody's raw SQL. No row while rows are
-- copied with their history.

CREATE VIEW history_origin_now AS
SELECT NULL AS reason, source, actor, change, user_id FROM history_origin
WHERE (SELECT analysis_limit FROM pragma_analysis_limit) = 20261
UNION ALL
SELECT 'SQL', 'sql', 'SQL', NULL, NULL
WHERE (SELECT analysis_limit FROM pragma_analysis_limit) NOT IN (20261, 20262);
