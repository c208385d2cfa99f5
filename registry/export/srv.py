"""SRV records (RFC 2782) for dnsmasq's configuration, which it reads at start. The targets are in
the hosts file."""

from django.utils.translation import gettext_lazy as _

from registry.export.format import TEXT, Format, Options
from registry.export.validate import ValidServices, reachable

LONGEST_NAME = 62  # a label has 63 characters, and an underscore stands before the name


def write(services: ValidServices, options: Options) -> str:
    """`srv-host=_billing._tcp.production.internal,billing-1.production.internal,8000` for every
    active service.

    `local=/…/` keeps dnsmasq from forwarding queries for names that do not exist."""
    lines = [f"local=/{options.domain}/\n"]
    for entry in services.entries:
        if len(entry.group) > LONGEST_NAME:
            reason = f"its name is longer than {LONGEST_NAME} characters"
            services.leave_out([entry], "ip", reason)
        elif entry.active:
            name = f"_{entry.group}._{entry.protocol}.{options.domain}"
            lines.append(f"srv-host={name},{entry.id}.{options.domain},{entry.port}\n")
    return "".join(lines)


FORMAT = Format("srv", _("SRV records for dnsmasq"), "services.conf", TEXT, write, (reachable,))
