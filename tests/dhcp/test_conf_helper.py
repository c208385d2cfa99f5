"""deploy/ipmanager-dnsmasq-conf: whatever the web's user proposes, root installs a configuration of
ours or nothing."""

import importlib.machinery
import importlib.util
import json
import os
import random
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcp.files import netboot, scopes
from dhcp.files.records import ScopeRecord
from tests.support import require

pytestmark = require.mark("dnsmasq")

HELPER = Path(__file__).parents[2] / "deploy" / "ipmanager-dnsmasq-conf"
INSTALLED = b"# what was there before\n"


def load():
    """The script as a module, for its grammar alone."""
    loader = importlib.machinery.SourceFileLoader("conf_helper", str(HELPER))
    spec = importlib.util.spec_from_loader("conf_helper", loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["conf_helper"] = module  # dataclasses and the like look there
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = writes
    return module


helper = load()


class Root:
    """A directory to propose in, a directory to install into, a command that stands for the
    restart."""

    def __init__(self, home):
        self.proposals, self.etc = home / "proposals", home / "etc"
        for directory in (self.proposals, self.etc):
            directory.mkdir(mode=0o755)
        self.conf, self.target = self.proposals / "conf", self.etc / "ipmanager.conf"
        self.restarts = home / "restarts"
        self.target.write_bytes(INSTALLED)

    def run(self, *more, restart=None, up="true", program=HELPER):
        """Status, and what it tells as JSON."""
        restart = restart or f"sh -c 'echo restart >> {self.restarts}'"
        places = [f"--directory={self.proposals}", f"--target={self.target}"]
        command = [
            sys.executable,
            "-I",
            program,
            *places,
            f"--restart={restart}",
            f"--up={up}",
            "--settle=0",
            "--patience=0.3",
            "--json",
            *more,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.stdout, done.stderr
        told = json.loads(done.stdout.splitlines()[-1])
        assert told["status"] == done.returncode
        return told

    def restarted(self):
        return self.restarts.read_text().count("restart") if self.restarts.exists() else 0

    def good(self, *lines):
        """A proposal as it should be, with further lines."""
        first = f"dhcp-hostsfile={self.proposals}/hosts", f"dhcp-optsfile={self.proposals}/opts"
        own = ("dhcp-authoritative", *first, f"addn-hosts={self.proposals}/generation")
        return "".join(f"{line}\n" for line in (*own, *lines)).encode("utf-8", "surrogateescape")

    def untouched(self):
        return (
            self.target.read_bytes() == INSTALLED
            and not self.restarted()
            and len(list(self.etc.iterdir())) == 1
        )


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path)


RANGE = "dhcp-range=set:s1,10.77.0.100,10.77.0.109,255.255.255.0,3600"

GOOD_LINES = [
    RANGE,
    "dhcp-range=tag:known,set:s1,10.77.0.100,10.77.0.109,255.255.255.0,3600",
    "dhcp-range=set:s1,10.77.0.0,static,255.255.255.0,3600",
    "dhcp-range=tag:br0.12,set:s1,10.77.0.0,static,255.255.255.0,3600",
    "dhcp-range=tag:eth1,tag:known,set:s1,10.77.0.100,10.77.0.109,255.255.255.0,3600",
    "dhcp-range=set:s2,fd00::100,fd00::1ff,64,3600",
    "dhcp-range=set:s2,fd00::,static,64,3600",
    "dhcp-range=set:s2,fd00::100,fd00::1ff,slaac,64,3600",
    "shared-network=10.77.0.1,10.78.0.1",
    "enable-ra",
    '# a comment with anything: conf-dir=/tmp, "quotes" and #signs',
    "enable-tftp",
    "dhcp-match=set:ipxe,175",
    "dhcp-match=set:bios,option:client-arch,0",
    "dhcp-userclass=set:ipxe,iPXE",
    "dhcp-vendorclass=set:efihttp,HTTPClient:Arch:00016",
    "dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe",
    "dhcp-boot=tag:!ipxe,tag:bios,bios/undionly.kpxe,,10.77.0.1",
    "dhcp-boot=tag:ipxe,http://10.0.0.1/boot.ipxe?mac=${net0/mac:hexhyp}&uuid=${uuid}"
    "&serial=${serial:uristring}",
    "dhcp-boot=tag:efihttp,tag:!ipxe,http://[fd00::1]:8000/ipxe.efi",
    "dhcp-option-force=tag:efihttp,tag:!ipxe,option:vendor-class,HTTPClient",
]

HOSTILE_LINES = [
    # what runs, reads or writes something
    "dhcp-script=/tmp/evil",
    "conf-dir=/tmp",
    "conf-file=/tmp/x",
    "conf-script=/tmp/x",
    "log-facility=/etc/cron.d/x",
    "user=root",
    "group=root",
    "dhcp-luascript=/tmp/x",
    "addn-hosts=/etc/shadow",
    "hostsdir=/tmp",
    "enable-dbus",
    "dhcp-hostsdir=/tmp",
    "dhcp-leasefile=/etc/passwd",
    "pid-file=/etc/x",
    "servers-file=/tmp/x",
    "resolv-file=/tmp/x",
    "dumpfile=/etc/x",
    "tftp-root=/etc",
    "tftp-root=/",
    "address=/bank.example/6.6.6.6",
    "server=6.6.6.6",
    "no-daemon",
    "port=0",
    "interface=eth1",
    "dhcp-host=02:00:00:00:00:01,10.77.0.9",
    "dhcp-option=3,6.6.6.6",
    "dhcp-ignore=tag:x",
    "dhcp-remove-host=x",
    "dhcp-alternate-port",
    "read-ethers",
    "leasefile-ro",
    "keep-in-foreground",
    # the same by another spelling
    "--dhcp-script=/tmp/evil",
    " dhcp-script=/tmp/evil",
    "\tdhcp-script=/tmp/evil",
    "DHCP-SCRIPT=/tmp/evil",
    "dhcp-script /tmp/evil",
    "enable-ra=x",
    "dhcp-authoritative #x",
    "dhcp-range",
    "dhcp-range=",
    "=",
    " ",
    "",
    '"dhcp-script=/tmp/evil"',
    "dhcp-authoritative\\",
    RANGE + "\\",
    RANGE + " #",
    '"' + RANGE + '"',
    RANGE + "\r",
    RANGE + "\rdhcp-script=/tmp/evil",
    RANGE + "\0",
    "# \0",
    "# \x0bdhcp-script=/tmp/evil",
    "# \u2028x",
    "\ufeff" + RANGE,
    "# ünicode",
    "# \udcff",
    "dhcp-range=set:s1,١٠.77.0.1,10.77.0.9,255.255.255.0,3600",
    "# " + "x" * 1100 + "dhcp-script=/tmp/evil",
    RANGE + "0" * 1100,
    # paths that are not ours
    "dhcp-hostsfile=/etc/passwd",
    "dhcp-hostsfile={dir}/../hosts",
    "dhcp-hostsfile={dir}/hosts/../../../etc/passwd",
    "dhcp-hostsfile={dir}//hosts",
    "dhcp-hostsfile=hosts",
    "dhcp-hostsfile={dir}/hosts",
    "dhcp-optsfile={dir}/hosts",
    "addn-hosts={dir}/opts",
    "dhcp-optsfile={dir}",
    # ranges that are not ours, or none
    "dhcp-range=set:known,10.77.0.100,10.77.0.109,255.255.255.0,3600",
    "dhcp-range=set:office,10.77.0.100,10.77.0.109,255.255.255.0,3600",
    "dhcp-range=set:s,10.77.0.0,static,255.255.255.0,3600",
    "dhcp-range=set:s0,10.77.0.0,static,255.255.255.0,600",
    "dhcp-range=tag:off/ice,set:s1,10.77.0.100,10.77.0.109,255.255.255.0,3600",
    "dhcp-range=tag:!known,set:s1,10.77.0.100,10.77.0.109,255.255.255.0,3600",
    "dhcp-range=set:s1,set:s2,10.77.0.100,10.77.0.109,255.255.255.0,3600",
    "dhcp-range=10.77.0.100,10.77.0.109,255.255.255.0,3600",
    "dhcp-range=set:s1,10.77.0.100,10.77.0.109,3600",
    "dhcp-range=set:s1,10.77.0.109,10.77.0.100,255.255.255.0,3600",
    "dhcp-range=set:s1,10.77.0.100,10.78.0.109,255.255.255.0,3600",
    "dhcp-range=set:s1,10.77.0.0,10.77.0.9,255.255.255.0,3600",
    "dhcp-range=set:s1,10.77.0.250,10.77.0.255,255.255.255.0,3600",
    "dhcp-range=set:s1,10.77.0.100,10.77.0.109,0.0.0.255,3600",
    "dhcp-range=set:s1,10.77.0.100,10.77.0.109,255.0.255.0,3600",
    "dhcp-range=set:s1,0.0.0.0,static,0.0.0.0,3600",
    "dhcp-range=set:s1,10.77.0.9,static,255.255.255.0,3600",
    "dhcp-range=set:s1,10.77.0.100,10.77.0.109,255.255.255.0,infinite",
    "dhcp-range=set:s1,10.77.0.100,10.77.0.109,255.255.255.0,1h",
    "dhcp-range=set:s1,10.77.0.100,10.77.0.109,255.255.255.0,99999999999",
    "dhcp-range=set:s1,10.77.0.100,10.77.0.109,255.255.255.0,60",
    "dhcp-range=set:s1,10.77.0.100,fd00::1,64,3600",
    "dhcp-range=set:s1,10.77.0.100,10.77.0.109,255.255.255.0,3600,x",
    "dhcp-range=set:s2,fd00::100,fd00::1ff,48,3600",
    "dhcp-range=set:s2,fd00::1%eth0,static,64,3600",
    "dhcp-range=set:s2,FD00::,static,64,3600",
    "dhcp-range=set:s2,fd00:0::,static,64,3600",
    "dhcp-range=set:s2,fd00::,static,constructor:eth0,64,3600",
    "dhcp-range=set:s2,fd00::,ra-only,64,3600",
    "shared-network=eth0,10.78.0.1",
    "shared-network=10.77.0.1",
    "shared-network=10.77.0.1,fd00::1",
    "shared-network=10.77.0.1,10.78.0.1,x",
    # network boot
    "dhcp-match=set:known,175",
    "dhcp-match=set:s1,175",
    "dhcp-match=set:x,option:vendor-class,y",
    "dhcp-match=175",
    "dhcp-userclass=set:known,iPXE",
    "dhcp-userclass=set:x,*",
    "dhcp-boot=",
    "dhcp-boot=tag:ipxe",
    "dhcp-boot=/etc/shadow",
    "dhcp-boot=../../etc/shadow",
    "dhcp-boot=x/../../y",
    'dhcp-boot="x"',
    "dhcp-boot=x,server,10.0.0.1",
    "dhcp-boot=x,,evil.example",
    "dhcp-boot=file:///etc/passwd",
    "dhcp-boot=http://x/a b",
    "dhcp-boot=http://x/#,y",
    "dhcp-boot=tag:known,x",
    "dhcp-option-force=3,6.6.6.6",
    "dhcp-option-force=tag:ipxe,option:router,6.6.6.6",
    "dhcp-option-force=tag:ipxe,209,x",
    "enable-tftp=eth0",
    "tftp-root=/srv/tftp/../..",
]


ANY_LINES = [os.fsencode(line) for line in HOSTILE_LINES + GOOD_LINES]


def complaints(root, *lines):
    return helper.Grammar(root.proposals, ["/srv/tftp"]).complaints(root.good(*lines))


# --- what is installed ----------------------------------------------------------------------------


def test_a_good_proposal_is_installed_and_dnsmasq_restarted_once(root):
    root.conf.write_bytes(root.good(RANGE))
    told = root.run()
    assert (told["result"], told["diff"].splitlines()[-1]) == ("installed", f"+{RANGE}")
    assert (
        root.target.read_bytes() == root.conf.read_bytes()
        and root.target.stat().st_mode & 0o777 == 0o644
    )
    assert root.run()["result"] == "unchanged" and root.restarted() == 1


def test_the_former_one_is_kept_under_a_name_that_dnsmasq_does_not_read(root):
    root.conf.write_bytes(root.good(RANGE))
    root.run()
    assert sorted(path.name for path in root.etc.iterdir()) == [
        ".ipmanager.conf.previous",
        "ipmanager.conf",
    ]
    assert (root.etc / ".ipmanager.conf.previous").read_bytes() == INSTALLED


@pytest.mark.parametrize("flag", ["--dry-run", "--diff"])
def test_looking_changes_nothing(root, flag):
    root.conf.write_bytes(root.good(RANGE))
    assert (root.run(flag)["result"], root.untouched()) == ("would install", True)


def test_the_first_installation_needs_no_former_one(root):
    root.target.unlink()
    root.conf.write_bytes(root.good(RANGE))
    assert root.run()["result"] == "installed"


@pytest.mark.parametrize("line", GOOD_LINES)
def test_every_line_that_we_write_is_known(root, line):
    assert complaints(root, line) == []


def test_all_of_them_together_please_dnsmasq_itself(root):
    several = [line for line in GOOD_LINES if "range" not in line] + [
        GOOD_LINES[0],
        GOOD_LINES[3],
        "tftp-root=/srv/tftp",
    ]
    root.conf.write_bytes(root.good(*several))
    assert root.run("--tftp-root=/srv/tftp")["result"] == "installed"


@given(
    st.integers(8, 30), st.integers(1, 10**6), st.integers(120, 10**7), st.booleans(), st.booleans()
)
def test_whatever_scope_we_render_is_known(length, subnet_id, lease, known, pool):
    network = ip_network((10 << 24, length))
    ranges = ((network[1], network[2]),) if pool else ()
    data = scopes.conf_file(
        [ScopeRecord(subnet_id, network, lease, ranges, known)], Path("/srv/d"), "http://x"
    )
    assert helper.Grammar(Path("/srv/d"), []).complaints(data) == []


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("line", HOSTILE_LINES)
def test_every_other_line_is_refused_by_the_grammar_alone(root, line):
    assert complaints(root, line.replace("{dir}", str(root.proposals)))


def test_hostile_lines_in_a_file_are_refused_and_nothing_is_touched(root):
    for line in random.Random(7).sample(HOSTILE_LINES, 8):
        root.conf.write_bytes(root.good(RANGE, line.replace("{dir}", str(root.proposals))))
        told = root.run()
        assert (told["status"], told["result"], root.untouched()) == (3, "refused", True), line


@pytest.mark.parametrize(
    "lines, word",
    [
        ([RANGE, RANGE], "overlaps"),
        ([RANGE, RANGE.replace(".109", ".110").replace(".100", ".109")], "overlaps"),
        (
            [RANGE, RANGE.replace("s1", "s2").replace(".109", ".119").replace(".100", ".110")],
            "belong together",
        ),
        ([RANGE, RANGE.replace("10.77", "10.78")], "belong together"),
        ([RANGE, "dhcp-authoritative"], "twice"),
        (["enable-tftp", "tftp-root=/srv/tftp", "tftp-root=/srv/tftp"], "twice"),
    ],
)
def test_lines_that_contradict_each_other_are_refused(root, lines, word):
    assert word in complaints(root, *lines)[0]


@pytest.mark.parametrize("data", [b"", b"\n", b"# nothing\n", b"dhcp-authoritative\n", b"no end"])
def test_a_proposal_without_our_files_is_refused(root, data):
    """An emptied file would take every range away."""
    root.conf.write_bytes(data)
    assert root.run()["result"] == "refused" and root.untouched()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from(ANY_LINES), max_size=6))
def test_any_bytes_are_judged_without_an_error_of_its_own(lines):
    grammar = helper.Grammar(Path("/srv/d"), [])
    found = grammar.complaints(b"\n".join(lines))
    assert found and len(found) <= helper.MOST_COMPLAINTS  # our three files are never among them


def test_an_answer_to_rubbish_is_short(root):
    root.conf.write_bytes(b"rubbish\n" * 100_000)
    assert len(root.run()["complaints"]) == helper.MOST_COMPLAINTS and root.untouched()


def refused(root, word):
    told = root.run()
    assert (told["status"], root.untouched()) == (3, True)
    assert word in told["reason"]


def test_a_link_is_not_followed(root, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(root.good(RANGE))
    root.conf.symlink_to(elsewhere)
    refused(root, "symbolic link")


def test_a_link_in_place_of_the_directory_is_not_followed(root, tmp_path):
    root.conf.write_bytes(root.good(RANGE))
    root.proposals.rename(tmp_path / "elsewhere")
    root.proposals.symlink_to(tmp_path / "elsewhere")
    refused(root, "symbolic link")


def test_a_pipe_makes_nobody_wait(root):
    os.mkfifo(root.conf)
    refused(root, "no regular file")


def test_a_directory_is_none(root):
    root.conf.mkdir()
    refused(root, "no regular file")


def test_a_hundred_megabytes_are_not_read(root):
    with root.conf.open("wb") as file:
        file.truncate(100_000_000)
    refused(root, "larger than")


def test_no_proposal_is_a_failure_with_its_name(root):
    told = root.run()
    assert (told["status"], told["reason"]) == (6, f"{root.conf}: No such file or directory")


def test_a_directory_that_others_may_write_to_is_no_place_for_a_configuration(root):
    root.conf.write_bytes(root.good(RANGE))
    root.etc.chmod(0o777)
    refused(root, "written by others")


def test_dnsmasq_s_own_refusal_counts(root, tmp_path):
    strict = tmp_path / "dnsmasq"
    strict.write_text("#!/bin/sh\necho 'bad option at line 3' >&2; exit 1\n")
    strict.chmod(0o755)
    root.conf.write_bytes(root.good(RANGE))
    told = root.run(f"--dnsmasq={strict}")
    assert (
        told["result"] == "refused"
        and "bad option at line 3" in told["reason"]
        and root.untouched()
    )


def test_without_dnsmasq_nothing_is_believed(root):
    root.conf.write_bytes(root.good(RANGE))
    assert root.run("--dnsmasq=/nowhere/dnsmasq")["result"] == "refused" and root.untouched()


# --- when dnsmasq does not come up ----------------------------------------------------------------


def up_only_with_the_former(root):
    return f"grep -q before {root.target}"


def test_the_former_one_comes_back_when_dnsmasq_does_not_come_up(root):
    root.conf.write_bytes(root.good(RANGE))
    told = root.run(up=up_only_with_the_former(root))
    assert (told["status"], told["result"]) == (4, "put back")
    assert root.target.read_bytes() == INSTALLED and root.restarted() == 2


def test_the_first_installation_goes_away_again_when_dnsmasq_does_not_come_up(root):
    root.target.unlink()
    root.conf.write_bytes(root.good(RANGE))
    assert root.run(up=f"test ! -e {root.target}")["result"] == "put back"
    assert not root.target.exists()


def test_a_restart_that_fails_is_told_in_its_own_words(root):
    root.conf.write_bytes(root.good(RANGE))
    told = root.run(restart="sh -c 'echo no such unit >&2; exit 5'")
    assert (told["status"], told["result"]) == (5, "down")
    assert "no such unit" in told["reason"] and root.target.read_bytes() == INSTALLED


def test_a_restart_that_was_interrupted_is_made_up_for(root):
    root.conf.write_bytes(root.good(RANGE))
    command = [
        sys.executable,
        "-I",
        HELPER,
        f"--directory={root.proposals}",
        f"--target={root.target}",
        "--up=true",
        "--restart=sh -c 'kill -9 $PPID'",
    ]
    assert subprocess.run(command, capture_output=True).returncode == -9
    assert root.target.read_bytes() == root.conf.read_bytes() and not root.restarted()
    assert root.run()["result"] == "installed" and root.restarted() == 1
    assert root.run()["result"] == "unchanged"


def test_our_own_lines_for_network_boot_are_known(root):
    groups = netboot.groups("http://10.0.0.1:8000", Path("/srv/tftp"))
    data = scopes.conf_file([], root.proposals, "http://x", groups)
    assert b"dhcp-boot=" in data
    assert helper.Grammar(root.proposals, ["/srv/tftp"]).complaints(data) == []
    assert helper.Grammar(root.proposals, []).complaints(data) == [
        "line 8: not allowed by --tftp-root: b'tftp-root=/srv/tftp'"
    ]


def test_lines_for_shared_wires_and_router_advertisements_are_known(root):
    six = ScopeRecord(
        2, ip_network("fd00::/64"), 600, advertises="slaac", wire=ip_address("fd01::1")
    )
    four = ScopeRecord(1, ip_network("10.88.0.0/24"), 600, wire=ip_address("10.77.0.1"))
    managed = ScopeRecord(3, ip_network("fd02::/64"), 600, advertises="managed")
    data = scopes.conf_file([four, six, managed], root.proposals, "http://x")
    assert data.count(b"shared-network=") == 2 and b"enable-ra\n" in data
    assert helper.Grammar(root.proposals, []).complaints(data) == []
