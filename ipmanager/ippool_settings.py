"""Settings of `manage.py ippool`: the site reduced to the address pool for virtual machines."""

from ipmanager.settings import *  # noqa: F403

ROOT_URLCONF = "ipmanager.ippool_urls"
WSGI_APPLICATION = "ipmanager.wsgi.application"
# No pages, so no sessions, languages or policies; who asked is of interest to nobody, because
# anybody may.
MIDDLEWARE = [
    "core.proxies.TrustedProxies",
    "api.middleware.KnownLength",
    "api.fastpath.routes.ShortWay",
]
API_RATE = API_RATE_ANONYMOUS = 0  # whoever reaches the port may ask
