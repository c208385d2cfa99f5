"""A registration: the values that a service sends when it registers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipam.addresses import Address

if TYPE_CHECKING:
    from registry.models import Service


@dataclass(frozen=True)
class Registration:
    """The values that a service sends. None means that it did not send the value."""

    service_id: str
    name: str | None = None
    environment: str = ""
    type: str | None = None
    protocol: str | None = None
    host: Address | None = None
    preferred_port: int | None = None
    port_range: tuple[int, int] | None = None
    pinned: bool | None = None
    container_port: int | None = None
    dependencies: tuple[str, ...] | None = None
    restart_script: str | None = None
    additional_info: dict[str, Any] | None = None

    def columns(self) -> dict[str, Any]:
        """The sent values by the model's fields, without address, protocol and dependencies."""
        first, last = self.port_range or (None, None)
        values = {
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
        return {field: value for field, value in values.items() if value is not None}

    def changes(self, known: Service | None) -> dict[str, Any]:
        """The sent values that differ from the known service; all of them for a new one."""
        columns = self.columns()
        if known is None:
            return columns
        return {field: value for field, value in columns.items() if getattr(known, field) != value}
