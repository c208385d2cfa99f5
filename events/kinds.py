"""Every kind of event: when it happens, what it is about, who may read it, and what its data says.

docs/events.md and the API's description list what stands here; tests compare them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# What the fields of the data mean. A field that has no value is null or missing.
FIELDS = {
    "changed": "the columns that differ, each with its value before and after",
    "status": "available, allocated, reserved or quarantine",
    "was": "the status before",
    "ip_type": "static or dhcp",
    "hostname": "the host name",
    "mac_address": "the MAC address",
    "ip_address": "the IP address",
    "server_id": "the key of the server",
    "vm_id": "the virtual machine that has the address",
    "description": "its description",
    "enabled": "whether DHCP has a reservation for it",
    "device_type": "the device type",
    "location": "where it stands",
    "name": "its name",
    "network": "the network",
    "gateway": "the gateway",
    "vlan_id": "the VLAN",
    "first": "the first address",
    "last": "the last address",
    "kind": "what sort it is of",
    "table": "the table whose row was changed",
    "percent": "how much is in use, 0 to 100",
    "used": "addresses in use",
    "total": "addresses that can be handed out",
    "threshold": "the percentage that was crossed",
    "share": "static or dhcp: which addresses were counted",
    "since": "since when",
    "until": "until when, or when the lease ends",
    "ended": "how it ended",
    "duid": "the DHCP unique identifier of an IPv6 client",
    "source": "by what it was seen",
    "place": "the host and interface where it was seen",
    "offered": "the address that it offers",
    "reason": "why, in words",
    "generation": "the number of the generation",
    "server": "the DHCP server; empty: the one of this installation",
    "host": "the host",
    "detail": "what was seen",
    "environment": "the environment of the registry",
    "service_id": "the identifier of the service",
    "port": "the port",
    "protocol": "tcp or udp",
    "image": "the boot image",
    "expires": "when it ends",
    "owner": "whose it is",
    "check": "the health check",
    "level": "warning or error",
    "hint": "what to do",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event. `model` is what it is about, as in `ipam.ipaddress`; empty: the event
    says it. Who reads it needs `permission`."""

    name: str
    label: str | Promise
    model: str
    fields: tuple[str, ...]
    needs: str = ""  # another permission than to view the model

    @property
    def permission(self) -> str:
        """As in `ipam.view_ipaddress`."""
        return self.needs or view_permission(self.model)

    @property
    def noun(self) -> str:
        """`address` of `address.released`: what a prefix of kinds names."""
        return self.name.partition(".")[0]


def view_permission(label: str) -> str:
    """The permission to view a model, from its label; empty for what is no model."""
    app, _dot, model = label.partition(".")
    return f"{app}.view_{model}" if model else ""


_ADDRESS = ("status", "was", "ip_type", "hostname", "mac_address", "server_id", "vm_id")
_SERVER = ("hostname", "ip_address", "mac_address", "enabled", "device_type", "location")
_INTERFACE = ("name", "server_id", "ip_address", "mac_address", "duid")
_SUBNET = ("network", "name", "description", "gateway", "vlan_id")
_POOL = ("first", "last", "kind")
_USAGE = ("percent", "used", "total", "share", "threshold")
_LEASE = ("ip_address", "mac_address", "duid", "hostname", "server", "until")
_CONFLICT = ("kind", "ip_address", "mac_address", "since")
_ROGUE = ("place", "ip_address", "mac_address", "offered")
_SYNC = ("server", "generation", "reason")
_DNSMASQ = ("server", "host", "detail", "since")
_SERVICE = ("environment", "service_id", "name", "ip_address", "port", "protocol")
_BOOT = ("server_id", "hostname", "image", "reason")
_FINDING = ("check", "level", "reason", "hint", "host")

# Who may see the health checks: what they find names hosts and paths.
HEALTH = "ops.finding"
HEALTH_PERMISSION = "ipam.view_subnet"

_ALL: Iterable[Kind] = (
    Kind("address.allocated", _("Address allocated"), "ipam.ipaddress", _ADDRESS),
    Kind("address.released", _("Address released"), "ipam.ipaddress", _ADDRESS),
    Kind("address.reserved", _("Address reserved"), "ipam.ipaddress", _ADDRESS),
    Kind("address.quarantined", _("Address put into quarantine"), "ipam.ipaddress", _ADDRESS),
    Kind("address.changed", _("Address changed"), "ipam.ipaddress", (*_ADDRESS, "changed")),
    Kind("server.created", _("Server created"), "ipam.server", _SERVER),
    Kind("server.changed", _("Server changed"), "ipam.server", (*_SERVER, "changed")),
    Kind("server.deleted", _("Server deleted"), "ipam.server", _SERVER),
    Kind("interface.created", _("Interface created"), "ipam.interface", _INTERFACE),
    Kind("interface.changed", _("Interface changed"), "ipam.interface", (*_INTERFACE, "changed")),
    Kind("interface.deleted", _("Interface deleted"), "ipam.interface", _INTERFACE),
    Kind("machine.live", _("Machine live"), "ipam.server", ("hostname", "ip_address", "since")),
    Kind("subnet.created", _("Subnet created"), "ipam.subnet", _SUBNET),
    Kind("subnet.changed", _("Subnet changed"), "ipam.subnet", (*_SUBNET, "changed")),
    Kind("subnet.deleted", _("Subnet deleted"), "ipam.subnet", _SUBNET),
    Kind("subnet.above_threshold", _("Subnet fills up"), "ipam.subnet", _USAGE),
    Kind("subnet.below_threshold", _("Subnet has room again"), "ipam.subnet", _USAGE),
    Kind("pool.created", _("Pool created"), "ipam.pool", _POOL),
    Kind("pool.changed", _("Pool changed"), "ipam.pool", (*_POOL, "changed")),
    Kind("pool.deleted", _("Pool deleted"), "ipam.pool", _POOL),
    Kind("pool.above_threshold", _("Pool fills up"), "ipam.pool", _USAGE),
    Kind("pool.below_threshold", _("Pool has room again"), "ipam.pool", _USAGE),
    Kind("lease.started", _("Lease started"), "dhcp.leaseinterval", _LEASE),
    Kind("lease.ended", _("Lease ended"), "dhcp.leaseinterval", (*_LEASE, "ended")),
    Kind(
        "device.unknown",
        _("Unknown device"),
        "discovery.unknowndevice",
        ("mac_address", "ip_address", "hostname", "source"),
    ),
    Kind("conflict.opened", _("Conflict opened"), "discovery.conflict", _CONFLICT),
    Kind("conflict.ended", _("Conflict ended"), "discovery.conflict", _CONFLICT),
    Kind("rogue_dhcp.seen", _("Foreign DHCP server"), "discovery.rogueserver", _ROGUE),
    Kind("rogue_dhcp.gone", _("Foreign DHCP server gone"), "discovery.rogueserver", _ROGUE),
    Kind("sync.failed", _("Sync failed"), "dhcp.dhcpserver", _SYNC),
    Kind("sync.healed", _("Sync works again"), "dhcp.dhcpserver", _SYNC),
    Kind("dnsmasq.down", _("dnsmasq is down"), "dhcp.dhcpserver", _DNSMASQ),
    Kind("dnsmasq.hung", _("dnsmasq does not answer"), "dhcp.dhcpserver", _DNSMASQ),
    Kind("dnsmasq.up", _("dnsmasq is up again"), "dhcp.dhcpserver", _DNSMASQ),
    Kind("service.registered", _("Service registered"), "registry.service", _SERVICE),
    Kind("service.silent", _("Service silent"), "registry.service", (*_SERVICE, "since")),
    Kind("service.back", _("Service back"), "registry.service", _SERVICE),
    Kind("boot.stuck", _("Boot stuck"), "pxe.bootassignment", _BOOT),
    Kind("boot.finished", _("Boot finished"), "pxe.bootassignment", _BOOT),
    Kind("backup.failed", _("Backup failed"), HEALTH, _FINDING, HEALTH_PERMISSION),
    Kind("backup.ok", _("Backup works again"), HEALTH, _FINDING, HEALTH_PERMISSION),
    Kind("certificate.ends_soon", _("Certificate ends"), HEALTH, _FINDING, HEALTH_PERMISSION),
    Kind("certificate.ok", _("Certificate renewed"), HEALTH, _FINDING, HEALTH_PERMISSION),
    Kind(
        "token.expires_soon",
        _("API token expires soon"),
        "ipmanager.token",
        ("name", "owner", "expires"),
    ),
    Kind(
        "security.noted",
        _("Login, token or right"),
        "ipmanager.securityevent",
        ("kind", "name", "source", "host"),
    ),
    Kind("finding.raised", _("Health check failed"), HEALTH, _FINDING, HEALTH_PERMISSION),
    Kind("finding.cleared", _("Health check passes again"), HEALTH, _FINDING, HEALTH_PERMISSION),
    # Rows of every other table that has a history. The columns that changed are named, and their
    # values are left to the log: some of them are secret.
    Kind("record.created", _("Record created"), "", ("table",)),
    Kind("record.changed", _("Record changed"), "", ("table", "changed")),
    Kind("record.deleted", _("Record deleted"), "", ("table",)),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}


def matching(prefix: str) -> list[str]:
    """The kinds that a filter names: one of them, or all of a noun, as in `address`."""
    wanted = prefix.removesuffix("*").removesuffix(".")
    return [kind.name for kind in KINDS.values() if wanted in (kind.name, kind.noun)]
