"""What the DHCP tests share: a directory to write to, a real dnsmasq that reads it."""

import pytest

from dhcp.files import sync
from dhcp.files.targets import Target
from tests.support.lab import STATIC, laboratory


@pytest.fixture
def target(settings, tmp_path):
    """A directory of this test's own, with nobody to reload."""
    settings.DNSMASQ_DIR = tmp_path / "dnsmasq"
    settings.DNSMASQ_RELOAD = "none"
    settings.DNSMASQ_DNS = None
    settings.DNSMASQ_LEASES = tmp_path / "leases"
    settings.DHCP_SYNC = "inline"
    return Target.from_settings()


@pytest.fixture
def unhurried(monkeypatch):
    """A request always has time for its sync. By default a busy machine leaves it to the worker,
    and these tests run without one."""
    monkeypatch.setattr(sync, "BUDGET", 30.0)


@pytest.fixture
def lab(request, settings, target):
    """A real dnsmasq that serves what the ledger says; parametrize indirectly for other ranges."""
    with laboratory(getattr(request, "param", [STATIC])) as lab:
        settings.DNSMASQ_DIR = lab.files
        settings.DNSMASQ_RELOAD = lab.reload_setting
        settings.DNSMASQ_LEASES = lab.leases
        yield lab
        assert lab.complaints() == []
        assert lab.alive()


@pytest.fixture
def asked(lab, settings):
    """The same, and dnsmasq confirms by DNS what it has read; this thread is in its network."""
    settings.DNSMASQ_DNS = ("10.77.0.1", 53)
    with lab.inside():
        yield lab
