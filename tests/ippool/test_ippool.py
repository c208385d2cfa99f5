"""`manage.py ippool`, really started: the seed's flags, its API and nothing else."""

import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ippool import log_level
from ops.management.commands import ippool as ippool_command
from tests.support.postgres import free_port
from tests.support.site import ROOT, lend_static_files


@contextlib.contextmanager
def ippool(environment, port, *flags, log=None):
    """The command's address, as soon as it answers; ended with the block. Its output is added to
    the list `log`."""
    lend_static_files(Path(environment["IPMANAGER_DATA_DIR"]))
    command = [str(ROOT / "bin/ippool"), "-p", str(port), *flags]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    url = f"http://127.0.0.1:{port}/api/v1"
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                ask(f"{url}/health")
                break
            assert process.poll() is None, process.communicate()[0].decode()
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        output = process.communicate(timeout=40)[0].decode()
        if log is not None:
            log += output.splitlines()


def ask(url, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.status, json.load(response)


@pytest.mark.whole
def test_the_seeds_example_works_and_an_allocation_outlives_a_restart(migrated_database):
    port = free_port()
    with ippool(migrated_database, port) as url:
        given = ask(f"{url}/ip/allocate", "POST", {"vm_id": "srv-abc123", "hostname": "my-vm"})
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(url.replace("/api/v1", "/admin/login/"))
    with ippool(migrated_database, port) as url:
        again = ask(f"{url}/ip/allocate", "POST", {"vm_id": "srv-abc123", "hostname": "my-vm"})
    expected = {
        "ip": "172.16.0.2",
        "vm_id": "srv-abc123",
        "gateway": "172.16.0.1",
        "network": "172.16.0.0/24",
        "hostname": "my-vm",
    }
    assert given == again == (201, expected)


@pytest.mark.whole
def test_network_and_gateway_are_chosen_by_flags(migrated_database):
    flags = ["--network", "192.168.1", "--gateway", "192.168.1.254", "--debug"]
    log = []
    with ippool(migrated_database, free_port(), *flags, log=log) as url:
        assert ask(f"{url}/ip/allocate", "POST", {"vm_id": "a"})[1]["ip"] == "192.168.1.1"
        assert ask(f"{url}/ip/stats")[1]["total"] == 253
    assert any("POST /api/v1/ip/allocate 201" in line for line in log), log
    assert len(log) < 20, log  # requests, and not the configuration of the web server


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("", "INFO"),
        ("debug", "DEBUG"),
        ("WARN", "WARNING"),
        ("ippool=trace,hyper=info", "DEBUG"),
        ("error,tower_http::trace=info", "INFO"),
        ("hyper=debug", "INFO"),
        ("off", "CRITICAL"),
        ("nonsense", "INFO"),
    ],
)
def test_RUST_LOG_chooses_the_level(text, level):
    assert log_level.parse(text) == level


def test_the_flags_and_defaults_are_those_of_the_original(capsys):
    with pytest.raises(SystemExit, match="0"):
        ippool_command.Command().create_parser("manage.py", "ippool").parse_args(["-h"])
    told = capsys.readouterr().out
    assert all(
        flag in told
        for flag in ("-p PORT", "--port", "-n NETWORK", "-g GATEWAY", "-d, --debug", "-h, --help")
    )
    short = parsed("-p", "9000", "-n", "192.168.1", "-g", "192.168.1.1", "-d")
    assert short == parsed(
        "--port", "9000", "--network", "192.168.1", "--gateway", "192.168.1.1", "--debug"
    )
    assert (parsed()["port"], str(parsed()["network"]), parsed()["debug"]) == (
        8080,
        "172.16.0.0/24",
        False,
    )
    assert ippool_command.environment(**parsed())["IPMANAGER_POOL_GATEWAY"] == "172.16.0.1"


def parsed(*flags):
    return vars(ippool_command.Command().create_parser("manage.py", "ippool").parse_args(flags))


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--network", "172.16"], "write 172.16.0 or"),
        (["--network", "10.0.0.1/8"], "host bits"),
        (["--gateway", "10.0.0.1"], "is not in 172.16.0.0/24"),
        (["--gateway", "x"], "does not appear to be"),
        (["--port", "0"], "is not a port"),
    ],
)
def test_a_wrong_flag_is_refused_with_its_reason(flags, complaint):
    with pytest.raises(CommandError, match=complaint):
        call_command("ippool", *flags)
