"""Turn validated records into the text that dnsmasq reads. The same records are the same bytes.

Never a `set:` here: dnsmasq 2.90 dies of one at the reload after it served that host.
"""

import hashlib
import re
from collections.abc import Iterable
from ipaddress import IPv4Address

from dhcp.files.records import HostLine, IgnoredLine
from ipam.addresses import Address

GENERATION_NAME = "gen.ipmanager.internal"
_LONGEST_HEADER = 200
_UNPRINTABLE = re.compile("[^ -~]")


def hosts_file(lines: Iterable[HostLine], url: str, ignored: Iterable[IgnoredLine] = ()) -> bytes:
    """The whole dhcp-hostsfile."""
    ordered = sorted(lines, key=lambda line: (line.ip.version, int(line.ip)))
    body = list(map(host_line, ordered))
    refused = sorted(map(ignored_line, ignored))
    if refused:
        refused.insert(0, f"# Ignored: {len(refused)}\n")
    text = "".join([header(url), f"# Reservations: {len(body)}\n", *body, *refused])
    return text.encode("ascii")


def host_line(line: HostLine) -> str:
    """`[id:DUID,][MAC,...]IP[,name]`, an IPv6 address in brackets."""
    fields = [*line.macs, bracketed(line.ip)]
    if line.duid:
        fields.insert(0, f"id:{line.duid}")
    if line.name:
        fields.append(line.name)
    return ",".join(fields) + "\n"


def ignored_line(line: IgnoredLine) -> str:
    """`[id:DUID,][MAC,...]ignore`: dnsmasq answers none of these cards."""
    fields = [*line.macs, "ignore"]
    if line.duid:
        fields.insert(0, f"id:{line.duid}")
    return ",".join(fields) + "\n"


def generation_file(content: bytes, url: str) -> bytes:
    """The addn-hosts file whose one name states, by DNS, which files dnsmasq has read."""
    return f"{header(url)}{generation_address(content)} {GENERATION_NAME}\n".encode("ascii")


def generation_address(content: bytes) -> IPv4Address:
    """127.128.0.0/9 has room for 23 bits of the content's digest and is nobody's address."""
    digest = int.from_bytes(hashlib.sha256(content).digest()[:3], "big")
    return IPv4Address(int(IPv4Address("127.128.0.0")) + (digest & 0x7FFFFF))


def header(url: str, start: str = "# Written by IPManager; change it at ") -> str:
    """One comment line, whatever the URL: a line break or excess length in it would begin a
    reservation."""
    return _UNPRINTABLE.sub("?", f"{start}{url}"[:_LONGEST_HEADER]) + "\n"


def bracketed(ip: Address) -> str:
    """The address, an IPv6 one in brackets."""
    if ip.version == 6:
        return f"[{ip}]"
    return str(ip)
