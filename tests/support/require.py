"""Parts of the machine that some tests need: absent ones skip a test by name, or fail it when all
must be there.

    require.part("dnsmasq", "udhcpc")       in a test or fixture
    pytestmark = require.mark("chromium")   for a whole file

IPMANAGER_TEST_REQUIRE=all (or a list of names) turns the skip into a failure.
"""

import functools
import glob
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import postgres


def part(*names: str) -> None:
    """Skip this test, or fail it, unless every named part is there."""
    for name in names:
        reason = missing(name)
        if reason and is_required(name):
            pytest.fail(f"{name} is required: {reason}", pytrace=False)
        if reason:
            pytest.skip(f"{name}: {reason}")


def mark(*names: str) -> pytest.MarkDecorator:
    """The same for a class or a file; the fixture `required_parts` in conftest.py reads it."""
    return pytest.mark.needs(*names)


def is_required(name: str) -> bool:
    wanted = os.environ.get("IPMANAGER_TEST_REQUIRE", "").replace(",", " ").split()
    return "all" in wanted or name in wanted


@functools.cache
def missing(name: str) -> str:
    """Why a part cannot be used here; empty when it can."""
    return PARTS[name]()


def program(*names: str, package: str) -> str:
    return (
        ""
        if any(map(shutil.which, names))
        else f"{names[0]} is not installed (Debian package {package})"
    )


def browser() -> str:
    """Debian's Chromium, and Playwright's driver, which brings its own Node.js but not all of its
    libraries."""
    absent = program("chromium", "chromium-browser", package="chromium")
    if absent:
        return absent
    driver = subprocess.run(
        [sys.executable, "-m", "playwright", "--version"],
        capture_output=True,
        check=False,
        text=True,
    )
    return (
        f"Playwright's driver does not start: {driver.stderr.strip()}" if driver.returncode else ""
    )


def file(pattern: str, package: str) -> str:
    return "" if glob.glob(pattern) else f"there is no {pattern} (Debian package {package})"


def network_namespaces() -> str:
    """Tried, not guessed: it takes root, and a kernel and container that allow it."""
    if not shutil.which("ip"):
        return "ip is not installed (Debian package iproute2)"
    name = f"ipmanager-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"cannot make one: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return ""


def mount_namespaces() -> str:
    """Tried: the mounts of a process of our own, with a file system in it."""
    absent = program("unshare", package="util-linux")
    if absent:
        return absent
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"cannot make one: {made.stderr.strip()}" if made.returncode else ""


def overlay() -> str:
    """Tried as well: a mount namespace of our own with an overlay in it."""
    absent = program("unshare", "nsenter", package="util-linux") or network_namespaces()
    if absent:
        return absent
    layers = "lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w"
    script = (
        f"mount -t tmpfs tmpfs /mnt; mkdir /mnt/u /mnt/w; mount -t overlay overlay -o {layers} /mnt"
    )
    made = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script], capture_output=True, text=True, check=False
    )
    return f"cannot make one: {made.stderr.strip()}" if made.returncode else ""


def common_python() -> str:
    """Other users can run the Python that we run by."""
    base = Path(sys.base_prefix).resolve()
    closed = [str(path) for path in (base, *base.parents) if not path.stat().st_mode & stat.S_IXOTH]
    return (
        f"other users cannot reach {base}: {closed[-1]} is closed; take Debian's python3"
        if closed
        else ""
    )


def bus() -> str:
    """A message bus can be started, and spoken to."""
    return program("dbus-daemon", package="dbus-daemon") or program("dbus-send", package="dbus-bin")


PARTS = {
    "age": lambda: program("age", package="age"),
    "busybox": lambda: program("busybox", package="busybox-static"),
    "cloud-kernel": lambda: file("/boot/vmlinuz-*-cloud-amd64", "linux-image-cloud-amd64"),
    "ipxe": lambda: file("/usr/lib/ipxe/undionly.kpxe", "ipxe"),
    "ovmf": lambda: file("/usr/share/OVMF/OVMF_CODE_4M.fd", "ovmf"),
    "qemu": lambda: (
        program("qemu-system-x86_64", package="qemu-system-x86")
        or file("/usr/lib/ipxe/qemu/pxe-virtio.rom", "ipxe-qemu")
    ),
    "chromium": browser,
    "common-python": common_python,
    "dbus": bus,
    "debootstrap": lambda: program("debootstrap", package="debootstrap"),
    "dhclient": lambda: program("dhclient", package="isc-dhcp-client"),
    "curl": lambda: program("curl", package="curl"),
    "dhcp_release": lambda: program("dhcp_release", package="dnsmasq-utils"),
    "jq": lambda: program("jq", package="jq"),
    "faketime": lambda: program("faketime", package="faketime"),
    "dnsmasq": lambda: program("dnsmasq", package="dnsmasq-base"),
    "git": lambda: program("git", package="git"),
    "gettext": lambda: program("msgfmt", package="gettext"),
    "haproxy": lambda: program("haproxy", package="haproxy"),
    "mount-namespaces": mount_namespaces,
    "namespaces": network_namespaces,
    "named-checkzone": lambda: program("named-checkzone", package="bind9-utils"),
    "nginx": lambda: program("nginx", package="nginx-light"),
    "rsyslogd": lambda: program("rsyslogd", package="rsyslog, rsyslog-openssl"),
    "nsd": lambda: program("nsd", package="nsd"),
    "openssl": lambda: program("openssl", package="openssl"),
    "overlay": overlay,
    "postgresql": postgres.missing,
    "postgresql-client": lambda: program("pg_dump", package="postgresql-client"),
    "powerdns": lambda: (
        program("pdns_server", package="pdns-server")
        or file("/usr/lib/*/pdns/libgpgsqlbackend.so", "pdns-backend-pgsql")
    ),
    "promtool": lambda: program("promtool", package="prometheus"),
    "root": lambda: "" if os.geteuid() == 0 else "we are not root",
    "sudo": lambda: program("sudo", package="sudo"),
    "systemd-analyze": lambda: program("systemd-analyze", package="systemd"),
    "strace": lambda: program("strace", package="strace"),
    "udhcpc": lambda: program("udhcpc", package="udhcpc"),
}
