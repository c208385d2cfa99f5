"""The porter's book: services register, get an address and a port, give signs of life, and find
each other.

register -> port under its lock -> row;  heartbeat -> one UPDATE;  silence -> inactive -> grace ->
the port is free"""
