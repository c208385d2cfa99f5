"""Ending when a signal says so."""

import queue
import signal
import threading
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def call_on_signals(stop: Callable[[], object]) -> None:
    """Call `stop` when TERM or INT comes; from the main thread.

    It is called in a thread of its own. What sets a threading.Event in a signal's handler waits for
    ever if the signal came while the same thread held that event's lock, as it does for moments in
    every wait(). A SimpleQueue takes a word from a handler at any time."""
    told: queue.SimpleQueue[None] = queue.SimpleQueue()

    def listen() -> None:
        while True:
            told.get()
            stop()

    threading.Thread(target=listen, daemon=True).start()
    for number in SIGNALS:
        signal.signal(number, lambda *_: told.put(None))
