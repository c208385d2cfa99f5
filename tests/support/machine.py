"""A machine that boots from the laboratory's network: qemu without hardware help, its console in a
file.

with cable(lab), machine(lab, mac) as pc:
    pc.wait_for("ready")

client namespace:  eth0 --- bridge --- tap --- qemu
"""

import glob
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.lab import Laboratory, run, stop

PREFIX = "fd77::"
# Without a router's advertisement iPXE waits 13 s for one.
ADVERTISED = ("enable-ra", f"dhcp-range={PREFIX},ra-only,64")
QEMU = "qemu-system-x86_64"
ROM = ("-machine", "pc,graphics=off")
OVMF = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"


class Machine:
    """What one machine shows on its serial console."""

    def __init__(self, process: subprocess.Popen, console: Path) -> None:
        self.process, self._console = process, console

    def console(self) -> str:
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    def wait_for(self, words: str, seconds: float = 120) -> str:
        """The console, as soon as it shows these words."""
        deadline = time.monotonic() + seconds
        while words not in (shown := self.console()):
            assert time.monotonic() < deadline, (
                f"no {words!r} within {seconds} s:\n{shown[:2000]} … {shown[-2000:]}"
            )
            assert self.process.poll() is None or words in self.console(), (
                f"the machine is off:\n{shown[-3000:]}"
            )
            time.sleep(0.1)
        return shown


@contextmanager
def cable(lab: Laboratory) -> Iterator[None]:
    """A bridge in the clients' namespace, so that a machine can be plugged in."""

    def inside(*command: str) -> None:
        run("ip", "-n", lab.clients, *command)

    run("ip", "-n", lab.server, "address", "add", f"{PREFIX}1/64", "dev", "eth0", "nodad")
    inside("link", "add", "bridge", "type", "bridge", "stp_state", "0", "forward_delay", "0")
    run("ip", "netns", "exec", lab.clients, "ip", "tuntap", "add", "plug", "mode", "tap")
    for port in ("eth0", "plug"):
        inside("link", "set", "dev", port, "master", "bridge")
        inside("link", "set", "dev", port, "up")
    inside("link", "set", "dev", "bridge", "up")
    yield  # the namespace takes it all with it


@contextmanager
def machine(
    lab: Laboratory,
    mac: str,
    *more: str,
    card: str = "virtio-net-pci",
    firmware: Sequence[str] = ROM,
) -> Iterator[Machine]:
    """A machine that is on until the block ends. `more` are further arguments of qemu's."""
    with tempfile.TemporaryDirectory(prefix="ipmanager-machine-") as scratch:
        console = Path(scratch) / "console"
        arguments = [
            *firmware,
            "-accel",
            "tcg",
            "-m",
            "512",
            "-display",
            "none",
            "-monitor",
            "none",
            "-nodefaults",
            "-serial",
            f"file:{console}",
            "-netdev",
            "tap,id=net,ifname=plug,script=no,downscript=no",
            "-device",
            f"{card},netdev=net,mac={mac},bootindex=1",
            *more,
        ]
        process = subprocess.Popen(
            ["ip", "netns", "exec", lab.clients, QEMU, *arguments],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            yield Machine(process, console)
        finally:
            stop(process)
            assert process.stderr
            process.stderr.close()


def uefi(scratch: Path) -> tuple[str, ...]:
    """Firmware with variables of its own."""
    variables = scratch / "variables.fd"
    shutil.copyfile(OVMF_VARIABLES, variables)
    return (
        "-machine",
        "q35",
        "-drive",
        f"if=pflash,format=raw,readonly=on,file={OVMF}",
        "-drive",
        f"if=pflash,format=raw,file={variables}",
    )


def kernel() -> Path:
    """Debian's smallest kernel."""
    return Path(sorted(glob.glob("/boot/vmlinuz-*-cloud-amd64"))[-1])


def modules(*names: str) -> list[Path]:
    """The kernel's modules of these names and what they need, in the order in which they are to be
    loaded."""
    root = Path("/lib/modules") / kernel().name.removeprefix("vmlinuz-")
    found: list[Path] = []
    for line in (root / "modules.dep").read_text().splitlines():
        name, _colon, needed = line.partition(":")
        if Path(name).stem in names:
            found += [root / part for part in [*reversed(needed.split()), name]]
    return list(dict.fromkeys(found))


def initrd(script: str, files: Sequence[Path] = ()) -> bytes:
    """A cpio archive (newc) with busybox, these files at its top, and this shell script as init."""
    entries = [(name, 0o040755, b"") for name in ("bin", "dev", "proc", "sys", "tmp")]
    entries.append(("bin/busybox", 0o100755, Path("/bin/busybox").read_bytes()))
    entries += [(file.name, 0o100644, file.read_bytes()) for file in files]
    entries.append(("init", 0o100755, f"#!/bin/busybox sh\n{script}".encode()))
    return b"".join(_entry(*entry) for entry in [*entries, ("TRAILER!!!", 0, b"")])


def _entry(name: str, mode: int, data: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08x" % number for number in numbers)
    return _padded(head + encoded) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def disk(path: Path, words: str) -> tuple[str, ...]:
    """A disk whose boot sector says these words on the serial line, as arguments of qemu's."""
    # mov si, text; next: lodsb; or al, al; jz halt; mov dx, 0x3f8; out dx, al; jmp next; halt: hlt;
    # jmp halt
    code = bytes.fromhex("31c08ed8be157cac08c07406baf803eeebf5f4ebfd")
    sector = (code + words.encode() + b"\0").ljust(510, b"\0") + b"\x55\xaa"
    path.write_bytes(sector.ljust(1 << 20, b"\0"))
    return (
        "-drive",
        f"file={path},format=raw,if=none,id=disk",
        "-device",
        "virtio-blk-pci,drive=disk,bootindex=2",
    )


def gunicorn(lab: Laboratory, environment: dict[str, str], output: Path) -> subprocess.Popen:
    """The running project in the server's namespace, on port 8000 of its address."""
    import sys

    command = [sys.executable, "-m", "gunicorn", "--config", "python:ipmanager.gunicorn_config"]
    with output.open("wb") as stream:
        return subprocess.Popen(
            ["ip", "netns", "exec", lab.server, *command],
            env=os.environ | environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
