"""Services as plain, frozen records, for exports, start orders and the dependency graph."""

from dataclasses import dataclass
from datetime import datetime

from ipam.addresses import Address


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A service with an address and a port.

    `protocol` is tcp or udp, `status` active, inactive or restarting. `container_port` is the port
    inside its container; `ip` and `port` are those of the host. `dependencies` are service ids that
    need not exist. `reached` is the address of a service that listens on a wildcard address."""

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
        """The address at which others reach the service."""
        return self.reached or self.ip

    @property
    def socket(self) -> str:
        """Address and port as in a URL: `10.0.0.5:8000`, `[fd00::5]:8000`."""
        return socket(self.address, self.port)

    @property
    def endpoint(self) -> str:
        """The URL in the form of the original registry: always http."""
        return f"http://{self.socket}"


def socket(ip: Address, port: int) -> str:
    """Address and port as in a URL (RFC 3986, 3.2.2): `10.0.0.5:8000`, `[fd00::5]:8000`."""
    host = f"[{ip}]" if ip.version == 6 else str(ip)
    return f"{host}:{port}"
