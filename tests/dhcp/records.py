"""Short ways to write a record in a test."""

from ipaddress import ip_address, ip_network

from dhcp.files.records import HostRecord
from dhcp.files.sync import sync
from dhcp.models import DhcpScope, Generation
from ipam.models import Subnet

NET = ip_network("10.77.0.0/24")
MAC = "02:00:00:00:00:01"


def host(
    number=10,
    *,
    mac=None,
    ip=None,
    name=None,
    net=NET,
    id=None,
    kind="server",
    duid="",
    by_end=False,
):
    """Server `number` at 10.77.0.<number> with a MAC and a name of its own, but for what is
    given."""
    return HostRecord(
        kind=kind,
        id=number if id is None else id,
        macs=(mac or f"02:00:00:00:00:{number:02x}",) if mac != () else (),
        ip=ip_address(ip) if ip else net[number],
        name=f"host{number}" if name is None else name,
        subnet=net,
        duid=duid,
        by_end=by_end,
    )


def scoped(network, *, enabled=True, **more):
    """A subnet with a DHCP scope."""
    subnet = Subnet.objects.create(network=network, **more)
    DhcpScope.objects.create(subnet=subnet, enabled=enabled)
    return subnet


def sync_and_confirm():
    """Sync, as if dnsmasq had confirmed it."""
    outcome = sync()
    Generation.objects.update(confirmed=True)
    return outcome
