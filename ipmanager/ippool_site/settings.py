"""Settings of `manage.py ippool`: the site reduced to the address pool for virtual machines."""

from core import env
from ipmanager.settings import *  # noqa: F403
from ipmanager.settings import LOG, LOGGING
from ippool import log_level

ROOT_URLCONF = "ipmanager.ippool_site.urls"
WSGI_APPLICATION = "ipmanager.wsgi.application"
# No pages, so no sessions, languages or policies.
MIDDLEWARE = [
    "ops.traffic.Traffic",
    "core.proxies.TrustedProxies",
    "api.middleware.KnownLength",
]
API_RATE = API_RATE_ANONYMOUS = 0  # no limit: every host that reaches the port is allowed

_level = log_level.parse(env.text("RUST_LOG"))
_shows_requests = _level == "DEBUG" or LOG == "json"
LOGGING["root"] = {"handlers": ["stderr"], "level": _level}
LOGGING["loggers"] = {
    **LOGGING["loggers"],
    "ipmanager.requests": {"level": "INFO" if _shows_requests else "WARNING"},
}
