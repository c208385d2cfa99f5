"""What stands before the services for the world outside: an nginx server with TLS for every group
of web and API services, and the upstreams that it passes requests to."""

from collections.abc import Sequence

from registry.export.ingress import speaks_http
from registry.export.nginx import upstream
from registry.export.text import Export, Options, comments
from registry.export.validate import LeftOut, not_tcp, sift, unreachable
from registry.records import ServiceRecord

# Of a server_name: a longer one needs another server_names_hash_bucket_size, without which nginx
# does not start.
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


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """For `http`, instead of the upstream blocks alone. The domain's certificate is in `tls` beside
    nginx.conf."""
    sifted = sift(records, unreachable, not_tcp)
    left_out, blocks = list(sifted.left_out), []
    for group, entries in sifted.groups().items():
        reason = "" if any(map(speaks_http, entries)) else "only web and api services speak HTTP"
        if len(f"{group}.{options.domain}") > LONGEST_NAME:
            reason = f"its host name is longer than the {LONGEST_NAME} characters that nginx takes by itself"
        if reason:
            left_out += [LeftOut(entry.record.service_id, "type", reason) for entry in entries]
        else:
            blocks.append(
                upstream(group, entries) + _SERVER.format(group=group, domain=options.domain)
            )
    return Export(
        (comments(options.url, left_out) + "".join(blocks)).encode("ascii"), tuple(left_out)
    )
