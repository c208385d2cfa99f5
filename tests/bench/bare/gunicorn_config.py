"""What ipmanager.gunicorn_config says of processes and threads; the rest of it needs our apps."""

import gc
import os
from typing import Any

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", 2))
threads = 4
preload_app = True
loglevel = "warning"
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    gc.collect()
    gc.freeze()
