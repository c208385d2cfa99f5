"""A rack is switched on: many machines at once, no error, and no more memory than for one.

IPMANAGER_TEST_PROOF=1 (`make proof`) takes 200 machines and a file of 20 MB instead of 20 and 2 MB.
"""

import os
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pxe.models import BootAssignment, BootEvent
from tests.ipam.factories import ServerFactory
from tests.pxe.factories import FileFactory, ImageFactory
from tests.support.site import below, site

pytestmark = pytest.mark.django_db(transaction=True)
PROOF = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
MACHINES, SIZE = (200, 20_000_000) if PROOF else (20, 2_000_000)
WARM = 16
ROOM = 40_000_000  # bytes that all of the site's processes together may grow by


def memory(pids):
    """What the processes have for themselves (PSS), in bytes."""
    rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) * 1024 for text in rollups)


def boot(url, mac):
    """Fetch the script and its kernel as iPXE does; how many bytes came."""
    with urllib.request.urlopen(
        f"{url}/boot.ipxe?mac={mac.replace(':', '-')}&platform=efi", timeout=300
    ) as answer:
        path = re.search(r"^kernel (\S+)", answer.read().decode(), re.MULTILINE)[1]
    with urllib.request.urlopen(f"{url}{path}", timeout=300) as answer:
        return sum(len(chunk) for chunk in iter(lambda: answer.read(1 << 16), b""))


def test_many_machines_boot_at_once(shared_database, tmp_path):
    root = tmp_path / "boot"
    root.mkdir()
    (root / "vmlinuz").write_bytes(os.urandom(1000) * (SIZE // 1000))
    image = ImageFactory(kernel=FileFactory(name="vmlinuz"))
    servers = [ServerFactory() for _ in range(MACHINES)]
    BootAssignment.objects.bulk_create(
        BootAssignment(server=server, image=image, mode="always") for server in servers
    )
    environment = shared_database | {
        "IPMANAGER_BOOT_ROOT": str(root),
        "IPMANAGER_DHCP_SYNC": "worker",
    }
    with site(environment, tmp_path / "output") as running:
        with ThreadPoolExecutor(
            WARM
        ) as few:  # every process and thread of the site has worked once
            list(few.map(lambda server: boot(running.url, server.mac_address), servers[:WARM] * 2))
        before = memory(below(running.process.pid))
        with ThreadPoolExecutor(MACHINES) as crowd:
            sizes = list(crowd.map(lambda server: boot(running.url, server.mac_address), servers))
        grown = memory(below(running.process.pid)) - before
    assert sizes == [SIZE] * MACHINES
    assert grown < ROOM, f"{grown / 1e6:.0f} MB more"
    assert BootEvent.objects.filter(kind="offer").count() == MACHINES + 2 * WARM
