"""What the boot decision passes to the script writer: plain, frozen records without a database."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID


@dataclass(frozen=True, slots=True)
class BootClient:
    """A machine that asks what to boot: what it claims about itself, and its source address.

    The claims are parsed but not verified. `base` is the URL at which the machine reaches us, as in
    http://10.0.0.1:8000."""

    source: IPv4Address | IPv6Address | None = None
    mac: str | None = None
    uuid: UUID | None = None
    serial: str = ""
    platform: str = ""
    arch: str = ""
    base: str = ""

    @property
    def firmware(self) -> str:
        """bios, uefi or arm64 as boot images name it; empty when the machine does not say."""
        if (self.platform, self.arch) == ("efi", "arm64"):
            return "arm64"
        return {"pcbios": "bios", "efi": "uefi"}.get(self.platform, "")


@dataclass(frozen=True, slots=True)
class Image:
    """A boot image that a script may name: every value has been validated."""

    id: int
    label: str
    arch: str = "any"
    kernel: str = ""
    initrds: tuple[tuple[str, str], ...] = ()  # name, URL
    arguments: tuple[str, ...] = ()
    chain: str = ""

    def fits(self, firmware: str) -> bool:
        """Whether the image runs on this firmware. An unknown firmware fits: a person chooses."""
        return self.arch == "any" or firmware in ("", self.arch)


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu on the boot screen.

    `default` is the id of an image; None is the local disk. `timeout` is in seconds; 0 waits for
    ever."""

    id: int
    title: str
    images: tuple[Image, ...] = ()
    submenus: tuple[Menu, ...] = ()
    default: int | None = None
    timeout: int = 5
    shell: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What a machine boots: an image, a menu, or (neither is set) its local disk.

    `why` is the reason for the timeline. `report` is the path below which the script tells what
    becomes of it; empty: it tells nothing."""

    menu: Menu | None = None
    image: Image | None = None
    greeting: str = ""
    why: str = ""
    report: str = ""
