"""Boot once: an installation, then the disk, whatever happens."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from pxe.models import BootAssignment, BootEvent
from tests.pxe import tokenizer
from tests.pxe.factories import AssignmentFactory, FileFactory, ImageFactory, MenuFactory

pytestmark = pytest.mark.django_db
A = "02:00:00:00:00:0a"


@pytest.fixture(autouse=True)
def boot_root(settings, tmp_path):
    settings.BOOT_ROOT = tmp_path
    for name in ("vmlinuz", "initrd.gz"):
        (tmp_path / name).write_bytes(b"x" * 100)


@pytest.fixture
def install():
    kernel, initrd = FileFactory(name="vmlinuz"), FileFactory(name="initrd.gz")
    image = ImageFactory(name="install", kernel=kernel, initrds=[initrd])
    return AssignmentFactory(server__mac_address=A, server__ip_address="10.77.0.9", image=image)


def boots(client):
    text = client.get(
        "/boot.ipxe", {"mac": A, "platform": "pcbios"}, REMOTE_ADDR="10.77.0.9"
    ).content.decode()
    return tokenizer.booted(text) or tokenizer.default(text)


def fetch(client, name, source="10.77.0.9"):
    response = client.get(f"/boot/files/{name}", REMOTE_ADDR=source)
    assert (response.status_code, response.getvalue()) == (200, b"x" * 100)


def ended():
    return BootEvent.objects.get(kind="ended").detail


def test_after_as_many_attempts_as_allowed_the_machine_boots_its_disk_and_the_timeline_says_why(
    client, install
):
    assert [boots(client) for _ in range(5)] == ["/boot/files/vmlinuz"] * 3 + ["local"] * 2
    install.refresh_from_db()
    assert (install.state, install.attempts) == ("given_up", 3)
    assert "offered 3 times without a call-back" in ended()


def test_after_its_time_limit_the_machine_boots_its_disk_and_the_timeline_says_why(client, install):
    assert boots(client) == "/boot/files/vmlinuz"
    BootAssignment.objects.update(first_offered_at=timezone.now() - timedelta(minutes=120))
    assert boots(client) == "local"
    assert "within 120 minutes" in ended()


def test_time_counts_from_the_first_attempt_not_from_the_order(client, install):
    BootAssignment.objects.update(created_at=timezone.now() - timedelta(days=90))
    assert boots(client) == "/boot/files/vmlinuz"


def test_where_the_start_is_enough_the_last_file_ends_it(client, install):
    BootAssignment.objects.update(ends_with="start")
    assert boots(client) == "/boot/files/vmlinuz"
    fetch(client, "vmlinuz")
    assert BootAssignment.objects.get().state == "offered"
    fetch(client, "initrd.gz")
    assert BootAssignment.objects.get().state == "done"
    assert boots(client) == "local"


def test_somebody_else_s_download_ends_nothing(client, install):
    BootAssignment.objects.update(ends_with="start")
    boots(client)
    fetch(client, "initrd.gz", "10.77.0.66")
    assert BootAssignment.objects.get().state == "offered"


def test_an_image_from_elsewhere_is_over_when_it_was_offered(client, install):
    install.image = ImageFactory(kind="chain", kernel=None, chain_url="http://10.0.0.1/x")
    install.ends_with = "start"
    install.save()
    assert [boots(client), boots(client)] == ["http://10.0.0.1/x", "local"]


def test_once_comes_before_always_which_comes_back_afterwards(client, install):
    always = AssignmentFactory(server=install.server, mode="always")
    BootAssignment.objects.filter(pk=install.pk).update(max_attempts=1)
    assert [boots(client), boots(client)] == [
        "/boot/files/vmlinuz",
        f"/boot/files/{always.image.kernel}",
    ]


def test_after_an_installation_no_menu_installs_again_by_itself(client, install):
    MenuFactory(is_default=True, default_image=install.image, timeout=0)
    install.delete()
    assert boots(client) == f"img{install.image.pk}"
    again = AssignmentFactory(server=install.server, image=install.image, max_attempts=1)
    assert boots(client) == "/boot/files/vmlinuz"
    text = client.get("/boot.ipxe", {"mac": A}).content.decode()
    assert (tokenizer.default(text), "--timeout 5000" in text) == ("local", True)
    again.refresh_from_db()
    assert again.state == "given_up"


def test_a_server_may_be_installed_again_by_a_new_assignment(client, install):
    for _ in range(4):
        boots(client)
    AssignmentFactory(server=install.server, image=install.image)
    assert boots(client) == "/boot/files/vmlinuz"


def test_each_file_fetched_is_on_the_timeline(client, install):
    boots(client)
    fetch(client, "vmlinuz")
    fetch(client, "initrd.gz")
    events = BootEvent.objects.of(install.server).values_list("kind", "detail")
    assert list(events) == [
        ("file", "initrd.gz"),
        ("file", "vmlinuz"),
        ("offer", "Attempt 1 of 3."),
    ]


# --- what may be assigned -------------------------------------------------------------------------


def test_a_server_has_one_open_assignment_of_each_mode_and_the_refusal_names_it(install):
    with pytest.raises(ValidationError, match="already boots “install” once"):
        AssignmentFactory(server=install.server)


def test_once_needs_an_image_and_an_enabled_one(install):
    with pytest.raises(ValidationError, match="Choose the image"):
        AssignmentFactory(image=None)
    with pytest.raises(ValidationError, match="is disabled"):
        AssignmentFactory(image=ImageFactory(enabled=False))


# --- addresses that are not known as the server's -------------------------------------------------


def boots_from(client, source, **claims):
    claims = {"mac": A, "platform": "pcbios", **claims}
    return client.get("/boot.ipxe", claims, REMOTE_ADDR=source).content.decode()


def test_somebody_elsewhere_uses_up_no_attempt(client, install):
    for number in range(20):
        boots_from(client, f"198.51.100.{number % 7}")
    install.refresh_from_db()
    assert (install.state, install.attempts, install.first_offered_at) == ("waiting", 0, None)
    assert [boots(client) for _ in range(4)] == ["/boot/files/vmlinuz"] * 3 + ["local"]


def test_somebody_elsewhere_ends_nothing_by_fetching_the_files(client, install):
    BootAssignment.objects.update(ends_with="start")
    boots_from(client, "198.51.100.1")
    fetch(client, "vmlinuz", "198.51.100.1")
    fetch(client, "initrd.gz", "198.51.100.1")
    assert BootAssignment.objects.get().state == "waiting"


def test_an_image_from_elsewhere_is_not_over_when_somebody_elsewhere_asks(client, install):
    install.image = ImageFactory(kind="chain", kernel=None, chain_url="http://10.0.0.1/x")
    install.ends_with = "start"
    install.save()
    boots_from(client, "198.51.100.1")
    assert BootAssignment.objects.get().state == "waiting"


def test_a_machine_at_an_unknown_address_does_not_install_for_ever(client, install):
    scripts = [boots_from(client, "198.51.100.1") for _ in range(5)]
    assert [tokenizer.booted(text) for text in scripts] == ["/boot/files/vmlinuz"] * 3 + [None] * 2
    BootEvent.objects.update(at=timezone.now() - timedelta(minutes=121))
    BootAssignment.objects.update(max_attempts=9)
    assert tokenizer.booted(boots_from(client, "198.51.100.1")) is None


def test_the_script_names_the_server_only_at_its_own_address(client, install):
    name = install.server.hostname
    assert name not in boots_from(client, "198.51.100.1")
    assert name in boots_from(client, "10.77.0.9")
