"""How gunicorn serves IPManager; GUNICORN_CMD_ARGS and WEB_CONCURRENCY in the environment have the last word."""

import os

from django.conf import settings

from ipmanager import process

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
post_worker_init = process.note
control_socket_disable = True
# Forwarded headers are the business of ipmanager.proxies alone.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
