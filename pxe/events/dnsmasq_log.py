"""Read dnsmasq's log: which boot loader TFTP sent to whom, and (with `log-dhcp`) which firmware the
client has.

The log is the only place that shows what a machine does before iPXE runs.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction

from core.periodic import PeriodicWork
from ipam.addresses import parse_address
from pxe.boot.identify import identify, server_with_card
from pxe.boot.records import BootClient
from pxe.events.journal import Kind, log_event
from pxe.loaders import NAMES

logger = logging.getLogger("pxe.watch")

AT_ONCE = 1 << 20  # bytes
REMEMBERED = 1000  # DHCP transactions
_SENT = re.compile(r"dnsmasq-tftp\[\d+\]: sent (\S+) to ([0-9a-f.:]+)$")
_VENDOR = re.compile(r"dnsmasq-dhcp\[\d+\]: (\d+) vendor class: (?:PXE|HTTP)Client:Arch:(\d{5})")
_ACK = re.compile(
    r"dnsmasq-dhcp\[\d+\]: (\d+) DHCPACK\(\S+\) "
    r"(\d+\.\d+\.\d+\.\d+) ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})"
)
# RFC 4578, 2.1: DHCP's architecture number -> iPXE's platform and arch.
_PLATFORMS = {
    0: ("pcbios", ""),
    7: ("efi", ""),
    9: ("efi", ""),
    11: ("efi", "arm64"),
    16: ("efi", ""),
}


class Reader:
    """Turn log lines into boot events. A DHCPACK counts only in a transaction whose client has
    named its architecture."""

    def __init__(self) -> None:
        self._architectures: dict[str, int] = {}

    def line(self, text: str) -> None:
        """Read one line. Raises ValueError for an address that is not valid."""
        if found := _SENT.search(text):
            self._sent(found[1], found[2])
        elif found := _VENDOR.search(text):
            self._remember(found[1], int(found[2]))
        elif found := _ACK.search(text):
            self._acknowledged(found[1], found[2], found[3])

    def _remember(self, transaction_id: str, architecture: int) -> None:
        if len(self._architectures) >= REMEMBERED:
            self._architectures.clear()
        self._architectures[transaction_id] = architecture

    def _sent(self, path: str, address: str) -> None:
        name = path.rpartition("/")[2]
        if name in NAMES:
            client = BootClient(source=parse_address(address))
            log_event(Kind.LOADER, identify(client).server, client, name)

    def _acknowledged(self, transaction_id: str, address: str, mac: str) -> None:
        architecture = self._architectures.pop(transaction_id, None)
        if architecture is None:
            return
        platform, arch = _PLATFORMS.get(architecture, ("", ""))
        client = BootClient(source=parse_address(address), mac=mac, platform=platform, arch=arch)
        log_event(Kind.DHCP, server_with_card(mac), client, f"architecture {architecture}")


class Tail:
    """The new complete lines of a file that grows and is rotated. Lines that were there before the
    first read are skipped."""

    def __init__(self, path: Path) -> None:
        self.path, self._inode, self._place, self._rest = path, 0, -1, b""

    def lines(self) -> Iterator[str]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        if self._place < 0:
            self._place = status.st_size
        elif status.st_ino != self._inode or status.st_size < self._place:
            self._place, self._rest = 0, b""
        self._inode = status.st_ino
        if status.st_size == self._place:
            return
        with self.path.open("rb") as file:
            file.seek(self._place)
            data = file.read(AT_ONCE)
        self._place += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)


class LogReader(PeriodicWork):
    """Without IPMANAGER_DNSMASQ_LOG it has nothing to do."""

    name = "pxe.watch"
    interval = 2.0

    def __init__(self) -> None:
        super().__init__()
        self._tail = Tail(settings.DNSMASQ_LOG) if settings.DNSMASQ_LOG else None
        self._reader = Reader()
        self._lines: deque[str] = deque()

    def work(self) -> None:
        """Read on once all lines read before are recorded: while the database is away, the log
        waits for it."""
        if self._tail is None:
            return
        try:
            self._lines.extend(() if self._lines else self._tail.lines())
        except OSError as error:
            logger.error("%s: %s", self._tail.path, error)
        while self._lines:
            self._record(self._lines[0])
            self._lines.popleft()

    def _record(self, line: str) -> None:
        try:
            with transaction.atomic():
                self._reader.line(line)
        except ValueError as error:
            logger.error("%r: %s", line, error)
