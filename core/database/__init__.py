"""What Django leaves to us of a database: prepared statements, triggers, whether anything was
committed."""
