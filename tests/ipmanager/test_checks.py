from ipaddress import ip_network

import pytest

from ipmanager import checks


@pytest.fixture
def warned(settings):
    """The ids of the warnings under these settings."""

    def ids(**changed):
        for name, value in changed.items():
            setattr(settings, name, value)
        return {warning.id for warning in checks.check_settings(None)}

    return ids


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_the_defaults_raise_no_doubt(warned, host):
    assert warned(BIND=(host, 8000)) == set()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_open_port_wants_host_names_and_a_public_url(warned, host):
    url = f"http://[{host}]:8000" if ":" in host else f"http://{host}:8000"
    hosts = ["localhost", "127.0.0.1", "[::1]", host]
    assert warned(BIND=(host, 8000), PUBLIC_URL=url, ALLOWED_HOSTS=hosts) == {
        "ipmanager.W001",
        "ipmanager.W002",
    }


def test_an_open_port_with_a_name_for_others_is_fine(warned):
    proxy = [ip_network("127.0.0.1")]
    hosts = ["localhost", "ipam.test"]
    assert (
        warned(
            BIND=("::", 8000),
            PUBLIC_URL="https://ipam.test",
            ALLOWED_HOSTS=hosts,
            TRUSTED_PROXIES=proxy,
        )
        == set()
    )
    assert (
        warned(BIND=("192.0.2.1", 8000), PUBLIC_URL="http://192.0.2.1", ALLOWED_HOSTS=["192.0.2.1"])
        == set()
    )


def test_what_is_loose_at_home_is_doubtful_on_an_open_port(warned):
    assert {"ipmanager.W003", "ipmanager.W004"} <= warned(
        BIND=("0.0.0.0", 8000), DEBUG=True, POOL_API="open"
    )


def test_tls_wants_a_proxy_that_is_believed(warned):
    assert warned(PUBLIC_URL="https://ipam.test") == {"ipmanager.W007"}


def test_a_short_bootstrap_token_is_doubtful(warned):
    assert warned(BOOTSTRAP_TOKEN="secret") == {"ipmanager.W006"}
    assert warned(BOOTSTRAP_TOKEN="s" * 20) == set()


def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"a / ext4 rw 0 0\nb {tmp_path}/our\\040files nfs4 rw 0 0\n")
    assert checks.file_system(tmp_path / "our files" / "x.sqlite3", mounts) == "nfs4"
    assert checks.file_system(tmp_path / "x.sqlite3", mounts) == "ext4"


def test_a_misspelt_setting_is_named_with_the_nearest(warned, monkeypatch):
    monkeypatch.setenv("IPMANAGER_DNSMAQS_DIR", "/srv/dnsmasq")
    assert warned() == {"ipmanager.W008"}
    (found,) = checks.check_names()
    assert "IPMANAGER_DNSMAQS_DIR" in found.msg
    assert found.hint == "do you mean IPMANAGER_DNSMASQ_DIR?"
