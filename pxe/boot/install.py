"""Unattended installation: the answer files an installer fetches, and the call-back at its end."""

from __future__ import annotations

from ipam.models import Server, Subnet
from pxe.boot import answers, boot_once
from pxe.boot.records import BootClient
from pxe.events.journal import Kind, log_event
from pxe.models import BootAnswers, BootAssignment

META_DATA = "instance-id: @@hostname@@\nlocal-hostname: @@hostname@@\n"
VENDOR_DATA = "#cloud-config\n{}\n"


def document(name: str, answer_file: BootAnswers, server: Server, callback: str) -> str | None:
    """The document that an installer asks for by this name; None when this kind has no such one.

    Raises ValueError when a variable has no value that may stand there."""
    if name not in answers.KINDS[answer_file.kind].files:
        return None
    if name == "vendor-data":
        return VENDOR_DATA
    if name == "meta-data":
        return answers.fill(META_DATA, variables(answer_file, server, ""))
    return answers.fill(answer_file.text, variables(answer_file, server, callback))


def variables(answer_file: BootAnswers, server: Server, callback: str) -> dict[str, str]:
    """The values of the variables for this server. An absent one is empty in the document."""
    short, _dot, domain = server.hostname.partition(".")
    subnet = _subnet_of(server)
    if subnet and not domain:
        domain = subnet.domain
    found: dict[str, object] = {
        "hostname": short,
        "domain": domain,
        "fqdn": ".".join(filter(None, (short, domain))),
        "ip": server.ip_address,
        "mac": server.mac_address,
        "password_hash": answer_file.password_hash,
        "ssh_key": answer_file.ssh_key,
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


def _subnet_of(server: Server) -> Subnet | None:
    if server.ip_address is None:
        return None
    return Subnet.objects.containing(server.ip_address, server.vrf_id)


def called_back(assignment: BootAssignment, client: BootClient) -> None:
    """The installed system has called back. A late call counts; a second one changes nothing."""
    if assignment.state == BootAssignment.State.DONE:
        return
    server = assignment.server
    log_event(Kind.DONE, server, client, image=assignment.image, assignment=assignment)
    if assignment.mode == BootAssignment.Mode.ONCE:
        boot_once.finish(assignment, server, client)
