"""What passes between the rows and the script: plain and frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Asker:
    """What a machine says of itself, unchecked but readable, and where it speaks from."""

    source: IPv4Address | IPv6Address | None = None
    mac: str | None = None
    uuid: UUID | None = None
    serial: str = ""
    platform: str = ""
    arch: str = ""
    base: str = ""  # how it reaches us, as in http://10.0.0.1:8000

    @property
    def firmware(self) -> str:
        """bios, uefi or arm64 as images call it; empty when the machine does not say."""
        if self.platform == "efi":
            return "arm64" if self.arch == "arm64" else "uefi"
        return "bios" if self.platform == "pcbios" else ""


@dataclass(frozen=True, slots=True)
class Image:
    """A boot image as a script may name it: every value has been checked."""

    id: int
    label: str
    arch: str = "any"
    kernel: str = ""
    initrds: tuple[tuple[str, str], ...] = ()  # name, URL
    arguments: tuple[str, ...] = ()
    chain: str = ""

    def fits(self, firmware: str) -> bool:
        """Whether it can run there; where nothing is known, people choose."""
        return self.arch == "any" or not firmware or self.arch == firmware


@dataclass(frozen=True, slots=True)
class Menu:
    """A choice for people. `default` is an image's id; None is the local disk. `timeout` 0 waits
    for ever (seconds)."""

    id: int
    title: str
    images: tuple[Image, ...] = ()
    submenus: tuple[Menu, ...] = ()
    default: int | None = None
    timeout: int = 5
    shell: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What a machine is told: an image, the local disk, or a menu; and why, for its timeline."""

    menu: Menu | None = None
    image: Image | None = None
    greeting: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """Images that no script may name, with the reason."""

    reasons: dict[str, str] = field(default_factory=dict)
