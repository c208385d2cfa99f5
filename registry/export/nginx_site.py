"""Servers with TLS for nginx, for the web and API services, and the upstreams that they use."""

from django.utils.translation import gettext_lazy as _

from registry.export.format import TEXT, Format, Options
from registry.export.nginx import upstream
from registry.export.validate import ValidServices, reachable, speaks_tcp

# With a longer server_name nginx does not start unless server_names_hash_bucket_size is raised.
LONGEST_NAME = 46

_SERVER = """\
server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {group}.{domain};
    ssl_certificate tls/{domain}.crt;
    ssl_certificate_key tls/{domain}.key;
    location / {{
        proxy_pass http://{group};
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }}
}}
"""


def write(services: ValidServices, options: Options) -> str:
    """For `http`, in place of the format `nginx`. The domain's certificate is in `tls` beside
    nginx.conf."""
    blocks = []
    for group, entries in services.groups().items():
        if len(f"{group}.{options.domain}") > LONGEST_NAME:
            reason = f"its host name is longer than nginx's {LONGEST_NAME} characters"
            services.leave_out(entries, "type", reason)
        elif not any(entry.speaks_http for entry in entries):
            services.leave_out(entries, "type", "only web and api services speak HTTP")
        else:
            blocks.append(upstream(group, entries))
            blocks.append(_SERVER.format(group=group, domain=options.domain))
    return "".join(blocks)


FORMAT = Format(
    "nginx_site",
    _("servers with TLS for nginx"),
    "sites.conf",
    TEXT,
    write,
    (reachable, speaks_tcp),
)
