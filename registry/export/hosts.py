"""A hosts file for dnsmasq's `addn-hosts`, reloaded by SIGHUP: names of services and groups."""

from django.utils.translation import gettext_lazy as _

from registry.export.format import TEXT, Format, Options
from registry.export.validate import Entry, ValidServices, reachable


def write(services: ValidServices, options: Options) -> str:
    """`10.0.0.5 billing-1.production.internal billing.production.internal`; active services
    only."""
    return "".join(_line(entry, options.domain) for entry in services.entries if entry.active)


def _line(entry: Entry, domain: str) -> str:
    line = f"{entry.ip} {entry.id}.{domain}"
    if entry.group != entry.id:
        line += f" {entry.group}.{domain}"
    return f"{line}\n"


FORMAT = Format("hosts", _("hosts file for dnsmasq"), "services.hosts", TEXT, write, (reachable,))
