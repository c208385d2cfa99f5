"""What the tests of undo share: changes with names, and the ledger as it looks to people."""

from contextlib import contextmanager
from itertools import count

from core.history import origin
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet

DECIDED = {
    VRF: ("id", "name", "rd", "description"),
    Subnet: (
        *("id", "vrf_id", "network", "name", "description", "gateway"),
        *("vlan_id", "dns_servers", "domain", "site"),
    ),
    Pool: ("id", "subnet_id", "first", "last", "kind"),
    Server: (
        *("id", "vrf_id", "hostname", "ip_address", "mac_address", "description"),
        *("device_type", "manufacturer", "location", "lan_port", "enabled", "when_disabled"),
    ),
    Interface: ("id", "server_id", "name", "mac_address", "duid", "ip_address"),
    IPAddress: (
        *("vrf_id", "subnet_id", "ip_address", "status", "ip_type", "server_id", "hostname"),
        *("mac_address", "platform", "manufacturer", "description", "reservation", "vm_id"),
    ),
}
_numbers = count(1)


@contextmanager
def change(name=""):
    """What is written within is one change; its id."""
    with origin.acting("api", name or f"change {next(_numbers)}"):
        yield origin.current().change


def do(work, *args, **values):
    """Do it as one change; its id."""
    with change() as made:
        work(*args, **values)
    return made


def ledger():
    """Every row as people know it, without the clocks."""
    found = {}
    for model, columns in DECIDED.items():
        rows = model._base_manager.order_by(*columns[:1]).values(*columns)
        found[model._meta.db_table] = sorted(rows, key=repr)
    return found
