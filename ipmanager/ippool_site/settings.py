"""Settings of `manage.py ippool`: the site reduced to the address pool for virtual machines."""

from ipmanager.settings import *  # noqa: F403

ROOT_URLCONF = "ipmanager.ippool_site.urls"
WSGI_APPLICATION = "ipmanager.wsgi.application"
# No pages, so no sessions, languages or policies.
MIDDLEWARE = [
    "ops.traffic.Traffic",
    "core.proxies.TrustedProxies",
    "api.middleware.KnownLength",
]
API_RATE = API_RATE_ANONYMOUS = 0  # no limit: every host that reaches the port is allowed
