"""Whatever a file says: it is read, or refused by a sentence with its place.
IPMANAGER_TEST_PROOF=1 (`make proof`) tries thousands."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from importers.kinds import KINDS
from importers.source import Source
from tests.importers import test_dnsmasq, test_isc, test_kea, test_netbox, test_tables

EXAMPLES = 2000 if os.environ.get("IPMANAGER_TEST_PROOF") else 15
SAMPLES = {
    "isc-dhcpd": {"file": test_isc.CONF},
    "isc-leases": {"file": test_isc.LEASES},
    "dnsmasq": {"file": test_dnsmasq.CONF},
    "dnsmasq-leases": {"file": "1795000000 02:00:00:00:00:0a 10.1.0.100 box *\n"},
    "kea": {"file": test_kea.CONF, "hosts.json": test_kea.HOSTS},
    "kea-leases": {"file": test_kea.LEASES},
    "netbox": test_netbox.FILES,
    "zone": {"db.corp.example": test_tables.ZONE},
    "ethers": {"file": "2:0:0:0:0:a printer\n"},
    "hosts": {"file": "10.1.0.5 a.corp.example a\n"},
}
PIECES = [
    "",
    "\n",
    '"',
    "{",
    "}",
    ";",
    ",",
    "=",
    ":",
    "/",
    "#",
    "\\",
    "[",
    "99999999999",
    "::",
    "é",
]


@st.composite
def damaged(draw, text):
    """The text with some pieces of it replaced, or taken from elsewhere."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        from_here = draw(st.integers(0, len(text)))
        piece = draw(st.sampled_from([*PIECES, text[from_here : from_here + 20]]))
        text = text[:start] + piece + text[end:]
    return text


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_damaged_file_is_read_or_refused(kind):
    files = SAMPLES[kind]

    @settings(max_examples=EXAMPLES)
    @given(st.data())
    def run(data):
        texts = {name: data.draw(damaged(text)).encode() for name, text in files.items()}
        try:
            KINDS[kind].records(Source.of_uploads(texts))
        except Invalid as error:
            assert str(error)

    run()
