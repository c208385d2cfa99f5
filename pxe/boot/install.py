"""An unattended installation: what the installer is told of its server, and the end of it."""

from __future__ import annotations

from ipam.models import Server, Subnet
from pxe.boot import answers, boot_once
from pxe.boot.records import Asker
from pxe.events.journal import Kind, note
from pxe.models import BootAnswers, BootAssignment


def document(wanted: str, given: BootAnswers, server: Server, callback: str) -> str | None:
    """The answer file of this name; None when this kind of installer has none of it. Raises
    ValueError."""
    if wanted not in answers.KINDS[given.kind].files:
        return None
    if wanted == "meta-data":
        return answers.fill(
            "instance-id: @@hostname@@\nlocal-hostname: @@hostname@@\n", values(given, server, "")
        )
    if wanted == "vendor-data":
        return "#cloud-config\n{}\n"
    return answers.fill(given.text, values(given, server, callback))


def values(given: BootAnswers, server: Server, callback: str) -> dict[str, str]:
    """What the variables mean for this server."""
    subnet = (
        Subnet.objects.containing(server.ip_address, server.vrf_id) if server.ip_address else None
    )
    short, _dot, rest = server.hostname.partition(".")
    domain = rest or (subnet.domain if subnet else "")
    found: dict[str, object] = {
        "hostname": short,
        "domain": domain,
        "fqdn": f"{short}.{domain}" if domain else short,
        "ip": server.ip_address,
        "mac": server.mac_address,
        "password_hash": given.password_hash,
        "ssh_key": given.ssh_key,
        "callback": callback,
    }
    if subnet:
        found |= {
            "netmask": subnet.network.netmask,
            "prefix": subnet.network.prefixlen,
            "gateway": subnet.gateway,
            "dns": " ".join(map(str, subnet.dns_servers)),
        }
    return {name: str(value) for name, value in found.items() if value is not None}


def called_back(assignment: BootAssignment, asker: Asker) -> None:
    """The installed system says that it is there. Late is better than never; twice is once."""
    if assignment.state == BootAssignment.State.DONE:
        return
    server = assignment.server
    note(Kind.DONE, server, asker, image=assignment.image, assignment=assignment)
    if assignment.mode == BootAssignment.Mode.ONCE:
        boot_once.finish(assignment, server, asker)
