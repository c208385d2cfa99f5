"""What is read at once from a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

Position = dict[str, Any]  # plain JSON; what it contains is the affair of the log that made it

AT_ONCE = 1 << 19  # bytes of one batch
LONGEST = 1 << 14  # bytes of a line; a longer one is skipped


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole lines, the position after the last one, and whether more lines may wait.

    `lost` says why lines before these may be missing; empty if none are."""

    lines: list[str] = field(default_factory=list)
    position: Position | None = None
    more: bool = False
    lost: str = ""


class Log(Protocol):
    """A log that can be read on from a position. None is the position of a log that was never
    read."""

    def read(self, position: Position | None) -> Batch:
        """The lines after this position, at most AT_ONCE bytes. Raises OSError."""

    def done(self) -> None:
        """The lines of the last batch are stored."""

    def close(self) -> None:
        """Give back files and processes."""


def whole_lines(data: bytes) -> tuple[list[str], int]:
    """The lines that end within the data, and the number of their bytes."""
    end = data.rfind(b"\n") + 1
    if not end:
        return [], 0
    return data[: end - 1].decode("utf-8", "replace").split("\n"), end
