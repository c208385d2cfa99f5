"""The rules of the registry. Each raises ValidationError at the field and names the holder.

They only read; `Service.save` runs them under the port's lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Clash
from ipam.addresses import Address

if TYPE_CHECKING:
    from registry.models import RegistryConfig, RestartAction, Service, Simulation

MOST_RESERVED = 1000
LONGEST_INFO = 16 * 1024  # bytes of JSON
LONGEST_ARGV = 50
LONGEST_WORD = 4096
# A field, whether the row keeps the rule, the error at the field if not, and its values.
Rule = tuple[str, Callable[[Any], bool], Any, tuple[int, ...]]


def check_config(config: RegistryConfig) -> None:
    """Reserved ports are ports; the subnet is in the global address space."""
    errors = {
        field: text % values for field, holds, text, values in _CONFIG_RULES if not holds(config)
    }
    if errors:
        raise ValidationError(errors)


def check_simulation(simulation: Simulation) -> None:
    """Only the answers of a test environment may be slowed down or fail on purpose."""
    config = simulation.config
    if config.mode != config.Mode.TEST:
        text = _("“%(environment)s” is a %(mode)s environment; only a test environment simulates.")
        values = {"environment": config.environment, "mode": config.get_mode_display()}
        raise ValidationError(text % values)


def check_action(action: RestartAction) -> None:
    """The command is a list of words, starting with the program."""
    _check_in_order(action, _ACTION_RULES)


def check_service(service: Service) -> None:
    """The rules behind the table's constraints, with the name of a conflicting service."""
    _check_in_order(service, _SERVICE_RULES)
    check_unique(service)
    if service.ip_address and is_port(service.port):
        check_port(service, service.ip_address)


def check_unique(service: Service) -> None:
    """An id is registered once in an environment."""
    from registry.models import Service

    others = Service.objects.of(service.environment_id).filter(service_id=service.service_id)
    if others.exclude(pk=service.pk).exists():
        problem = Clash(_("%s is already registered.") % service)
        raise ValidationError({"service_id": ValidationError(problem, code="unique")})


def check_port(service: Service, ip: Address) -> None:
    """A port has one service. The error has the code `port_taken`."""
    from registry.models import Service

    others = Service.objects.conflicting(service.protocol, ip, service.port)
    holder = others.exclude(pk=service.pk).first()
    if holder:
        message = _("Port %(port)s/%(protocol)s at %(address)s is taken by %(holder)s.") % {
            "port": service.port,
            "protocol": service.protocol,
            "address": holder.ip_address,
            "holder": holder,
        }
        raise ValidationError({"port": ValidationError(Clash(message), code="port_taken")})


def is_port(value: object) -> bool:
    """Whether it is a port number; JSON's true is not 1."""
    return type(value) is int and 1 <= value <= 65535


def _check_in_order(row: object, rules: Sequence[Rule]) -> None:
    """Raise ValidationError for the first rule that the row breaks; each relies on those before."""
    for field, holds, text, values in rules:
        if not holds(row):
            raise ValidationError({field: text % values})


def _simulates_in_test_only(config: RegistryConfig) -> bool:
    if config.mode == config.Mode.TEST or not config.pk:
        return True
    return not config.simulations.exists()


def _has_global_subnet(config: RegistryConfig) -> bool:
    return config.subnet is None or config.subnet.vrf_id is None


def _has_small_info(service: Service) -> bool:
    info = service.additional_info
    return isinstance(info, dict) and len(str(info)) <= LONGEST_INFO


def _is_span(first: int | None, last: int | None) -> bool:
    if first is None or last is None:
        return first is last
    return first <= last


def _is_word(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value and len(value) <= LONGEST_WORD


def _is_list(value: object, is_fit: Callable[[object], bool], longest: int) -> bool:
    return isinstance(value, list) and len(value) <= longest and all(map(is_fit, value))


_CONFIG_RULES: tuple[Rule, ...] = (
    (
        "reserved_ports",
        lambda config: _is_list(config.reserved_ports, is_port, MOST_RESERVED),
        gettext_lazy("Enter a list of at most %d ports, 1 to 65535."),
        (MOST_RESERVED,),
    ),
    (
        "subnet",
        _has_global_subnet,
        gettext_lazy(
            "This subnet is in a VRF. Services get addresses of the global address space only."
        ),
        (),
    ),
    (
        "mode",
        _simulates_in_test_only,
        gettext_lazy("Only a test environment simulates. Delete the simulations first."),
        (),
    ),
)
_ACTION_RULES: tuple[Rule, ...] = (
    (
        "argv",
        lambda action: _is_list(action.argv, _is_word, LONGEST_ARGV),
        gettext_lazy("Enter a list of words: the program, then each of its arguments."),
        (),
    ),
    (
        "argv",
        lambda action: all(map(str.strip, action.argv[:1])),
        gettext_lazy("The first word must be the program."),
        (),
    ),
)
_SERVICE_RULES: tuple[Rule, ...] = (
    (
        "additional_info",
        _has_small_info,
        gettext_lazy("Enter an object of at most %d KiB."),
        (LONGEST_INFO // 1024,),
    ),
    (
        "range_first",
        lambda service: _is_span(service.range_first, service.range_last),
        gettext_lazy("A port range runs upwards, from 1 to 65535."),
        (),
    ),
    (
        "port",
        lambda service: (service.ip_address is None) == (service.port is None),
        gettext_lazy("An address and a port come together."),
        (),
    ),
)
