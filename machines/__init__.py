"""A machine in one call: server, address, boot image and service ports, made and taken back
together."""
