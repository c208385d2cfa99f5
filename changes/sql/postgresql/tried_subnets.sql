-- changes/plans/trial.py: the subnets as a table of this transaction alone, which stands in front
-- of the true one. Whoever writes to the true one makes every writer wait, because the lock of the
-- ledger is a lock of that table. New rows get the keys that they would get there.
SET LOCAL lock_timeout = '500ms';
CREATE TEMPORARY TABLE tried_subnets (LIKE subnets INCLUDING ALL) ON COMMIT DROP;
INSERT INTO tried_subnets OVERRIDING SYSTEM VALUE SELECT * FROM subnets;
SELECT setval(pg_get_serial_sequence('tried_subnets', 'id'), coalesce(last, 1), last IS NOT NULL)
FROM pg_sequence_last_value(pg_get_serial_sequence('subnets', 'id')::regclass) AS last;
ALTER TABLE tried_subnets RENAME TO subnets;
