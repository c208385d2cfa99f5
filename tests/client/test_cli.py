"""`ipmanager …` against a real site: what it prints, and its exit status."""

import json
import os
import pty
import shutil
import subprocess
import sys

import pytest

from client import cli
from tests.support.site import ROOT

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def run(capsys):
    """Status, stdout and stderr of a command line."""

    def call(*words):
        try:
            status = cli.main(words)
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def net(subnet):
    return subnet.network.removesuffix(".0/24")


def test_an_address_is_shown_taken_and_released(run, net):
    assert run("next", f"{net}.0/24") == (0, f"{net}.1\n", "")
    assert run("allocate", f"{net}.0/24", "--vm-id", net) == (0, f"{net}.1\n", "")
    assert run("allocate", f"{net}.0/24", "--wanted", f"{net}.1", "--else-next") == (
        0,
        f"{net}.2\n",
        "",
    )
    assert run("release", "--vm-id", net) == (0, f"{net}.1\n", "")
    assert run("release", f"{net}.2") == (0, f"{net}.2\n", "")


def test_a_machine_goes_up_and_down(run, net):
    mac = f"02:00:{int(net.split('.')[2]):02x}:00:00:01"
    words = ("up", f"m-{net[-1]}", "--mac", mac, "--subnet", f"{net}.0/24", "--port", "ssh:22")
    status, out, _ = run(*words, "--ttl", "2h", "--set", "location=Berlin")
    assert status == 0
    assert out.splitlines()[:2] == [f"m-{net[-1]} {net}.1", "ssh 22/tcp"]
    assert out.splitlines()[2].startswith("expires ")
    machine = json.loads(run(*words, "--json")[1])
    assert (machine["location"], machine["services"][0]["port"]) == ("Berlin", 22)
    assert run("down", f"m-{net[-1]}") == (0, f"m-{net[-1]}\n", "")
    assert run("down", f"m-{net[-1]}")[0] == 1
    assert run("addresses", f"{net}.0/24", "--status", "allocated")[1] == ""


def test_the_log_tells_what_was_done(run, net):
    run("allocate", f"{net}.0/24", "--wanted", f"{net}.9", "--vm-id", f"log-{net}")
    status, out, _ = run("log", f"{net}.9", "--number", "1")
    assert status == 0
    assert f"ipam.ipaddress {net}.9" in out and "Allocated" in out
    line = json.loads(run("log", f"{net}.9", "--number", "1", "--json")[1])
    assert line["after"]["vm_id"] == f"log-{net}"
    assert run("log", "--change", "no-such-change")[0] == 1
    run("release", f"{net}.9")


def test_what_was_not_seen_is_not_claimed(run, net):
    """This site has no dnsmasq."""
    mac = f"02:00:{int(net.split('.')[2]):02x}:00:00:02"
    words = ("up", f"w-{net[-1]}", "--mac", mac, "--subnet", f"{net}.0/24")
    status, out, err = run(*words, "--wait", "told")
    assert status == 3
    assert "live after" not in out and "told after" not in out
    assert "not seen as told" in err
    assert run("up", "x", "--ttl", "soon")[0] == 2
    assert run("up", "x", "--port", "a b")[0] == 2


def test_json_is_what_the_api_says(run, net):
    status, out, _ = run("allocate", f"{net}.0/24", "--json")
    assert (status, json.loads(out)["status"]) == (0, "allocated")
    rows = json.loads(run("addresses", f"{net}.0/24", "--json")[1])
    assert [row["ip_address"] for row in rows] == [f"{net}.{last}" for last in range(1, 10)]


def test_a_pipe_gets_tabs(run, net):
    run("reserve", f"{net}.4", "for the printer")
    assert run("addresses", f"{net}.0/24", "--status", "reserved") == (
        0,
        f"{net}.4\treserved\tstatic\t\t\tfor the printer\n",
        "",
    )


def test_a_terminal_gets_aligned_columns_with_headings(net):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "client", "subnets", net + ".1"], stdout=theirs, cwd=ROOT
    )
    os.close(theirs)
    assert process.wait(60) == 0
    heading, row = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)
    assert heading.split() == ["NETWORK", "NAME", "GATEWAY", "VLAN", "ID", "SITE", "DESCRIPTION"]
    assert row.startswith(f"{net}.0/24") and row.index("net-") == heading.index("NAME")


def test_a_server_is_added_found_and_explained(run, net):
    number = net.rpartition(".")[2]
    mac, name = f"02:00:00:00:bb:{int(number):02x}", f"cli-{number}"
    added = run("add-server", name, "--ip", f"{net}.5", "--mac", mac, "--set", "location=Berlin")
    assert added == (0, f"{name} {net}.5\n", "")
    assert f"  {name}\t{net}.5\t{mac}\tBerlin" in run("find", name)[1]
    status, out, _ = run("why", mac)
    assert (status, out[:2], out.splitlines()[-1][:2]) == (0, "= ", "- ")


def test_servers_are_added_from_a_file(run, net, tmp_path):
    file = tmp_path / "servers.json"
    file.write_text(
        json.dumps([{"hostname": f"file-{net}-{n}".replace(".", "-")} for n in range(3)])
    )
    assert run("add-server", "--file", str(file))[:2] == (0, "3 servers\n")
    status, _, err = run("add-server", "--file", str(file))
    assert status == 1
    assert "0.hostname: Another server is called" in err


def test_a_refusal_is_told_with_its_remedy_and_its_fields(run, net):
    status, out, err = run("allocate", f"{net}.0/24", "--wanted", "192.0.2.1")
    assert (status, out) == (1, "")
    assert err.startswith("ipmanager: ")
    status, _, err = run("add-server", "a b")
    assert (status, "  hostname: “a b” is not a host name" in err) == (1, True)


@pytest.mark.parametrize(
    "words", [("find", "no-such-thing"), ("servers", "no-such-thing"), ("next", "192.0.2.0/24")]
)
def test_nothing_found_is_status_1_and_a_word_on_stderr(run, words):
    status, out, err = run(*words)
    assert (status, out, err.startswith("ipmanager: ")) == (1, "", True)


def test_a_wrong_command_line_is_status_2(run):
    assert run("subnet")[0] == 2
    assert run("release")[0] == 2
    assert run("add-server", "--file", "/no/such/file")[0] == 2


def test_a_bad_token_says_what_to_set(run, monkeypatch):
    monkeypatch.setenv("IPMANAGER_TOKEN", "wrong")
    status, _, err = run("subnets")
    assert (status, "set IPMANAGER_TOKEN" in err) == (1, True)


def test_a_token_may_stand_in_a_file(run, monkeypatch, tmp_path):
    (tmp_path / "token").write_text(os.environ["IPMANAGER_TOKEN"] + "\n")
    monkeypatch.delenv("IPMANAGER_TOKEN")
    monkeypatch.setenv("IPMANAGER_TOKEN_FILE", str(tmp_path / "token"))
    assert run("subnets", "--json")[0] == 0


def test_nobody_there_is_status_3(run, monkeypatch):
    monkeypatch.setenv("IPMANAGER_URL", "http://127.0.0.1:1")
    status, _, err = run("subnets")
    assert (status, "check IPMANAGER_URL" in err) == (3, True)


def test_a_table_is_written_to_a_new_file_only(run, net, tmp_path):
    file = tmp_path / "subnets.csv"
    assert run("export", "subnets", "--within", f"{net}.0/24", "--output", str(file))[0] == 0
    assert file.read_text("utf-8-sig").count("\n") == 2
    assert run("export", "subnets", "--output", str(file))[0] == 2


def test_every_command_explains_itself_with_an_example(run):
    words = [
        line.split()[0]
        for line in run("--help")[1].splitlines()
        if line.startswith("    ") and line[4] != " "
    ]
    assert {"subnets", "next", "allocate", "release", "find", "why", "export"} <= set(words)
    for word in words:
        assert f"Example: ipmanager {word}" in run(word, "--help")[1]


def test_the_script_works_through_a_link_and_from_a_copy_of_its_directory_alone(tmp_path):
    (tmp_path / "ipmanager").symlink_to(ROOT / "bin/ipmanager")
    shutil.copytree(ROOT / "client", tmp_path / "copied")
    for command in (
        [tmp_path / "ipmanager", "subnets", "--json"],
        [sys.executable, "-S", "-m", "copied", "subnets", "--json"],
    ):
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr, done.stdout[:1]) == (0, "", "[")
