"""What may not be in the porter's book, said at the field, with the holder's name.

All of them raise ValidationError. They only read; `Service.save` runs them under the port's lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import Clash
from ipam.addresses import Address

if TYPE_CHECKING:
    from registry.models import RegistryConfig, RestartAction, Service

MOST_RESERVED = 1000
LONGEST_INFO = 16 * 1024  # bytes of JSON
LONGEST_ARGV = 50


def check_config(config: RegistryConfig) -> None:
    errors: dict[str, Any] = {}
    ports = config.reserved_ports
    if not isinstance(ports, list) or not all(map(is_port, ports)) or len(ports) > MOST_RESERVED:
        errors["reserved_ports"] = _("Give a list of at most %d ports, 1 to 65535.") % MOST_RESERVED
    if config.subnet is not None and config.subnet.vrf_id is not None:
        errors["subnet"] = _(
            "Services get addresses of the global address space; this subnet stands in a VRF."
        )
    if errors:
        raise ValidationError(errors)


def is_port(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


def check_action(action: RestartAction) -> None:
    argv = action.argv
    fits = isinstance(argv, list) and len(argv) <= LONGEST_ARGV
    if not fits or not all(
        isinstance(word, str) and "\0" not in word and len(word) <= 4096 for word in argv
    ):
        raise ValidationError(
            {"argv": _("Give a list of words: the program, then each of its arguments.")}
        )
    if argv and not argv[0].strip():
        raise ValidationError({"argv": _("The first word is the program.")})


def check_service(service: Service) -> None:
    """What the constraints of its table say, and who is in the way."""
    if (
        not isinstance(service.additional_info, dict)
        or len(str(service.additional_info)) > LONGEST_INFO
    ):
        raise ValidationError(
            {"additional_info": _("Give an object of at most %d KiB.") % (LONGEST_INFO // 1024)}
        )
    first, last = service.range_first, service.range_last
    if (first is None) != (last is None) or (first and last and first > last):
        raise ValidationError({"range_first": _("A port range runs upwards, from 1 to 65535.")})
    if (service.ip_address is None) != (service.port is None):
        raise ValidationError({"port": _("An address and a port come together.")})
    if service.environment_id and service.service_id:
        check_twin(service)
    if service.ip_address and is_port(service.port):
        check_port(service, service.ip_address)


def check_twin(service: Service) -> None:
    from registry.models import Service

    twins = (
        Service.objects.of(service.environment_id)
        .filter(service_id=service.service_id)
        .exclude(pk=service.pk)
    )
    if twins.exists():
        raise ValidationError(
            {
                "service_id": ValidationError(
                    Clash(_("%s is registered already.") % service), code="unique"
                )
            }
        )


def check_port(service: Service, ip: Address) -> None:
    """Raises ValidationError with code `port_taken` at the field."""
    from registry.models import Service

    in_the_way = Service.objects.in_the_way(service.protocol, ip, service.port).exclude(
        pk=service.pk
    )
    if holder := in_the_way.first():
        message = _("Port %(port)s/%(protocol)s at %(address)s is taken by %(holder)s.") % {
            "port": service.port,
            "protocol": service.protocol,
            "address": holder.ip_address,
            "holder": holder,
        }
        raise ValidationError({"port": ValidationError(Clash(message), code="port_taken")})
