"""iPXE's loaders: published, served over HTTP, and named in dnsmasq's configuration."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dhcp.files import netboot, scopes
from pxe import loaders
from pxe.models import BootEvent
from tests.ipam.factories import ServerFactory

URL = "http://10.77.0.1:8000"


@pytest.fixture
def package(tmp_path, settings):
    settings.TFTP_ROOT = tmp_path / "tftp"
    package = tmp_path / "package"
    package.mkdir()
    for name in loaders.REQUIRED:
        (package / name).write_bytes(name.encode())
    return package


def test_loaders_are_published_once_and_readable_by_dnsmasq(package, settings, capsys):
    call_command("publish_loaders", "--from", str(package))
    assert {path.name for path in settings.TFTP_ROOT.iterdir()} == set(loaders.REQUIRED)
    assert (settings.TFTP_ROOT / "snponly.efi").stat().st_mode & 0o777 == 0o644
    call_command("publish_loaders", "--from", str(package))
    assert capsys.readouterr().out.endswith("is up to date\n")


def test_a_missing_package_is_named_with_the_remedy(package):
    (package / "ipxe.efi").unlink()
    with pytest.raises(CommandError, match="no ipxe.efi.*Install Debian's package ipxe"):
        call_command("publish_loaders", "--from", str(package))


@pytest.mark.django_db
def test_firmware_fetches_a_loader_by_http_after_asking_for_its_head(package, client):
    server = ServerFactory(ip_address="10.77.0.9")
    loaders.publish(package)
    head = client.head("/boot/loaders/ipxe.efi", REMOTE_ADDR="10.77.0.9")
    assert (head.status_code, head["Content-Length"]) == (200, "8")
    assert client.get("/boot/loaders/ipxe.efi", REMOTE_ADDR="10.77.0.9").getvalue() == b"ipxe.efi"
    assert list(BootEvent.objects.values_list("server", "kind", "detail")) == [
        (server.pk, "loader", "ipxe.efi")
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["ipxe.lkrn", "secret", "..", "undionly.kpxe%00", "snponly-arm64.efi"]
)
def test_no_other_file_of_that_directory_is_served(package, client, settings, name):
    loaders.publish(package)
    (settings.TFTP_ROOT / "secret").write_text("x")
    assert client.get(f"/boot/loaders/{name}").status_code == 404


# --- dnsmasq's configuration ----------------------------------------------------------------------


def conf(url, root="/srv/tftp"):
    text = scopes.conf_file(
        [], Path("/srv/d"), "http://x", netboot.groups(url, Path(root))
    ).decode()
    return text.splitlines()


def test_without_a_boot_url_the_configuration_says_nothing_of_network_boot():
    assert not [line for line in conf("") if "boot" in line or "tftp" in line]


def test_each_firmware_gets_its_loader_and_ipxe_its_script():
    lines = conf(URL)
    assert lines[lines.index("# Network boot") + 1 :] == [
        "enable-tftp",
        "tftp-root=/srv/tftp",
        "dhcp-match=set:ipxe,175",
        "dhcp-userclass=set:ipxe,iPXE",
        "dhcp-match=set:bios,option:client-arch,0",
        "dhcp-match=set:efi64,option:client-arch,7",
        "dhcp-match=set:efi64,option:client-arch,9",
        "dhcp-match=set:efiarm64,option:client-arch,11",
        "dhcp-match=set:efihttp,option:client-arch,16",
        f"dhcp-boot=tag:ipxe,{URL}/boot.ipxe?mac=${{net0/mac:hexhyp}}&uuid=${{uuid}}"
        "&serial=${serial:uristring}"
        "&arch=${buildarch}&platform=${platform}",
        "dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe",
        "dhcp-boot=tag:!ipxe,tag:efi64,snponly.efi",
        "dhcp-boot=tag:!ipxe,tag:efiarm64,snponly-arm64.efi",
        "dhcp-option-force=tag:efihttp,tag:!ipxe,option:vendor-class,HTTPClient",
        f"dhcp-boot=tag:efihttp,tag:!ipxe,{URL}/boot/loaders/ipxe.efi",
    ]
