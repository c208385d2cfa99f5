"""A program that syncs on demand, each time in a fresh child, so that a test may do something to
that child first.

One word a line on stdin, one JSON value a line on stdout:

    sync  ->  4711                  the child's process number; it waits for another line
    go    ->  {"result": ...}       what became of the sync, unless the child was killed
          ->  0                     the exit status of the child, or minus the signal's number
"""

import json
import os

import django


def main() -> None:
    django.setup()
    from django.db import connections

    from dhcp.files.sync import preview, sync

    preview()  # so that a child imports nothing any more
    connections.close_all()
    say("ready")
    while listen():
        child = os.fork()
        if not child:
            say(os.getpid())
            listen()
            say(sync().as_json())
            os._exit(0)
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def listen() -> bytes:
    """Straight from the pipe: parent and child read it in turn, and neither may take what is the
    other's."""
    return os.read(0, 100)


def say(value: object) -> None:
    os.write(1, json.dumps(value).encode() + b"\n")


if __name__ == "__main__":
    main()
