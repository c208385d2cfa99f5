"""Production: what a service gets stands in the configuration. What a service says of itself cannot
change that."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid, IPManagerError
from registry.models import RegistryConfig, Service
from registry.services.ports import Search, is_within, spans
from registry.services.registration import Wish


def check(config: RegistryConfig, wish: Wish, known: Service | None) -> None:
    """Raises Conflict or Invalid for what only an administrator may decide there. What he has
    decided already may be repeated."""
    said = wish.facts()
    new = {
        field for field, value in said.items() if known is None or getattr(known, field) != value
    }
    if "pinned" in new and wish.pinned:
        raise _refusal(_("pin a service to a port"))
    if "restart_script_id" in new:
        raise Invalid(
            _("In production a service cannot choose its restart action."),
            _("An administrator sets it at the service, in the admin."),
        )
    if {"range_first", "range_last"} & new:
        raise _refusal(_("give a service a range of its own"))
    if (
        "preferred_port" in new
        and wish.preferred_port
        and not (known and known.port == wish.preferred_port)
    ):
        _check_port(config, wish, known)


def _check_port(config: RegistryConfig, wish: Wish, known: Service | None) -> None:
    kind = wish.type or (known.type if known else "generic")
    search = Search(config, kind, wish.protocol or "tcp", config.service_ip_base)
    if not any(is_within(span, wish.preferred_port or 0) for span in spans(search)):
        ranges = ", ".join(f"{first}-{last}" for first, last in spans(search))
        raise Conflict(
            _("In production “%(type)s” has the ports %(ranges)s.")
            % {"type": kind, "ranges": ranges},
            _("Choose one of them, or let an administrator pin the service to its port."),
        )


def _refusal(what: str) -> IPManagerError:
    return Conflict(
        _("In production only an administrator may %s.") % what,
        _("Register it in the admin first."),
    )
