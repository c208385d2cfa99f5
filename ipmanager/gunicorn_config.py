"""How gunicorn serves IPManager; GUNICORN_CMD_ARGS and WEB_CONCURRENCY in the environment have the
last word."""

import logging
import os
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from gunicorn import glogging

from core import counters, web_process

logger = logging.getLogger(__name__)


class Logger(glogging.Logger):
    """Lines of requests are written by ops.traffic. gunicorn's are not even made up unless somebody
    asks for them by --access-logfile: `logconfig_dict` alone would have it make one for each
    request, for nobody."""

    @property
    def access_log_enabled(self) -> bool:
        return bool(self.cfg.accesslog)


def look(server: Any) -> None:
    """Hook `when_ready`, before the first request: is this ledger the one that we know?"""
    from ipam import freeze  # the apps are there only now

    try:
        freeze.look()
    except DatabaseError as error:
        logger.error("the database does not answer: %s", str(error).strip())
    finally:
        connection.close()  # the workers are made by fork


counters.share()
wsgi_app = "ipmanager.wsgi:application"
_host, _port = settings.BIND
bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", 2))
threads = 4
preload_app = True  # one import for all workers: starts faster, uses less memory
max_requests = 10_000
max_requests_jitter = 1_000
graceful_timeout = 20
loglevel = "warning"
# What gunicorn itself has to say looks like the rest.
logger_class = Logger
logconfig_dict: dict[str, Any] = dict(settings.LOGGING)
logconfig_dict["loggers"] = {
    **logconfig_dict["loggers"],
    "gunicorn.error": {"handlers": ["stderr"], "propagate": False},
}
when_ready = look
pre_fork = counters.choose_slot
post_fork = counters.take_slot
post_worker_init = web_process.begin
on_exit = counters.forget
control_socket_disable = True
# Forwarded headers are the business of core.proxies alone.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
