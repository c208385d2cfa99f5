"""The lines of the log as syslog messages (RFC 5424), for a server that keeps them elsewhere."""
