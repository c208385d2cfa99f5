import ipaddress

import pytest
from axes.helpers import get_client_ip_address
from django.http import HttpResponse

from core.proxies import TrustedProxies, client_address


@pytest.fixture
def seen(rf, settings):
    """The request as views see it, behind the trusted proxies 10.0.0.0/8 and ::1."""
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1")]

    def pass_through(caller, forwarded=None, scheme=None):
        headers = {
            "REMOTE_ADDR": caller,
            "HTTP_X_FORWARDED_FOR": forwarded,
            "HTTP_X_FORWARDED_PROTO": scheme,
        }
        request = rf.get(
            "/", **{name: value for name, value in headers.items() if value is not None}
        )
        TrustedProxies(lambda request: HttpResponse())(request)
        return request

    return pass_through


@pytest.mark.parametrize(
    ("caller", "forwarded", "client"),
    [
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "6.6.6.6, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "6.6.6.6, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "192.0.2.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("::ffff:10.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7:4711, 10.0.0.2:80", "192.0.2.7"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "[2001:db8::7]", "2001:db8::7"),
        ("10.0.0.1", "192.0.2.7:x", "10.0.0.1"),
    ],
)
def test_the_client_is_the_nearest_hop_that_is_no_proxy_of_ours(seen, caller, forwarded, client):
    assert client_address(seen(caller, forwarded)) == client


def test_a_stranger_cannot_choose_its_address_or_scheme(seen):
    request = seen("192.0.2.66", "10.0.0.1", "https")
    assert client_address(request) == "192.0.2.66"
    assert not request.is_secure()


def test_a_trusted_proxy_tells_the_scheme(seen):
    assert seen("10.0.0.1", "192.0.2.7", "https").is_secure()
    assert not seen("10.0.0.1", "192.0.2.7", "gopher").is_secure()


def test_login_attempts_count_for_the_client_not_for_the_proxy(seen):
    assert get_client_ip_address(seen("10.0.0.1", "192.0.2.7")) == "192.0.2.7"


def test_a_caller_on_a_unix_socket_has_no_address(seen):
    assert client_address(seen("")) == ""
