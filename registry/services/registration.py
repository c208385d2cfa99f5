"""What a service says of itself when it registers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ipam.addresses import Address
from registry.services.ports import Span


@dataclass(frozen=True)
class Wish:
    """What a service says of itself. None: it does not say."""

    service_id: str
    name: str | None = None
    environment: str = ""
    type: str | None = None
    protocol: str | None = None
    host: Address | None = None
    preferred_port: int | None = None
    port_range: Span | None = None
    pinned: bool | None = None
    container_port: int | None = None
    dependencies: tuple[str, ...] | None = None
    restart_script: str | None = None
    additional_info: dict[str, Any] | None = None

    def facts(self) -> dict[str, Any]:
        """What it says, by the model's fields, without place and dependencies."""
        first, last = self.port_range or (None, None)
        said = {
            "name": self.name,
            "type": self.type,
            "preferred_port": self.preferred_port,
            "range_first": first,
            "range_last": last,
            "pinned": self.pinned,
            "container_port": self.container_port,
            "restart_script_id": self.restart_script,
            "additional_info": self.additional_info,
        }
        return {field: value for field, value in said.items() if value is not None}
