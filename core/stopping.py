"""Call a function when a signal asks the process to end."""

import queue
import signal
import threading
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def call_on_signals(stop: Callable[[], object]) -> None:
    """Call `stop` in a thread of its own on TERM or INT. Call this from the main thread.

    A signal handler must not set a threading.Event: if the interrupted thread holds that event's
    lock, as it does at moments of each wait(), it deadlocks. SimpleQueue.put is reentrant."""
    received: queue.SimpleQueue[None] = queue.SimpleQueue()

    def wait_for_signals() -> None:
        while True:
            received.get()
            stop()

    threading.Thread(target=wait_for_signals, daemon=True).start()
    for number in SIGNALS:
        signal.signal(number, lambda *_: received.put(None))
