"""Security events: logins, tokens, rights, refused access. Lines of the log, like histories."""
