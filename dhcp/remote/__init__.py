"""A DHCP server whose agent has no access to the database.

    agent's host                                        centre
    agent.py   asks for files, waits ------------------ offer.py    the same pipeline
               writes, reloads, confirms
               says what became of it ----------------- reports.py  generation, change rows
    site.py    looks at its host, leases, log --------- reports.py  evidence

A token (tokens.py) opens these routes for one server, and no other route knows it."""
