"""The arithmetic of addresses, held against Python's own `ipaddress`."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipam import addresses

lengths_4 = st.integers(8, 32)
lengths_6 = st.integers(64, 128)


def network_of(address, length):
    return ipaddress.ip_network((address, length), strict=False)


networks = st.one_of(
    st.builds(network_of, st.ip_addresses(v=4), lengths_4),
    st.builds(network_of, st.ip_addresses(v=6), lengths_6),
)


@given(
    st.one_of(
        st.builds(network_of, st.ip_addresses(v=4), st.integers(20, 32)),
        st.builds(network_of, st.ip_addresses(v=6), st.integers(116, 128)),
    )
)
def test_hosts_are_those_of_the_standard_library(network):
    hosts = list(network.hosts())
    first, last = addresses.first_host(network), addresses.last_host(network)
    assert (first, last) == (hosts[0], hosts[-1])
    assert addresses.size(first, last) == len(hosts)


@given(networks, st.integers(0, 2**128 - 1))
def test_an_address_is_a_host_exactly_between_the_ends(network, offset):
    address = network[offset % network.num_addresses]
    ends = {network.network_address, network.broadcast_address}
    if network.prefixlen >= network.max_prefixlen - 1 or address not in ends:
        assert addresses.is_host(network, address)
    else:
        assert addresses.is_host(network, address) == (
            network.version == 6 and address == network.broadcast_address
        )


@given(networks)
def test_supernets_are_all_networks_around_it(network):
    found = list(addresses.supernets(network))
    assert len(found) == network.prefixlen + 1
    assert all(network.subnet_of(other) for other in found)


@given(networks, networks)
def test_overlap_counts_the_shared_addresses(one, other):
    shared = addresses.overlap(one[0], one[-1], other[0], other[-1])
    if one.version != other.version or not one.overlaps(other):
        assert shared == 0
    else:
        assert shared == min(one.num_addresses, other.num_addresses)


@given(st.lists(networks, max_size=20))
def test_outermost_keeps_what_lies_in_no_other(some):
    in_order = sorted(set(some), key=lambda n: (n.version, int(n.network_address), n.prefixlen))
    kept = addresses.outermost(in_order, key=lambda n: n)
    assert kept == [
        n for n in in_order if not any(n != m and addresses.inside(n, m) for m in in_order)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "80:fd:95:03:d3:2b",
        "80-FD-95-03-D3-2B",
        "80fd.9503.d32b",
        "80FD9503D32B",
        " 80:fd:95:03:d3:2b ",
    ],
)
def test_every_usual_spelling_of_a_mac_is_one_mac(text):
    assert addresses.parse_mac(text) == "80:fd:95:03:d3:2b"


NO_MACS = [
    "02:00:00:00:00",
    "02:00:00:00:00:01:02",
    "02:00-00:00:00:01",
    "02:00:00:*:*:*",
    "0200:0000:0001",
    "g2:00:00:00:00:01",
    "",
    "٠2:00:00:00:00:01",
    "02:00:00:00:00:01\n02",
    "01:00:5e:00:00:01",
    "00:00:00:00:00:00",
    "ff:ff:ff:ff:ff:ff",
]


@pytest.mark.parametrize("text", NO_MACS)
def test_what_is_no_unicast_mac_is_refused(text):
    with pytest.raises(ValueError, match="MAC address"):
        addresses.parse_mac(text)


@given(st.binary(min_size=6, max_size=6).filter(lambda b: not b[0] & 1 and any(b)))
def test_a_mac_survives_every_spelling(raw):
    plain = raw.hex()
    colons = ":".join(plain[i : i + 2] for i in range(0, 12, 2))
    cisco = ".".join(plain[i : i + 4] for i in range(0, 12, 4))
    for spelling in (plain, plain.upper(), colons, colons.upper(), colons.replace(":", "-"), cisco):
        assert addresses.parse_mac(spelling) == colons


@pytest.mark.parametrize(
    "text",
    ["010.0.0.1", "10.0.0.300", "10.0.0", "10.0.0.1/24", "fe80::1%eth0", "::g", "", "1", "٣.0.0.1"],
)
def test_what_is_no_plain_address_is_refused(text):
    with pytest.raises(ValueError, match="address|zone"):
        addresses.parse_address(text)


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_the_ipv4_address(address):
    assert addresses.parse_address(f"::ffff:{address}") == address


def test_a_network_with_host_bits_is_refused_with_the_network_that_was_meant():
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/24"):
        addresses.parse_network("10.0.0.7/24")


@pytest.mark.parametrize("text", ["10.0.0.9-10.0.0.1", "10.0.0.1-2001:db8::1", "10.0.0.1-", "x"])
def test_a_range_must_run_upwards_in_one_family(text):
    with pytest.raises(ValueError):
        addresses.parse_range(text)
