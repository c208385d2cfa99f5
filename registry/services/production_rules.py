"""The rules of production environments: configuration decides, and a service cannot change it by
what it registers."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid, IPManagerError
from registry.models import RegistryConfig, Service
from registry.services.ports import Search, as_text, is_within, spans
from registry.services.registration import Registration


def check(config: RegistryConfig, registration: Registration, known: Service | None) -> None:
    """Raise Conflict or Invalid for values that only an administrator may set in production.

    A registration may repeat what an administrator has set."""
    new = registration.changes(known)
    if new.get("pinned"):
        raise _refusal(_("pin a service to a port"))
    if "restart_script_id" in new:
        raise Invalid(
            _("In production a service cannot choose its restart action."),
            _("An administrator sets it on the service's page in the admin."),
        )
    if "range_first" in new or "range_last" in new:
        raise _refusal(_("give a service its own port range"))
    if "preferred_port" in new:
        _check_port(config, registration, known)


def _check_port(config: RegistryConfig, registration: Registration, known: Service | None) -> None:
    """The preferred port is the one that the service has, or one of its type's ranges."""
    port, kind = registration.preferred_port or 0, registration.type
    if known:
        if known.port == port:
            return
        kind = kind or known.type
    kind = kind or "generic"
    search = Search(config, kind, registration.protocol or "tcp", config.service_ip_base)
    ranges = list(spans(search))
    if any(is_within(span, port) for span in ranges):
        return
    text = _("In production “%(type)s” has the ports %(ranges)s.")
    raise Conflict(
        text % {"type": kind, "ranges": as_text(ranges)},
        _("Choose one of them, or ask an administrator to pin the service to its port."),
    )


def _refusal(what: str) -> IPManagerError:
    return Conflict(
        _("In production only an administrator may %s.") % what,
        _("Create the service in the admin first."),
    )
