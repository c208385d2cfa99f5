"""Real dnsmasq takes every name that we write, as that name; and our files never make it
complain."""

import itertools
import random
import string
import subprocess
from ipaddress import ip_network

import pytest

from dhcp.files import check, render
from dhcp.files.names import safe_name
from dhcp.files.records import HostRecord
from dhcp.files.validate import MOST_MACS, validate
from tests.support.lab import laboratory

NET = ip_network("10.77.0.0/16")
SIGNS = string.ascii_lowercase + string.digits + "-_"


def accepted_names():
    """Every accepted name of one or two signs, words near the magic ones, and longer ones by
    chance."""
    short = (
        "".join(signs) for length in (1, 2) for signs in itertools.product(SIGNS, repeat=length)
    )
    near = [
        "ignored",
        "infinite1",
        "12hh",
        "h12",
        "0x1",
        "1e5",
        "7-7",
        "0-0",
        "set",
        "tag",
        "id",
        "net",
        "lo",
        "localhost",
    ]
    dice = random.Random(1)
    long = (
        "".join(dice.choices(SIGNS + "0123smhdw" * 3, k=dice.choice([3, 4, 5, 62, 63])))
        for _ in range(3000)
    )
    return list(
        dict.fromkeys(
            name for name in itertools.chain(short, near, long) if safe_name(name).text == name
        )
    )


def hosts_file(names):
    records = [
        HostRecord("server", n, (f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}",), NET[n], name, NET)
        for n, name in enumerate(names, start=2)
    ]
    return render.hosts_file(validate(records).lines, "http://ipm.example/")


def verdict(path, data):
    """dnsmasq's own check of a hosts file. It reads such lines strictly only in its
    configuration."""
    rows = [row for row in data.decode().splitlines() if not row.startswith("#")]
    path.write_text("".join(f"dhcp-host={row}\n" for row in rows))
    done = subprocess.run(
        ["dnsmasq", "--test", f"--conf-file={path}"], capture_output=True, text=True
    )
    return done.stderr.strip()


@pytest.mark.needs("dnsmasq")
def test_dnsmasq_s_own_check_takes_every_accepted_name(tmp_path):
    names = accepted_names()
    assert len(names) > 3000
    assert verdict(tmp_path / "conf", hosts_file(names)) == "dnsmasq: syntax check OK."


@pytest.mark.needs("dnsmasq")
def test_dnsmasq_s_own_check_takes_every_kind_of_line(tmp_path):
    six, macs = ip_network("fd00::/64"), [f"02:00:00:00:01:{n:02x}" for n in range(MOST_MACS)]
    records = [
        HostRecord("server", 1, tuple(macs), NET[9], "a" * 63, NET),
        HostRecord("server", 2, (macs[0],), six[9], "a" * 63, six),
        HostRecord("server", 3, ("02:00:00:00:00:03",), six[-1], "", six),
    ]
    validated = validate(records)
    assert len(validated.lines) == 3
    assert (
        verdict(tmp_path / "conf", render.hosts_file(validated.lines, ""))
        == "dnsmasq: syntax check OK."
    )


def test_a_client_gets_its_reservation_and_dnsmasq_gives_it_the_name():
    names = random.Random(2).sample(accepted_names(), 250)
    data = hosts_file(names)
    with laboratory(["10.77.0.0,static,255.255.0.0,1h"], address="10.77.0.1/16") as lab:
        lab.write_hosts(data.decode())
        lab.reload()
        rows = check.hosts_file(data, [NET]).rows
        assert [str(row.ip) for row in rows] == [lab.client.acquire(row.macs[0]).ip for row in rows]
        assert lab.lease_names() == {str(row.ip): row.name for row in rows}
        assert len(rows) == 250 and lab.complaints() == [] and lab.alive()


@pytest.mark.parametrize(
    "name",
    ["12h", "ignore", "infinite", "x,ignore", "x\n02:00:00:00:00:99,10.77.0.99", "set:x", '"', "*"],
)
def test_a_dangerous_name_costs_nobody_a_reservation(name):
    with laboratory(["10.77.0.0,static,255.255.0.0,1h"], address="10.77.0.1/16") as lab:
        lab.write_hosts(hosts_file(["before", name, "after"]).decode())
        for _ in range(
            2
        ):  # served, then reloaded, is what kills dnsmasq 2.90 with a tag in the file
            lab.reload()
            macs = [f"02:00:00:00:00:{n:02x}" for n in (2, 3, 4)]
            assert [lab.client.acquire(mac).ip for mac in macs] == [
                "10.77.0.2",
                "10.77.0.3",
                "10.77.0.4",
            ]
        assert set(lab.lease_names().values()) == {"before", "*", "after"}
        assert lab.client.discover("02:00:00:00:00:99", wait=0.2) is None
        assert lab.complaints() == [] and lab.alive()
