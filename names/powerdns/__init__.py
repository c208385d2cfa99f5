"""PowerDNS on the ledger: SQL functions over our tables, for a hidden primary. PostgreSQL only."""
