"""The commands in ippool's README, as they stand there, against the whole site with
IPMANAGER_POOL_API=open.

They speak to localhost:8080. Curl's own configuration leads it to the port that this test got.
"""

import json
import subprocess

import pytest

from tests.support import require
from tests.support.site import ROOT, site

pytestmark = [pytest.mark.whole, require.mark("curl", "jq")]
COMMANDS = ROOT / "tests/data/ippool"


@pytest.fixture
def shell(migrated_database, tmp_path):
    """Runs a script where ippool's users would; `./ippool` is there, and the site already runs."""
    (tmp_path / "ippool").write_text("#!/bin/sh\n")
    (tmp_path / "ippool").chmod(0o755)
    with site(
        migrated_database | {"IPMANAGER_POOL_API": "open", "IPMANAGER_DEMO": "1"}, tmp_path / "out"
    ) as running:
        (tmp_path / ".curlrc").write_text(f"connect-to = localhost:8080:127.0.0.1:{running.port}\n")

        def run(script, **variables):
            environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **variables}
            command = ["bash", "-ec", script]
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=True
            )
            return done.stdout.decode()

        yield run


def test_the_commands_of_the_readme_work_as_they_stand(shell):
    given = json.loads(shell((COMMANDS / "allocate.sh").read_text()))
    assert given == {
        "ip": "172.16.0.2",
        "vm_id": "srv-abc123",
        "gateway": "172.16.0.1",
        "network": "172.16.0.0/24",
        "hostname": "my-vm",
    }

    said = shell((COMMANDS / "integration.sh").read_text() + '\necho; echo "$VM_IP"', VM_ID="vm-7")
    released, address = said.splitlines()
    assert json.loads(released) == {"message": "IP released successfully", "vm_id": "vm-7"}
    assert address == "172.16.0.3"

    left = shell(
        "curl -s http://localhost:8080/api/v1/ip/allocations; curl -s http://localhost:8080/api/v1/health"
    )
    assert left == '[{"ip":"172.16.0.2","vm_id":"srv-abc123"}]{"status":"healthy"}'
