-- Where the change that the site makes now comes from: one row, written in the transaction of the
-- change (core/history/writer.py).

CREATE TABLE IF NOT EXISTS history_origin (
    id integer PRIMARY KEY CHECK (id = 1),
    source text, actor text, change text, user_id integer
);
