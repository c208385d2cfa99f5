"""The client library of IPManager. It needs nothing but Python: a copy of this directory works
anywhere.

    import client

    with client.service("billing", type="api", dependencies=["db"]) as s:      # the registry
        database = client.endpoint("db")
        serve(s.ip, s.port)

    ledger = client.Ledger()                                                   # the ledger
    address = ledger.allocate("10.112.57.0/24", vm_id="srv-1")
    ledger.release(address)
    machine = ledger.up("ci-17", mac_address="02:00:00:00:00:17", subnet="10.112.57.0/24", ttl=7200)
    ledger.down(machine)

Environment variables: IPMANAGER_URL (as in https://ipam.example.org), IPMANAGER_TOKEN or
IPMANAGER_TOKEN_FILE, IPMANAGER_ENVIRONMENT (of the registry; empty: its default). For shells:
`python -m client`."""

from .http import ApiError, NotReached, RegistryError
from .ledger import Address, Ledger, Machine, Server, Subnet
from .registry import Client, Service, endpoint, service, services

__all__ = [
    "Address",
    "ApiError",
    "Client",
    "Ledger",
    "Machine",
    "NotReached",
    "RegistryError",
    "Server",
    "Service",
    "Subnet",
    "endpoint",
    "service",
    "services",
]
