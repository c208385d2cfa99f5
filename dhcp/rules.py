"""What a scope, an option or a server may not be, said at the field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from dhcp import options
from dhcp.files import reload, scopes, targets

if TYPE_CHECKING:
    from dhcp.models import DhcpOption, DhcpScope, DhcpServer


def check_scope(scope: DhcpScope) -> None:  # noqa: C901
    """Raises ValidationError."""
    network, errors = scope.subnet.network, {}
    if scope.subnet.vrf_id is not None:
        errors["subnet"] = _("DHCP serves the global address space; this subnet stands in a VRF.")
    elif complaint := scopes.complaint_about(network.version, network.prefixlen):
        errors["subnet"] = complaint
    if scope.router is not None and scope.router not in network:
        errors["router"] = _("The router must stand in %s.") % network
    for field in ("dns_servers", "ntp_servers"):
        if any(ip.version != network.version for ip in getattr(scope, field)):
            errors[field] = _("These must be addresses of the subnet's own IP version.")
    if scope.boot_server is not None and scope.boot_server.version != 4:
        errors["boot_server"] = _("Give an IPv4 address.")
    elif scope.boot_server is not None and network.version == 6:
        errors["boot_server"] = _(
            "The boot file of an IPv6 subnet is a URL, which names its server."
        )
    if scope.boot_file and not options.is_boot_file(scope.boot_file, network.version):
        errors["boot_file"] = (
            _("Use a path or URL of letters, digits and . _ ~ : / @ ? & = + % -.")
            if network.version == 4
            else _("Use a URL as in http://[2001:db8::1]/boot.efi.")
        )
    if scope.advertises and network.version == 4:
        errors["advertises"] = _("Only IPv6 routers advertise themselves.")
    if scope.by_end and (network.version == 4 or network.prefixlen != 64):
        errors["by_end"] = _("Only addresses of an IPv6 /64 have an end of their own.")
    errors |= _wire_errors(scope)
    if errors:
        raise ValidationError(errors)


def _wire_errors(scope: DhcpScope) -> dict[str, str]:
    wire, address = scope.wire, scope.wire_address
    if wire is None:
        return {"wire_address": _("Name the subnet whose wire this one shares.")} if address else {}
    if wire.pk == scope.subnet_id:
        return {"wire": _("A subnet has its own wire anyway; leave this empty.")}
    if wire.vrf_id is not None or wire.network.version != scope.subnet.network.version:
        return {"wire": _("Name a subnet of the global address space and of the same IP version.")}
    above = getattr(wire, "dhcp_scope", None)
    if above is not None and above.wire_id is not None:
        return {
            "wire": _("%(wire)s shares a wire itself: name %(above)s.")
            % {"wire": wire, "above": above.wire}
        }
    if address is None and wire.gateway is None:
        return {
            "wire_address": _("%s has no gateway; give dnsmasq's or the relay's address there.")
            % wire
        }
    if address is not None and address not in wire.network:
        return {"wire_address": _("The address must stand in %s.") % wire.network}
    return {}


def check_option(option: DhcpOption) -> None:
    """The number that a name stands for, the kind that the number asks for, the value. Raises
    ValidationError."""
    if not isinstance(option.number, int):
        return  # its field has said so
    scope = getattr(option, "scope", None)
    version = scope.subnet.network.version if scope is not None and scope.subnet_id else 4
    with _at("number"):
        option.number = options.number_of(
            getattr(option.number, "typed", str(option.number)), version
        )
        options.check_number(option.number, version)
    kind = options.kind_of(option.number, version)
    option.type = option.type or kind
    if option.number in options.KNOWN[version] and option.type not in (kind, "bytes"):
        told = {
            "name": options.name_of(option.number, version),
            "kind": dict(option.Type.choices)[kind],
        }
        raise ValidationError(
            {"type": _("The values of %(name)s are of this kind: %(kind)s.") % told}
        )
    with _at("value"):
        options.encode(option.type, option.value, version)


@contextmanager
def _at(field: str) -> Iterator[None]:
    """What is refused in here is said at this field."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise ValidationError({field: str(error)}) from error


def check_server(server: DhcpServer) -> None:
    """Raises ValidationError."""
    errors: dict[str, Any] = {}
    if complaint := targets.complaint_about_name(server.name):
        errors["name"] = complaint
    elif type(server).objects.filter(pk=server.pk).exclude(name=server.name).exists():
        errors["name"] = _(
            "Its dnsmasq reads the directory of its present name. Make another server, and delete this."
        )
    if server.run_by == "agent":
        for field in ("reload", "dns", "leases"):
            if getattr(server, field):
                errors[field] = _("An agent goes by its own host's settings; leave this empty.")
    else:
        errors |= _at_its_place(server)
    if errors:
        raise ValidationError(errors)


def _at_its_place(server: DhcpServer) -> dict[str, Any]:
    """What is wrong with the ways to tell, to ask and to watch a server of this installation."""
    errors: dict[str, Any] = {}
    if server.reload and reload.complaint_about(server.reload):
        errors["reload"] = _("Give none, sudo, generation or pidfile:/PATH.")
    elif not server.reload and not targets.inherited_reload():
        errors["reload"] = _(
            "Say how this dnsmasq is told: IPMANAGER_DNSMASQ_RELOAD tells the default server's."
        )
    if server.leases and not server.leases.startswith("/"):
        errors["leases"] = _("Give a path from the root, as in /var/lib/misc/dnsmasq.leases.")
    try:
        targets.parse_dns(server.dns)
    except ValueError as error:
        errors["dns"] = str(error)
    return errors
