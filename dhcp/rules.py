"""What a scope, an option or a server may not be; each error names its field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Reason
from dhcp import options
from dhcp.daemon import reload
from dhcp.files import scopes, targets, wires

if TYPE_CHECKING:
    from dhcp.models import DhcpOption, DhcpScope, DhcpServer

Errors = dict[str, Any]  # by the field's name
_LEASES = re.compile(r"(/.*)?", re.DOTALL)
_LOG = re.compile(r"(journal|journal:/.+|/.+)?")


# --- scopes -------------------------------------------------------------------------------------


def check_scope(scope: DhcpScope) -> None:
    """Raises ValidationError."""
    errors: Errors = {}
    errors |= _subnet_errors(scope)
    errors |= _server_address_errors(scope)
    errors |= _boot_errors(scope)
    errors |= _ipv6_errors(scope)
    errors |= _wire_errors(scope)
    errors = errors or _interface_errors(scope)
    if errors:
        raise ValidationError({name: Reason(text) for name, text in errors.items()})


def _subnet_errors(scope: DhcpScope) -> Errors:
    network = scope.subnet.network
    if scope.subnet.vrf_id is not None:
        text = _("This subnet is in a VRF. DHCP serves the global address space only.")
        return {"subnet": text}
    if complaint := scopes.complaint_about(network.version, network.prefixlen):
        return {"subnet": complaint}
    return {}


def _server_address_errors(scope: DhcpScope) -> Errors:
    """The router must be in the subnet; DNS and NTP servers may be anywhere."""
    errors: Errors = {}
    network = scope.subnet.network
    if scope.router is not None and scope.router not in network:
        errors["router"] = _("The router must be in %s.") % network
    for field in ("dns_servers", "ntp_servers"):
        versions = set(map(attrgetter("version"), getattr(scope, field)))
        if versions - {network.version}:
            errors[field] = _("Enter addresses of the subnet's IP version.")
    return errors


def _boot_errors(scope: DhcpScope) -> Errors:
    errors: Errors = {}
    version = scope.subnet.network.version
    if scope.boot_server is not None:
        if scope.boot_server.version != 4:
            errors["boot_server"] = _("Enter an IPv4 address.")
        elif version == 6:
            text = _("Leave this empty: the boot file of an IPv6 subnet is a URL with its server.")
            errors["boot_server"] = text
    if scope.boot_file and not options.is_boot_file(scope.boot_file, version):
        errors["boot_file"] = _BOOT_FILE_SYNTAX[version]
    return errors


_BOOT_FILE_SYNTAX = {
    4: gettext_lazy("Use a path or URL of letters, digits and . _ ~ : / @ ? & = + % -."),
    6: gettext_lazy("Use a URL as in http://[2001:db8::1]/boot.efi."),
}


def _ipv6_errors(scope: DhcpScope) -> Errors:
    errors: Errors = {}
    network = scope.subnet.network
    if scope.advertises and network.version == 4:
        errors["advertises"] = _("Router advertisements exist for IPv6 only.")
    if scope.by_end and (network.version, network.prefixlen) != (6, 64):
        errors["by_end"] = _("This is possible for an IPv6 /64 only.")
    return errors


def _wire_errors(scope: DhcpScope) -> Errors:
    if scope.wire is None:
        if scope.wire_address is None:
            return {}
        return {"wire_address": _("Specify the subnet whose wire this one shares.")}
    if complaint := _wire_complaint(scope):
        return {"wire": complaint}
    if complaint := _wire_address_complaint(scope):
        return {"wire_address": complaint}
    return {}


def _wire_complaint(scope: DhcpScope) -> str:
    wire = scope.wire
    assert wire is not None
    if wire.pk == scope.subnet_id:
        return _("Leave this empty: a subnet is always on its own wire.")
    if wire.vrf_id is not None or wire.network.version != scope.subnet.network.version:
        return _("Specify a subnet of the global address space and of the same IP version.")
    scope_there = getattr(wire, "dhcp_scope", None)
    if scope_there is not None and scope_there.wire_id is not None:
        text = _("%(wire)s itself shares the wire of %(other)s. Specify that one.")
        return Reason(text % {"wire": wire, "other": scope_there.wire}, wire, scope_there.wire)
    return ""


def _wire_address_complaint(scope: DhcpScope) -> str:
    wire, address = scope.wire, scope.wire_address
    assert wire is not None
    if address is None:
        if wire.gateway is None:
            text = _("%s has no gateway. Enter the address of dnsmasq or of the relay there.")
            return Reason(text % wire, wire)
    elif address not in wire.network:
        return Reason(_("The address must be in %s.") % wire.network, wire)
    return ""


def _interface_errors(scope: DhcpScope) -> Errors:
    if scope.interface and not wires.is_interface(scope.interface):
        text = _("Enter the name of an interface, as in eth1 or br0.12, or * for all of them.")
        return {"interface": text}
    if not scope.enabled or not (scope.wire_id or _is_any_wire_shared(scope)):
        return {}
    return _unknown_interface(scope)


def _is_any_wire_shared(scope: DhcpScope) -> bool:
    return type(scope).objects.filter(wire__isnull=False).exists()


def _unknown_interface(scope: DhcpScope) -> Errors:
    """dnsmasq would give a shared wire's subnet out on its other wires, too."""
    others = _others_of_its_server(scope)
    unknown = wires.unknown([*others, scope])
    if scope in unknown:
        text = _(
            "This dnsmasq has other wires. Enter the interface of its host on the wire of %s; "
            "without it the subnet would be given out on all of them."
        )
        return {"interface": Reason(text % scope.wire, scope.wire)}
    if unknown and not wires.unknown(others):
        text = _(
            "%s shares a wire whose interface is not known, and this subnet would be on another "
            "one. Enter the interface there first."
        )
        return {"subnet": Reason(text % unknown[0].subnet, unknown[0].subnet)}
    return {}


def _others_of_its_server(scope: DhcpScope) -> list[DhcpScope]:
    from dhcp.servers import ServerSelector

    selector = ServerSelector.load()
    own = scope.server_id or selector.by_site.get(scope.subnet.site)
    rows = type(scope).objects.on_wires().exclude(pk=scope.pk)
    return [row for row in rows if selector.server_id_for(row.subnet) == own]


# --- options ------------------------------------------------------------------------------------


def check_option(option: DhcpOption) -> None:
    """Replace an option's name by its number and fill in its kind; check both and the value.
    Raises ValidationError."""
    if not isinstance(option.number, int):
        return  # its field has reported that
    version = _ip_version(option)
    with _error_of_field("number"):
        typed = getattr(option.number, "typed", str(option.number))
        option.number = options.number_of(typed, version)
        options.check_number(option.number, version)
    kind = options.kind_of(option.number, version)
    option.type = option.type or kind
    if option.number in options.KNOWN[version] and option.type not in (kind, "bytes"):
        text = _("The values of %(name)s are of this kind: %(kind)s.") % {
            "name": options.name_of(option.number, version),
            "kind": dict(option.Type.choices)[kind],
        }
        raise ValidationError({"type": Reason(text)})
    with _error_of_field("value"):
        options.encode(option.type, option.value, version)


def _ip_version(option: DhcpOption) -> int:
    """That of the option's subnet; 4 while it has none."""
    scope = getattr(option, "scope", None)
    if scope is None or not scope.subnet_id:
        return 4
    return scope.subnet.network.version


@contextmanager
def _error_of_field(field: str) -> Iterator[None]:
    """Turn an error in the block into a ValidationError of this field."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise ValidationError({field: Reason(error)}) from error


# --- servers ------------------------------------------------------------------------------------


def check_server(server: DhcpServer) -> None:
    """Raises ValidationError."""
    errors = _name_errors(server)
    if server.run_by == "agent":
        errors |= _agent_errors(server)
    else:
        errors |= _local_errors(server)
    if errors:
        raise ValidationError(errors)


def _name_errors(server: DhcpServer) -> Errors:
    if complaint := targets.complaint_about_name(server.name):
        return {"name": complaint}
    same_row = type(server).objects.filter(pk=server.pk)
    if same_row.exclude(name=server.name).exists():
        text = _(
            "dnsmasq reads the directory of the present name. "
            "Create another DHCP server, and delete this one."
        )
        return {"name": text}
    return {}


def _agent_errors(server: DhcpServer) -> Errors:
    """An agent uses the settings of its own host."""
    filled = filter(partial(getattr, server), ("reload", "dns", "leases", "log"))
    return dict.fromkeys(filled, _("Leave this empty: an agent uses the settings of its host."))


def _local_errors(server: DhcpServer) -> Errors:
    errors: Errors = {}
    if server.reload:
        if reload.complaint_about(server.reload):
            errors["reload"] = _("Enter none, sudo, generation or pidfile:/PATH.")
    elif not targets.inherited_reload():
        errors["reload"] = _(
            "Specify how this dnsmasq is reloaded: "
            "IPMANAGER_DNSMASQ_RELOAD is that of the default server."
        )
    if not _LEASES.fullmatch(server.leases):
        errors["leases"] = _("Enter an absolute path, as in /var/lib/misc/dnsmasq.leases.")
    if not _LOG.fullmatch(server.log):
        errors["log"] = _("Enter an absolute path, journal, or journal:/DIRECTORY.")
    try:
        targets.parse_dns(server.dns)
    except ValueError as error:
        errors["dns"] = str(error)
    return errors
