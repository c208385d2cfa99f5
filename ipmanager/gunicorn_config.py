"""How gunicorn serves IPManager; GUNICORN_CMD_ARGS and WEB_CONCURRENCY in the environment have the
last word."""

import gc
import logging
import os
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.urls import get_resolver
from gunicorn import glogging

from core import counters, env, web_process

logger = logging.getLogger(__name__)


class Logger(glogging.Logger):
    """Writes access lines only with --access-logfile: ops.traffic writes a line for each request.

    With `logconfig_dict`, gunicorn would format one more for each request and discard it."""

    @property
    def access_log_enabled(self) -> bool:
        return bool(self.cfg.accesslog)


def before_fork(server: Any) -> None:
    """Hook `when_ready`: check the ledger, and load what the worker processes can share."""
    report_unknown_names()
    check_ledger()
    # Views are imported at the first request. Imported here, all processes share their memory.
    _patterns = get_resolver().url_patterns
    # A collection in a worker process would write to each object and so copy its page.
    gc.collect()
    gc.freeze()


def report_unknown_names() -> None:
    """Name misspelt settings: this process runs no system checks."""
    for name, nearest in env.unknown_names().items():
        logger.warning("%s is not a setting; the nearest is %s", name, nearest or "none")


def check_ledger() -> None:
    """Notice a ledger that was restored from a backup, before the first request."""
    from ipam import freeze  # the apps are loaded only now

    try:
        freeze.look()
    except DatabaseError as error:
        logger.error("the database does not answer: %s", str(error).strip())
    finally:
        connection.close()  # a connection must not be shared by fork


wsgi_app = "ipmanager.wsgi:application"
_host, _port = settings.BIND
bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"
worker_class = "ops.buffering_worker.BufferingWorker"
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
when_ready = before_fork
pre_fork = counters.choose_slot
post_fork = counters.take_slot
post_worker_init = web_process.remember
control_socket_disable = True
# Forwarded headers are the business of core.proxies alone.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
