"""What passes between the ledger's rows and dnsmasq's files: plain and frozen."""

from dataclasses import dataclass, field
from ipaddress import IPv6Address

from ipam.addresses import Address, Network


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One reservation as the ledger states it, good or bad.

    `kind` and `id` name the row behind it; `subnet` is the most specific one around the address, or
    None. `by_end`: only the lower half of the IPv6 address is told, because the upper one is going
    to change."""

    kind: str
    id: int
    macs: tuple[str, ...]
    ip: Address
    name: str = ""
    subnet: Network | None = None
    duid: str = ""
    by_end: bool = False

    @property
    def key(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def identities(self) -> tuple[str, ...]:
        """By what dnsmasq knows whom the address is for."""
        return (*self.macs, self.duid) if self.duid else self.macs

    @property
    def told_ip(self) -> Address:
        """The address as it stands in dnsmasq's file."""
        return (
            IPv6Address(int(self.ip) & ((1 << 64) - 1))
            if self.by_end and self.ip.version == 6
            else self.ip
        )


@dataclass(frozen=True, slots=True)
class HostLine:
    """One reservation as dnsmasq may be told it: every value has been checked; `name` and `duid`
    may be empty."""

    macs: tuple[str, ...]
    ip: Address
    name: str = ""
    duid: str = ""


@dataclass(frozen=True, slots=True)
class ScopeRecord:
    """How one subnet is served, everything inherited filled in; `ranges` are its DHCP pools."""

    subnet_id: int
    network: Network
    lease_time: int
    ranges: tuple[tuple[Address, Address], ...] = ()
    known_only: bool = False
    router: Address | None = None
    dns: tuple[Address, ...] = ()
    ntp: tuple[Address, ...] = ()
    domain: str = ""
    boot_server: Address | None = None
    boot_file: str = ""
    further: tuple[tuple[int, str], ...] = ()
    by_end: bool = False  # IPv6 reservations name the lower half of the address only
    advertises: str = ""  # "managed" or "slaac": dnsmasq sends router advertisements
    wire: Address | None = None  # dnsmasq's or a relay's address of another subnet on the same wire

    @property
    def tag(self) -> str:
        """The name of its range in dnsmasq."""
        return f"s{self.subnet_id}"


@dataclass(frozen=True, slots=True)
class ConfLine:
    """One line of dnsmasq's configuration: `directive`, or `directive=field,field`."""

    directive: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfGroup:
    """Lines of the configuration that belong together, under a comment. Root's helper has to know
    their grammar."""

    title: str
    lines: tuple[ConfLine, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record is left out, or (field "name") written without its name."""

    record: HostRecord
    field: str
    reason: str

    @property
    def left_out(self) -> bool:
        return self.field != "name"


@dataclass(frozen=True, slots=True)
class Sifted:
    """The lines that may be written, sorted, and what was wrong with the rest."""

    lines: list[HostLine] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
