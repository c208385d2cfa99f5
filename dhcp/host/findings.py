"""What an inspection has found at a DHCP server's host: a kind, a level and facts, which any node
can put into words for its reader (dhcp/state/host.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOTE, WARNING, ERROR = "note", "warning", "error"
LEVELS = (NOTE, WARNING, ERROR)
LONGEST_KIND, LONGEST_FACT = 50, 300  # characters
MOST_FACTS = 20  # in a list, and of one finding


@dataclass(frozen=True, slots=True)
class HostFinding:
    """One finding. `facts` are texts, numbers, and lists of texts."""

    kind: str
    level: str = ERROR
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> int:
        """0 for a note, 1 for a warning, 2 for an error."""
        return LEVELS.index(self.level)

    def as_json(self) -> dict[str, Any]:
        facts = {name: _short(value) for name, value in list(self.facts.items())[:MOST_FACTS]}
        return {"kind": self.kind, "level": self.level, "facts": facts}


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(filter(str.isprintable, value))[:LONGEST_FACT]
    if isinstance(value, list):
        return [_short(str(one)) for one in value[:MOST_FACTS]]
    return value if isinstance(value, (int, float)) else ""
