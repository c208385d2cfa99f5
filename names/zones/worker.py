"""Keep the serial's rows few."""

from __future__ import annotations

from core.periodic import PeriodicWork
from names.zones import serial


class SumUpSerial(PeriodicWork):
    """Each minute in which something was committed; it writes only when there are many rows."""

    name = "names.worker"
    interval = 60.0
    rest = 3600.0

    def work(self) -> None:
        if serial.has_many_rows():
            serial.put_together()
