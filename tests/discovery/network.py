"""A network in two namespaces: on one side the prober, on the other simulated hosts."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import lab, require
from tests.support import simulated_hosts as program

ROOT = Path(__file__).parents[2]
_serial = itertools.count()


@dataclass
class Network:
    near: str  # the prober's namespace
    process: subprocess.Popen

    def count(self):
        """What has arrived at the hosts since the last call."""
        self.process.stdin.write("count\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    @contextmanager
    def entered(self):
        """This thread's network is the prober's."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.near}") as near:
            lab.enter(near.fileno())
            try:
                yield
            finally:
                lab.enter(home.fileno())


@contextmanager
def network(hosts, address="10.66.0.1/22"):
    """`hosts`: rows of IP, MAC and what it answers."""
    require.part("root", "namespaces")
    name = f"ipmd{os.getpid()}-{next(_serial)}"
    near, far = f"{name}-n", f"{name}-f"
    try:
        for namespace in (near, far):
            lab.run("ip", "netns", "add", namespace)
        pair = ["type", "veth", "peer", "name", "eth0", "netns", far]
        lab.run("ip", "link", "add", "eth0", "netns", near, *pair)
        lab.run("ip", "-n", near, "address", "add", address, "dev", "eth0")
        for namespace in (near, far):
            lab.run("ip", "-n", namespace, "link", "set", "dev", "eth0", "up")
            lab.run("ip", "-n", namespace, "link", "set", "dev", "lo", "up")
        with simulated_hosts(far, hosts) as process:
            for namespace in (near, far):
                wait_for_carrier(namespace)
            yield Network(near, process)
    finally:
        for namespace in (near, far):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)


def wait_for_carrier(namespace):
    """Until then, the kernel drops what is sent; it notices at most one link a second."""
    show = ["ip", "-n", namespace, "-o", "link", "show", "dev", "eth0"]
    for _attempt in range(100):
        if "state UP" in subprocess.run(show, capture_output=True, text=True).stdout:
            return
        time.sleep(0.05)
    raise AssertionError("eth0 has no carrier")


@contextmanager
def simulated_hosts(namespace, hosts):
    command = ["ip", "netns", "exec", namespace, sys.executable, "-I", program.__file__, "eth0"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **pipes)
    try:
        process.stdin.write(json.dumps({"hosts": hosts}) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.stdin.close()
        lab.stop(process)
        process.stdout.close()


@contextmanager
def arp_helper(net, *options):
    """The program that asks by ARP, as a user with CAP_NET_RAW and no other right; its socket."""
    home = Path(tempfile.mkdtemp(prefix="ipmanager-arp-"))
    home.chmod(0o777)
    path = home / "socket"
    raw = "-all,+net_raw"
    command = [
        *("ip", "netns", "exec", net.near),
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"),
        *(f"--inh-caps={raw}", f"--ambient-caps={raw}", f"--bounding-set={raw}"),
        *("/usr/bin/python3", "-I", "/dev/stdin"),
        *("--socket", str(path), "--interface", "eth0", *options),
    ]
    with (ROOT / "deploy/ipmanager-arp").open() as program:  # this user need not see our files
        process = subprocess.Popen(command, stdin=program)
    try:
        deadline = time.monotonic() + 20
        while not path.exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        yield path
    finally:
        lab.stop(process)
        shutil.rmtree(home)
