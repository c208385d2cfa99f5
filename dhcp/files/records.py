"""The records that the steps of a sync hand to each other: plain values, all frozen."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from ipam.addresses import Address, Network

NOWHERE = IPv4Address(0)  # the address of a record that needs none, as of an ignored machine


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One reservation as the ledger states it, valid or not.

    `kind` and `id` name the row behind it; `subnet` is the most specific one around the address, or
    None. `by_end`: only the lower half of the IPv6 address is written, because the network's prefix
    may change. `sources` names every ledger row that shapes the line, the nearest first."""

    kind: str
    id: int
    macs: tuple[str, ...]
    ip: Address
    name: str = ""
    subnet: Network | None = None
    duid: str = ""
    by_end: bool = False
    sources: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """`server 12`"""
        return f"{self.kind} {self.id}"

    @property
    def identities(self) -> tuple[str, ...]:
        """MAC addresses and DUID: by these dnsmasq recognises the client."""
        if self.duid:
            return (*self.macs, self.duid)
        return self.macs

    @property
    def is_written_by_end(self) -> bool:
        return self.by_end and self.ip.version == 6

    @property
    def written_ip(self) -> Address:
        """The address as dnsmasq's file states it."""
        if self.is_written_by_end:
            return IPv6Address(int(self.ip) & ((1 << 64) - 1))
        return self.ip


@dataclass(frozen=True, slots=True)
class HostLine:
    """One validated reservation; `name` and `duid` may be empty."""

    macs: tuple[str, ...]
    ip: Address
    name: str = ""
    duid: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IgnoredLine:
    """The cards of a machine that dnsmasq refuses: `id:DUID,MAC,ignore`."""

    macs: tuple[str, ...]
    duid: str = ""
    sources: tuple[str, ...] = ()


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
    interface: str = ""  # the only one on which dnsmasq gives it out; empty: on all
    rows: tuple[str, ...] = ()  # the ledger rows behind its lines, the nearest first,
    pool_rows: tuple[str, ...] = ()  # that of each range,
    option_rows: tuple[tuple[int, str], ...] = ()  # and those of the further options

    @property
    def tag(self) -> str:
        """The name of its range in dnsmasq."""
        return f"s{self.subnet_id}"


@dataclass(frozen=True, slots=True)
class OptionLine:
    """One line of the options file: `tag:s12,option:router,10.0.0.1`. Without a value the option is
    suppressed."""

    tag: str
    name: str
    value: str = ""
    sources: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """One scope has one line for each option."""
        return self.tag, self.name

    @property
    def text(self) -> str:
        return ",".join(filter(None, (f"tag:{self.tag}", self.name, self.value)))

    @classmethod
    def parse(cls, text: str, sources: tuple[str, ...] = ()) -> "OptionLine":
        """Read a line that the options grammar accepts (dhcp/files/check.py)."""
        tag, _comma, rest = text.partition(",")
        name, _comma, value = rest.partition(",")
        return cls(tag.removeprefix("tag:"), name, value, sources)


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
class Validated:
    """The lines that may be written, sorted, and what is wrong with the other records."""

    lines: tuple[HostLine, ...] = ()
    problems: tuple[Problem, ...] = ()
    ignored: tuple[IgnoredLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Files:
    """The contents of a DHCP server's files. `conf` is None where it is not to be written; `names`
    is empty where no name is served."""

    hosts: bytes = b""
    opts: bytes = b""
    conf: bytes | None = None
    names: bytes = b""
