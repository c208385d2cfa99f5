"""What passes between the registry's rows and whatever is made of them: plain and frozen."""

from dataclasses import dataclass
from datetime import datetime

from ipam.addresses import Address


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """One service as the registry states it.

    `protocol` is tcp or udp, `status` active, inactive or restarting; `container_port` is the port
    inside its container, where `ip` and `port` are the host's. `dependencies` are service ids, not
    checked to exist. `reached` is where a service that listens on every address of its host is
    called."""

    service_id: str
    name: str
    type: str
    ip: Address
    port: int
    protocol: str = "tcp"
    status: str = "active"
    environment: str = "development"
    dependencies: tuple[str, ...] = ()
    last_heartbeat: datetime | None = None
    container_port: int | None = None
    reached: Address | None = None

    @property
    def address(self) -> Address:
        """Where it is called."""
        return self.reached or self.ip

    @property
    def socket(self) -> str:
        """`10.0.0.5:8000`, `[fd00::5]:8000`."""
        return (
            f"[{self.address}]:{self.port}"
            if self.address.version == 6
            else f"{self.address}:{self.port}"
        )

    @property
    def endpoint(self) -> str:
        """As the original told it, whatever the service speaks."""
        return f"http://{self.socket}"
