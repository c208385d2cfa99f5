"""The suite of ISC's migration assistant: what is right is read as Kea has it, what is wrong is
refused with its line."""

import json
import re

import pytest

from importers.kinds import KINDS
from importers.readers.kea.json_lines import load
from importers.records import Machine, Net, Option, Range, Scope
from importers.source import BadInput, Source
from tests.support import corpora

# The lease time of a pool, which the assistant gives to the whole subnet: ours is left out with its
# line.
OF_POOLS = {"pool42", "pool6"}
STRUCTURED = {47}  # an address with bytes behind it: no kind of our options
RESOLVED = {"ipaddrhost4"}  # a host by its name, which the assistant asks DNS for
# The suite's message names the block around the statement, ours the statement itself, or the other
# way.
OTHER_LINE = {"groupsubnetif.err4", "shareempty.err"}


def suite():
    return corpora.folder("corpora/isc-dhcpd")


def read(path):
    kind = "isc-dhcpd6" if "6" in path.suffix else "isc-dhcpd"
    return KINDS[kind].records(Source.at_path(path))


def test_every_right_file_is_read():
    files = [path for path in suite().iterdir() if re.match(r"\.in|\.dir", path.suffix)]
    assert len(files) > 50
    for path in files:
        read(path)


def test_every_wrong_file_is_refused_with_its_line():
    for path in suite().glob("*.err*"):
        with pytest.raises(BadInput) as error:
            read(path)
        message = path.with_suffix(".msg").read_text()
        line = re.search(r"line (\d+)", message)[1]
        assert f"{path.name}:{line}: " in str(error.value) or path.name in OTHER_LINE, path.name


def test_subnets_ranges_and_reservations_are_those_of_kea(tmp_path):
    compared = 0
    for path in suite().glob("*.in[46]"):
        expected = kea(path.with_suffix(".out"), tmp_path)
        found = read(path)
        assert subnets(found) == subnets(expected), path.name
        assert ranges(found) == ranges(expected), path.name
        if path.stem not in RESOLVED:
            assert hosts(found) >= hosts(expected), path.name
        compared += len(subnets(expected))
    assert compared > 15


def test_options_and_lease_times_of_subnets_are_those_of_kea(tmp_path):
    for path in suite().glob("*.in[46]"):
        expected = kea(path.with_suffix(".out"), tmp_path)
        found = read(path)
        assert options(found) == options(expected), path.name
        if path.stem not in OF_POOLS:
            assert times(found) == times(expected, default=43_200), path.name


def kea(path, tmp_path):
    """The expected configuration, by our reader of Kea."""
    copy = tmp_path / "kea.json"
    copy.write_text(path.read_text())
    assert json.dumps(load(Source.at_path(copy), "kea.json"))
    return KINDS["kea"].records(Source.at_path(copy))


def subnets(found):
    return {net.network for net in found.all(Net)}


def ranges(found):
    return {(one.first, one.last) for one in found.all(Range)}


def hosts(found):
    return {(one.hostname, one.mac, one.ip) for one in found.all(Machine)}


def options(found):
    kept = [one for one in found.all(Option) if one.number not in STRUCTURED]
    facts = {(one.network, one.number, one.value) for one in kept}
    return facts | {
        (net.network, net.gateway, net.dns_servers, net.domain) for net in found.all(Net)
    }


def times(found, default=None):
    """Kea's own default is another one than ISC's."""
    found = {scope.network: scope.lease_time for scope in found.all(Scope)}
    if default:
        found = {net: default if time == 7200 else time for net, time in found.items()}
    return found
