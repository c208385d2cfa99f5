"""What passes between the ledger's rows and dnsmasq's files: plain and frozen."""

from dataclasses import dataclass, field

from ipam.addresses import Address, Network


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One reservation as the ledger states it, good or bad.

    `kind` and `id` name the row behind it; `subnet` is the most specific one around the address, or None.
    """

    kind: str
    id: int
    macs: tuple[str, ...]
    ip: Address
    name: str = ""
    subnet: Network | None = None

    @property
    def key(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class HostLine:
    """One reservation as dnsmasq may be told it: every value has been checked; `name` may be empty."""

    macs: tuple[str, ...]
    ip: Address
    name: str = ""


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
    """Lines of the configuration that belong together, under a comment. Root's helper has to know their grammar."""

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
