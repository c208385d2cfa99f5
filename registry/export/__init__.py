"""Export services to files for other programs: the same services always give the same bytes.

A format is one module: a function that writes the text, and a `FORMAT` that describes the file. To
add a format:

1. Copy a similar module, such as `nginx.py` (groups), `dotenv.py` (single services) or
   `kubernetes.py` (YAML), and change its `write` and its `FORMAT`.
2. Add the module to MODULES below. API, command and admin offer it then.
3. Add its text to tests/registry/test_export.py, and a test that the program reads the file to
   tests/registry/test_export_consumers.py.

`write` gets valid services only: `Format.render` calls `validate` first, with the conditions of the
format. A service that a format cannot hold is left out with a reason, never escaped or renamed.
"""

from registry.export import (
    compose,
    dotenv,
    haproxy,
    hosts,
    http_sd,
    ingress,
    kubernetes,
    nginx,
    nginx_site,
    srv,
)
from registry.export.format import Export, Format, Options

__all__ = ["FORMATS", "Export", "Format", "Options"]

MODULES = (
    hosts,
    srv,
    http_sd,
    dotenv,
    compose,
    kubernetes,
    ingress,
    nginx,
    nginx_site,
    haproxy,
)
FORMATS = {module.FORMAT.name: module.FORMAT for module in MODULES}
