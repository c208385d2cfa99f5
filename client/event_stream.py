"""Events: a list of them, and a stream that goes on where it was interrupted."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from .http import ApiError, Connection, NotReached
from .ledger import Ledger
from .output import printable

PATH = "/api/v1/events/"
SILENCE = 30.0  # seconds; a stream that lives says so every ten
PAUSE = 2.0  # seconds until it connects again
Event = dict[str, Any]


@dataclass
class Follower:
    """Follows the events of an IPManager. `last` is the id of the last one that was seen; nothing
    between two streams is lost."""

    connection: Connection
    filters: dict[str, Any] = field(default_factory=dict)
    last: int | None = None

    def __iter__(self) -> Iterator[Event]:
        """Events for ever. Raises ApiError for a refusal; waits while IPManager is away."""
        while True:
            try:
                yield from self._stream()
            except NotReached:
                time.sleep(PAUSE)
            except ApiError as error:
                if not error.retry_after:
                    raise
                time.sleep(error.retry_after)

    def _stream(self) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream, application/problem+json;q=0.1"}
        if self.last is not None:
            headers["Last-Event-ID"] = str(self.last)
        query = urlencode(self.filters, doseq=True)
        with self.connection.opened("GET", f"{PATH}?{query}", headers=headers) as response:
            try:
                yield from self._parts(response)
            except (OSError, HTTPException) as error:
                raise NotReached(self.connection.url, error) from error

    def _parts(self, lines: Any) -> Iterator[Event]:
        part: dict[str, str] = {}
        for line in lines:
            name, _colon, value = line.decode().rstrip("\r\n").partition(": ")
            if name:
                part[name] = value
                continue
            yield from self._event(part)
            part = {}

    def _event(self, part: dict[str, str]) -> Iterator[Event]:
        if "id" in part:
            self.last = int(part["id"])
        if part.get("event", "reset") != "reset":
            yield json.loads(part["data"])


def listed(connection: Connection, filters: dict[str, Any], limit: int) -> list[Event]:
    """The newest events, the oldest of them first."""
    query = urlencode({**filters, "page_size": limit}, doseq=True)
    found: list[Event] = connection.ask("GET", f"{PATH}?{query}")["results"]
    return found[::-1]


def events(ledger: Ledger, options: argparse.Namespace) -> int:
    """Print the newest events, and with --follow those that come."""
    filters = {"kind": options.kind}
    if options.subnet:
        filters["subnet"] = ledger.subnet(options.subnet).id
    if options.site:
        filters["site"] = options.site
    found = listed(ledger, filters, options.limit)
    for event in found:
        _print(event, options.json)
    if options.follow:
        _follow(ledger, filters, found, options.json)
    return 0


def _follow(ledger: Ledger, filters: dict[str, Any], found: list[Event], as_json: bool) -> None:
    patient = Connection(ledger.url, ledger.token, timeout=SILENCE)
    follower = Follower(patient, filters, found[-1]["id"] if found else 0)
    try:
        for event in follower:
            _print(event, as_json)
    except KeyboardInterrupt:
        return


def _print(event: Event, as_json: bool) -> None:
    """One line: as JSON, or in words."""
    if as_json:
        print(json.dumps(event), flush=True)
        return
    words = [event["at"][:19], event["kind"], event["subject"]["name"], event["by"]]
    print(printable("  ".join(filter(None, words))), flush=True)
