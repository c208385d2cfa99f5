"""Read in dnsmasq's log which boot loader TFTP sent to whom, and (with `log-dhcp`) which firmware
the client has. dhcp.log reads the log and calls `consume` with its lines.

The log is the only place that shows what a machine does before iPXE runs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.following.entries import Entry
from ipam.addresses import parse_address
from pxe.boot.identify import identify, server_with_card
from pxe.boot.records import BootClient
from pxe.events.journal import Kind, log_event
from pxe.loaders import NAMES

logger = logging.getLogger("pxe.watch")

REMEMBERED = 1000  # DHCP transactions
AT_ONCE = 200  # events: the newest of the lines that are read together
_SENT = re.compile(r"sent (\S+) to ([0-9a-f.:]+)")
_VENDOR = re.compile(r"(\d+) vendor class: (?:PXE|HTTP)Client:Arch:(\d{5}).*")
_ACK = re.compile(
    r"(\d+) DHCPACK\(\S+\) (\d+\.\d+\.\d+\.\d+) ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?: .*)?"
)
# RFC 4578, 2.1: DHCP's architecture number -> iPXE's platform and arch.
_PLATFORMS = {
    0: ("pcbios", ""),
    7: ("efi", ""),
    9: ("efi", ""),
    11: ("efi", "arm64"),
    16: ("efi", ""),
}


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a boot that a line tells of."""

    kind: str
    at: datetime
    client: BootClient
    detail: str


class Reader:
    """Finds the steps in the log of one dnsmasq. A DHCPACK counts only in a transaction whose
    client has named its architecture."""

    def __init__(self) -> None:
        self._architectures: dict[str, int] = {}

    def steps(self, entries: Iterable[Entry]) -> list[Step]:
        """The newest ones. A line that makes no sense is logged and costs none after it."""
        found = []
        for entry in entries:
            try:
                step = self._step(entry)
            except ValueError as error:
                logger.error("%r: %s", entry.message, error)
                continue
            if step is not None:
                found.append(step)
        return found[-AT_ONCE:]

    def _step(self, entry: Entry) -> Step | None:
        """Raises ValueError for an address that is not valid."""
        if entry.program == "dnsmasq-tftp":
            return _sent(entry)
        if entry.program != "dnsmasq-dhcp" or not entry.message[:1].isdigit():
            return None
        if found := _VENDOR.fullmatch(entry.message):
            self._remember(found[1], int(found[2]))
        elif found := _ACK.fullmatch(entry.message):
            return self._acknowledged(entry.at, found)
        return None

    def _remember(self, transaction_id: str, architecture: int) -> None:
        if len(self._architectures) >= REMEMBERED:
            self._architectures.clear()
        self._architectures[transaction_id] = architecture

    def _acknowledged(self, at: datetime, found: re.Match[str]) -> Step | None:
        architecture = self._architectures.get(found[1])
        if architecture is None:
            return None
        platform, arch = _PLATFORMS.get(architecture, ("", ""))
        source = parse_address(found[2])
        client = BootClient(source=source, mac=found[3], platform=platform, arch=arch)
        return Step(Kind.DHCP, at, client, f"architecture {architecture}")


def _sent(entry: Entry) -> Step | None:
    found = _SENT.fullmatch(entry.message)
    name = found[1].rpartition("/")[2] if found else ""
    if found is None or name not in NAMES:
        return None
    return Step(Kind.LOADER, entry.at, BootClient(source=parse_address(found[2])), name)


_readers: dict[int | None, Reader] = {}


def consume(entries: Sequence[Entry], server_id: int | None) -> None:
    """Log the steps in these lines of a DHCP server's log as boot events."""
    reader = _readers.setdefault(server_id, Reader())
    for step in reader.steps(entries):
        client = step.client
        if step.kind == Kind.DHCP:
            server = server_with_card(client.mac or "")
        else:
            server = identify(client).server
        log_event(Kind(step.kind), server, client, step.detail, at=step.at)
