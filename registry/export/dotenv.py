"""A `.env` file with the address of every service, for systemd's EnvironmentFile, `docker run
--env-file` and shells."""

from django.utils.translation import gettext_lazy as _

from registry.export.format import TEXT, Format, Options, variable
from registry.export.validate import Entry, ValidServices, reachable


def write(services: ValidServices, options: Options) -> str:
    """`BILLING_1_SERVICE_HOST=10.0.0.5` and `BILLING_1_SERVICE_PORT=8000`, by service id."""
    return "".join(map(_lines, services.entries))


def _lines(entry: Entry) -> str:
    name = variable(entry.id)
    return f"{name}_HOST={entry.ip}\n{name}_PORT={entry.port}\n"


FORMAT = Format("env", _("environment variables"), "services.env", TEXT, write, (reachable,))
