"""The service registry: services register, get an address and a port, send heartbeats, and find
each other.

register -> port chosen under its lock -> row; heartbeat -> one UPDATE; silence -> inactive ->
grace period -> the port is free"""
