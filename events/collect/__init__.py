"""Make events of what is committed.

A history line is written in the transaction of its change, by raw SQL, too: the history tables are
the outbox. The collector reads each of them on from a cursor and writes the events in the
transaction that moves the cursor, so nothing is lost and nothing comes twice, whenever it is
killed. One collector at a time works: it holds the lock of `lock.py` in each of its transactions,
so events become visible in the order of their numbers."""
