"""What a scope or an option may not be, said at the field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from dhcp import options, scopes

if TYPE_CHECKING:
    from dhcp.models import DhcpOption, DhcpScope


def check_scope(scope: DhcpScope) -> None:
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
    if scope.boot_file and not options.is_boot_file(scope.boot_file):
        errors["boot_file"] = _("Use a path or URL of letters, digits and . _ ~ : / @ ? & = + % -.")
    if errors:
        raise ValidationError(errors)


def check_option(option: DhcpOption) -> None:
    """Raises ValidationError."""
    for field, check in (
        ("number", lambda: options.check_number(option.number)),
        ("value", lambda: options.encode(option.type, option.value)),
    ):
        try:
            check()
        except (ValueError, TypeError, KeyError) as error:
            raise ValidationError({field: str(error)}) from error
