"""Real machines boot what the ledger says: qemu, real dnsmasq, the running project, Debian's
kernel.

The ROM's path is in `make test`; BIOS and UEFI loaders have their turn in `make proof`.
"""

import contextlib
import os
import shutil
import tempfile
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings as site
from django.db import connection

from dhcp.files import netboot, scopes
from pxe.models import BootEvent
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.pxe.factories import (
    AnswersFactory,
    AssignmentFactory,
    FileFactory,
    ImageFactory,
    MenuFactory,
)
from tests.support import lab as labs
from tests.support import machine as machines
from tests.support import require
from tests.support.by_hand import only

pytestmark = [
    pytest.mark.whole,
    pytest.mark.django_db(transaction=True),
    require.mark("root", "namespaces", "dnsmasq", "qemu", "ipxe", "cloud-kernel", "busybox"),
]
MAC, IP, URL = "02:00:00:00:77:01", "10.77.0.9", "http://10.77.0.1:8000"
REACHED = "init of the test has been reached"
INIT = f"""
export PATH=/bin; /bin/busybox --install -s /bin
mount -t proc proc /proc
echo {REACHED}: $(cat /proc/cmdline)
"""
OFF = "echo o > /proc/sysrq-trigger; sleep 1000\n"  # Debian's busybox has no poweroff
one_database = only(connection.vendor == "sqlite")  # the same script comes from both


@pytest.fixture
def roots():
    """Directories that dnsmasq, which is not root, may read."""
    with tempfile.TemporaryDirectory(prefix="ipmanager-boot-") as scratch:
        os.chmod(scratch, 0o755)
        boot, tftp = Path(scratch) / "boot", Path(scratch) / "tftp"
        boot.mkdir()
        tftp.mkdir()
        yield boot, tftp


@pytest.fixture
def lab(roots, shared_database, tmp_path):
    """A network with DHCP, TFTP and IPManager."""
    boot, tftp = roots
    for name in ("undionly.kpxe", "snponly.efi", "ipxe.efi"):
        shutil.copy(f"/usr/lib/ipxe/{name}", tftp)
    conf = scopes.conf_file([], Path("/x"), "", netboot.groups(URL, tftp)).decode().splitlines()
    options = [*conf[conf.index("# Network boot") + 1 :], *machines.ADVERTISED]
    environment = shared_database | {
        "DJANGO_SETTINGS_MODULE": "ipmanager.settings",
        "IPMANAGER_BIND": "10.77.0.1:8000",
        "IPMANAGER_BOOT_URL": URL,
        "IPMANAGER_BOOT_ROOT": str(boot),
        "IPMANAGER_TFTP_ROOT": str(tftp),
        "PYTHONPATH": str(site.BASE_DIR),
    }
    with labs.laboratory(options=options) as lab, machines.cable(lab):
        process = machines.gunicorn(lab, environment, tmp_path / "site")
        try:
            wait_for_site(lab, process, tmp_path / "site")
            lab.write_hosts(f"{MAC},{IP},pc\n")
            lab.reload()
            yield lab
        finally:
            labs.stop(process)


def wait_for_site(lab, process, output):
    def answers():
        assert process.poll() is None, output.read_text()
        with (
            contextlib.suppress(OSError),
            lab.inside(),
            urllib.request.urlopen(f"{URL}/healthz", timeout=5) as response,
        ):
            return response.status == 200

    lab.wait(answers, "the site does not answer", within=60)


def image(roots, script, **more):
    """A bootable image of Debian's kernel and an initrd that runs this script."""
    boot, _tftp = roots
    shutil.copy(machines.kernel(), boot / "vmlinuz")
    modules = machines.modules("virtio_pci", "virtio_net")
    load = "".join(f"insmod /{module.name}\n" for module in modules)
    (boot / "initrd").write_bytes(machines.initrd(INIT + load + script, modules))
    files = FileFactory(name="vmlinuz"), FileFactory(name="initrd")
    return ImageFactory(
        name="tiny", kernel=files[0], initrds=[files[1]], cmdline="console=ttyS0 quiet", **more
    )


def kinds(server):
    return list(BootEvent.objects.of(server).order_by("pk").values_list("kind", flat=True))


@one_database
def test_the_card_s_own_rom_shows_the_menu_and_boots_its_default_to_init(lab, roots):
    SubnetFactory(network="10.77.0.0/24")
    server = ServerFactory(hostname="pc", mac_address=MAC, ip_address=IP)
    MenuFactory(title="Our test menu", is_default=True, default_image=image(roots, OFF), timeout=2)
    with machines.machine(lab, MAC) as pc:
        console = pc.wait_for(REACHED)
    assert "Our test menu" in console and "Boot from local disk" in console
    assert kinds(server) == ["menu", "chosen", "file", "file"]
    event = BootEvent.objects.of(server).last()
    assert (event.mac_address, event.firmware, str(event.ip_address)) == (MAC, "bios", IP)


# --- in make proof: a whole installation, and the loaders of cards without iPXE -------------------

in_proof = only(bool(os.environ.get("IPMANAGER_TEST_PROOF")) and connection.vendor == "sqlite")


@in_proof
def test_an_image_that_does_not_start_is_reported_and_the_disk_comes_next(lab, roots):
    SubnetFactory(network="10.77.0.0/24")
    server = ServerFactory(hostname="pc", mac_address=MAC, ip_address=IP)
    # iPXE starts anything that is small enough to be a loader.
    (roots[0] / "garbage").write_bytes(b"no kernel" * 200_000)
    kernel = FileFactory(name="garbage")
    AssignmentFactory(server=server, image=ImageFactory(kernel=kernel), mode="always")
    with machines.machine(lab, MAC) as pc:
        pc.wait_for("local disk comes next")
        lab.wait(lambda: "disk" in kinds(server), "nothing was reported", within=60)
    assert kinds(server) == ["offer", "file", "failed", "disk"]


INSTALL = f"""
ip link set eth0 up; ip address add {IP}/24 dev eth0
url=$(sed 's/.* url=\\([^ ]*\\).*/\\1/' /proc/cmdline)
wget -O /tmp/answers "$url" && wget -O /tmp/said "$(cut -d' ' -f2 /tmp/answers)" \\
    && echo installed: $(cat /tmp/said)
"""
DISK = "the disk of the test boots"


@in_proof
def test_the_first_boot_installs_and_the_second_boots_the_disk_without_anybody_touching_anything(
    lab, roots, tmp_path
):
    SubnetFactory(network="10.77.0.0/24")
    server = ServerFactory(hostname="pc", mac_address=MAC, ip_address=IP)
    given = AnswersFactory(text="@@hostname@@ @@callback@@\n")
    assignment = AssignmentFactory(server=server, image=image(roots, INSTALL + OFF, answers=given))
    disk = machines.disk(tmp_path / "disk", DISK)
    with machines.machine(lab, MAC, *disk) as pc:
        pc.wait_for("installed: ok")
    with machines.machine(lab, MAC, *disk) as pc:
        pc.wait_for(DISK)
    assignment.refresh_from_db()
    assert assignment.state == "done"
    assert kinds(server) == ["offer", "file", "file", "answer", "done", "ended", "menu"]


def network(roots):
    SubnetFactory(network="10.77.0.0/24")
    MenuFactory(title="Our test menu", is_default=True, default_image=image(roots, OFF), timeout=3)
    return ServerFactory(hostname="pc", mac_address=MAC, ip_address=IP)


def menu_event(server):
    return BootEvent.objects.of(server).filter(kind="menu").get()


def without_ipxe(lab):
    """dnsmasq takes iPXE, as which qemu's card introduces itself, for any firmware."""
    whole = lab.conf.read_text()
    lab.conf.write_text("".join(line for line in whole.splitlines(True) if "set:ipxe" not in line))
    return whole


@in_proof
def test_a_bios_machine_gets_ipxe_by_tftp_the_menu_and_its_kernel(lab, roots):
    server = network(roots)
    lab.stop()
    whole = without_ipxe(lab)
    lab.start()
    with machines.machine(lab, MAC) as pc:
        lab.wait(
            lambda: "undionly.kpxe to 10.77.0.9" in lab.log(), "no loader was fetched", within=60
        )
        lab.stop()
        lab.conf.write_text(whole)
        lab.start()
        console = pc.wait_for(REACHED, 300)
    assert "Our test menu" in console
    assert menu_event(server).firmware == "bios"


@in_proof
def test_a_uefi_machine_gets_ipxe_by_tftp_the_menu_and_its_kernel(lab, roots, tmp_path):
    require.part("ovmf")
    server = network(roots)
    with machines.machine(
        lab, MAC, firmware=machines.uefi(tmp_path), card="virtio-net-pci,romfile="
    ) as pc:
        console = pc.wait_for(REACHED, 300)
    assert "Our test menu" in console
    assert menu_event(server).firmware == "uefi"
    assert "snponly.efi" in lab.log()
