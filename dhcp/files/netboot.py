"""What dnsmasq sends to a machine that boots from the network: the loader, and then the script.

A BIOS or UEFI machine gets a loader by TFTP, or by HTTP where its firmware can. The loader, iPXE,
sends a DHCP request of its own and is directed to /boot.ipxe. iPXE fills in the `${...}` of that
URL itself, so the first HTTP request already identifies the machine."""

from pathlib import Path

from django.conf import settings

from dhcp.files.records import ConfGroup, ConfLine

ASKS = (
    "mac=${net0/mac:hexhyp}&uuid=${uuid}&serial=${serial:uristring}"
    "&arch=${buildarch}&platform=${platform}"
)
# RFC 4578, 2.1 and IANA's registry of processor architecture types.
ARCHITECTURES = (("bios", 0), ("efi64", 7), ("efi64", 9), ("efiarm64", 11), ("efihttp", 16))
LOADERS = {"bios": "undionly.kpxe", "efi64": "snponly.efi", "efiarm64": "snponly-arm64.efi"}


def configured() -> tuple[ConfGroup, ...]:
    """The lines that the settings ask for."""
    return groups(settings.BOOT_URL, settings.TFTP_ROOT)


def groups(url: str, tftp_root: Path) -> tuple[ConfGroup, ...]:
    """The lines for network boot from this URL; none without one. Pure."""
    if not url:
        return ()
    lines = [
        ConfLine("enable-tftp"),
        ConfLine("tftp-root", (str(tftp_root),)),
        ConfLine("dhcp-match", ("set:ipxe", "175")),
        ConfLine("dhcp-userclass", ("set:ipxe", "iPXE")),
        *(
            ConfLine("dhcp-match", (f"set:{tag}", "option:client-arch", str(arch)))
            for tag, arch in ARCHITECTURES
        ),
        ConfLine("dhcp-boot", ("tag:ipxe", f"{url}/boot.ipxe?{ASKS}")),
        *(
            ConfLine("dhcp-boot", ("tag:!ipxe", f"tag:{tag}", file))
            for tag, file in LOADERS.items()
        ),
        # Firmware takes a boot file by HTTP only from a server that calls itself so (UEFI 2.10,
        # 24.7.3.1).
        ConfLine(
            "dhcp-option-force", ("tag:efihttp", "tag:!ipxe", "option:vendor-class", "HTTPClient")
        ),
        ConfLine("dhcp-boot", ("tag:efihttp", "tag:!ipxe", f"{url}/boot/loaders/ipxe.efi")),
    ]
    return (ConfGroup("Network boot", tuple(lines)),)
