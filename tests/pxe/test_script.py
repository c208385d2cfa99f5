"""/boot.ipxe: who gets what."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core import env
from ipam.models import Sighting
from pxe.models import BootAssignment, BootEvent, BootIdentity, BootMenu, MenuServer, MenuSubnet
from tests.ipam.factories import InterfaceFactory, ServerFactory, SubnetFactory
from tests.pxe import tokenizer
from tests.pxe.factories import AssignmentFactory, FileFactory, ImageFactory, MenuFactory

pytestmark = pytest.mark.django_db
A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
UUID = "00112233-4455-6677-8899-aabbccddeeff"


@pytest.fixture
def ask(client):
    def ask(source="10.77.0.9", **said):
        said = {
            name: value.replace(":", "-") if name == "mac" else value
            for name, value in said.items()
        }
        response = client.get("/boot.ipxe", said, REMOTE_ADDR=source)
        assert (response.status_code, response["Content-Type"]) == (
            200,
            "text/plain; charset=utf-8",
        )
        assert not response.cookies
        text = response.content.decode("ascii")
        assert text.startswith("#!ipxe\n")
        return text

    return ask


# --- the default menu -----------------------------------------------------------------------------


def test_an_unknown_machine_gets_the_default_menu(ask):
    image = ImageFactory(name="debian-12", arch="uefi")
    text = ask(mac="02:99:00:00:00:01")
    assert tokenizer.items(text) == {
        "local": "Boot from local disk",
        f"img{image.pk}": "debian-12 [uefi]",
        "shell": "iPXE shell",
    }
    assert ["menu", "IPManager", "PXE", "Boot", "Menu"] in tokenizer.read(text)
    assert ["choose", "--default", "local", "--timeout", "5000", "selected"] in tokenizer.read(text)


@pytest.mark.parametrize(
    "said", [{}, {"mac": "nonsense"}, {"mac": "\0"}, {"uuid": "x", "arch": "é", "platform": "x"}]
)
def test_what_cannot_be_read_still_gets_the_menu(ask, said):
    assert tokenizer.default(ask(**said)) == "local"


def test_images_stand_in_their_order_and_a_disabled_one_never_appears(ask):
    last, first = ImageFactory(name="a", position=2), ImageFactory(name="b", position=1)
    ImageFactory(name="c", enabled=False)
    labels = [label for label in tokenizer.items(ask()) if label.startswith("img")]
    assert labels == [f"img{first.pk}", f"img{last.pk}"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"platform": "pcbios", "arch": "i386"}, {"any", "bios"}),
        ({"platform": "efi", "arch": "x86_64"}, {"any", "uefi"}),
        ({"platform": "efi", "arch": "arm64"}, {"any", "arm64"}),
        ({}, {"any", "bios", "uefi", "arm64"}),
    ],
)
def test_a_menu_shows_what_the_machine_can_run(ask, said, shown):
    for arch in ("any", "bios", "uefi", "arm64"):
        ImageFactory(name=f"for-{arch}", arch=arch)
    found = {
        text.split()[0]
        for label, text in tokenizer.items(ask(**said)).items()
        if label.startswith("img")
    }
    assert found == {f"for-{arch}" for arch in shown}


def test_a_kernel_is_started_with_its_initrds_named_for_uefi(ask):
    image = ImageFactory(cmdline="quiet console=ttyS0", kernel=FileFactory(name="deb/vmlinuz"))
    image.initrds = [FileFactory(name="deb/initrd.gz"), FileFactory(name="fw.gz")]
    image.save()
    commands = tokenizer.read(ask())
    start = commands.index(f":toldchosen{image.pk}") + 2
    assert commands[start : start + 9 : 3] == [
        [
            "kernel",
            "/boot/files/deb/vmlinuz",
            "initrd=initrd.gz",
            "initrd=fw.gz",
            "quiet",
            "console=ttyS0",
        ],
        ["initrd", "--name", "initrd.gz", "/boot/files/deb/initrd.gz"],
        ["initrd", "--name", "fw.gz", "/boot/files/fw.gz"],
    ]


def test_an_image_may_chain_elsewhere(ask):
    image = ImageFactory(kind="chain", kernel=None, chain_url="http://10.0.0.1/menu.ipxe")
    commands = tokenizer.read(ask())
    assert ["chain", "http://10.0.0.1/menu.ipxe"] in commands[commands.index(f":img{image.pk}") :]


# --- menus of servers and subnets -----------------------------------------------------------------


def test_a_server_s_own_menu_comes_before_its_subnet_s_and_that_before_the_default_one(ask):
    subnet, wide = SubnetFactory(network="10.77.0.0/24"), SubnetFactory(network="10.77.0.0/16")
    server = ServerFactory(mac_address=A, ip_address="10.77.0.9")
    MenuFactory(title="everybody", is_default=True)
    MenuSubnet.objects.create(menu=MenuFactory(title="wide"), subnet=wide)
    assert "menu wide\n" in ask(mac=A)
    MenuSubnet.objects.create(menu=MenuFactory(title="narrow"), subnet=subnet)
    assert "menu narrow\n" in ask(mac=A)
    MenuServer.objects.create(menu=MenuFactory(title="own"), server=server)
    assert "menu own\n" in ask(mac=A)
    assert "menu everybody\n" in ask(source="10.88.0.1")


def test_a_menu_offers_its_own_images_default_and_timeout(ask):
    shown, _hidden = ImageFactory(), ImageFactory()
    menu = MenuFactory(
        is_default=True, all_images=False, default_image=shown, timeout=0, shell=False
    )
    menu.images.add(shown)
    text = ask()
    assert set(tokenizer.items(text)) == {"local", f"img{shown.pk}"}
    assert ["choose", "--default", f"img{shown.pk}", "selected"] in tokenizer.read(text)


def test_a_default_that_the_machine_cannot_run_becomes_the_disk(ask):
    MenuFactory(is_default=True, default_image=ImageFactory(arch="uefi"))
    assert tokenizer.default(ask(platform="pcbios")) == "local"


def test_a_submenu_is_an_item_that_leads_there_and_back(ask):
    menu = MenuFactory(title="main", is_default=True, all_images=False)
    below = MenuFactory(title="rescue", parent=menu, all_images=False, shell=False)
    image = ImageFactory()
    below.images.add(image)
    text = ask()
    assert tokenizer.items(text)[f"menu{below.pk}"] == "rescue ..."
    inside = text[text.index(f"\n:menu{below.pk}\n") :]
    assert tokenizer.items(inside)["start"] == "Back"
    assert f"img{image.pk}" in tokenizer.items(inside)


# --- who is asking --------------------------------------------------------------------------------


def test_two_servers_boot_what_each_is_assigned(ask):
    mine, other = (
        AssignmentFactory(server__mac_address=A),
        AssignmentFactory(server__mac_address=B, mode="always"),
    )
    assert tokenizer.booted(ask(source="10.77.0.1", mac=A)) == f"/boot/files/{mine.image.kernel}"
    assert tokenizer.booted(ask(source="10.77.0.2", mac=B)) == f"/boot/files/{other.image.kernel}"
    assert tokenizer.booted(ask(source="10.77.0.3", mac="02:99:00:00:00:01")) is None


def by_interface(server):
    InterfaceFactory(server=server, mac_address=B)
    return {"mac": B}


def by_uuid(server):
    BootIdentity.objects.create(server=server, uuid=UUID)
    return {"mac": "02:99:00:00:00:01", "uuid": UUID.upper()}


def by_serial(server):
    BootIdentity.objects.create(server=server, serial="LAB123")
    return {"serial": "LAB123"}


def by_address(server):
    server.ip_address = "10.77.0.9"
    server.save()
    return {}


def by_lease(server):
    until = timezone.now() + timedelta(hours=1)
    Sighting.objects.create(
        ip_address="10.77.0.9", mac_address=A, source="lease", leased_until=until
    )
    return {}


def by_further_address(server):
    InterfaceFactory(server=server, mac_address=B, ip_address="10.77.0.9")
    return {}


def by_lease_of_a_further_card(server):
    InterfaceFactory(server=server, mac_address=B)
    until = timezone.now() + timedelta(hours=1)
    Sighting.objects.create(
        ip_address="10.77.0.9", mac_address=B, source="lease", leased_until=until
    )
    return {}


@pytest.mark.parametrize(
    "known",
    [
        by_interface,
        by_uuid,
        by_serial,
        by_address,
        by_lease,
        by_further_address,
        by_lease_of_a_further_card,
    ],
)
def test_a_server_is_known_by(ask, known):
    assignment = AssignmentFactory(server__mac_address=A)
    assert (
        tokenizer.booted(ask(**known(assignment.server)))
        == f"/boot/files/{assignment.image.kernel}"
    )


def test_who_speaks_from_somebody_else_s_address_is_nobody(ask):
    AssignmentFactory(server__mac_address=A)
    ServerFactory(hostname="web", ip_address="10.77.0.9")
    assert tokenizer.booted(ask(mac=A)) is None
    assert "10.77.0.9 is the address of web" in BootEvent.objects.get().detail


def test_who_speaks_from_an_address_leased_to_a_foreign_card_is_nobody(ask):
    """Else a guest could use up the attempts of an installation, knowing no more than a MAC."""
    assignment = AssignmentFactory(server__mac_address=A)
    until = timezone.now() + timedelta(hours=1)
    lease = Sighting.objects.create(
        ip_address="10.77.0.9", mac_address=B, source="lease", leased_until=until
    )
    assert tokenizer.booted(ask(mac=A)) is None
    assert f"10.77.0.9 is the address of {B}" in BootEvent.objects.get().detail
    assert BootAssignment.objects.get().attempts == 0

    Sighting.objects.filter(pk=lease.pk).update(leased_until=timezone.now())
    assert tokenizer.booted(ask(mac=A)) == f"/boot/files/{assignment.image.kernel}"


def test_a_disabled_server_is_nobody(ask):
    AssignmentFactory(server__mac_address=A, server__enabled=False)
    assert tokenizer.booted(ask(mac=A)) is None


# --- assignments ----------------------------------------------------------------------------------


def test_an_always_assignment_is_offered_each_time(ask):
    assignment = AssignmentFactory(server__mac_address=A, mode="always")
    for _ in range(5):
        assert tokenizer.booted(ask(mac=A)) == f"/boot/files/{assignment.image.kernel}"


def test_always_the_local_disk_shows_no_menu(ask):
    AssignmentFactory(server__mac_address=A, mode="always", image=None)
    text = ask(mac=A)
    assert not tokenizer.items(text)
    assert ["goto", "local"] in tokenizer.read(text)


@pytest.mark.parametrize("change", [{"enabled": False}, {"arch": "uefi"}])
def test_an_image_that_the_machine_cannot_have_is_not_offered_and_the_timeline_says_why(
    ask, change
):
    assignment = AssignmentFactory(server__mac_address=A)
    for name, value in change.items():
        setattr(assignment.image, name, value)
    assignment.image.save()
    assert tokenizer.booted(ask(mac=A, platform="pcbios")) is None
    assert str(assignment.image) in BootEvent.objects.get().detail
    assert BootAssignment.objects.get().attempts == 0


def test_a_machine_booted_like_this_is_on_its_timeline(ask):
    assignment = AssignmentFactory(server__mac_address=A)
    ask(mac=A, platform="efi", arch="x86_64")
    event = BootEvent.objects.get()
    assert (event.kind, event.server, event.image) == ("offer", assignment.server, assignment.image)
    assert (str(event.ip_address), event.mac_address, event.firmware) == ("10.77.0.9", A, "uefi")


def test_a_flood_of_strangers_leaves_one_event_for_each_address(ask):
    for number in range(5):
        ask(mac=f"02:99:00:00:00:0{number}")
    assert BootEvent.objects.get().mac_address == "02:99:00:00:00:04"


def test_strangers_from_ever_new_addresses_leave_no_more_than_is_kept(client, monkeypatch):
    monkeypatch.setattr("pxe.querysets.KEPT_UNKNOWN", 3)
    for number in range(6):
        client.get("/boot.ipxe", REMOTE_ADDR=f"2001:db8::{number}")
    assert [str(event.ip_address) for event in BootEvent.objects.all()] == [
        f"2001:db8::{n}" for n in (5, 4, 3)
    ]


def test_machines_without_an_address_of_their_own_all_get_their_script(client):
    """Two of them at once could leave two rows, and every later question would meet both."""
    for _ in range(2):
        assert client.get("/boot.ipxe", REMOTE_ADDR="").status_code == 200
    assert not BootEvent.objects.exists()


def test_a_server_s_old_events_are_forgotten(ask, monkeypatch):
    monkeypatch.setattr("pxe.querysets.KEPT_EVENTS", 3)
    AssignmentFactory(server__mac_address=A, mode="always")
    for _ in range(6):
        ask(mac=A)
    assert BootEvent.objects.count() == 3


def test_head_is_answered_and_counts_as_no_attempt(client):
    AssignmentFactory(server__mac_address=A)
    assert client.head("/boot.ipxe", {"mac": A}).status_code == 200
    assert BootAssignment.objects.get().attempts == 0


def test_the_boot_url_s_host_needs_no_further_setting():
    urls = ["http://10.0.0.1:8000", "http://[fd00::1]/x", ""]
    assert list(map(env.host_of, urls)) == ["10.0.0.1", "[fd00::1]", ""]


# --- its cost -------------------------------------------------------------------------------------


def queries(ask, **said):
    with CaptureQueriesContext(connection) as caught:
        ask(**said)
    return len(caught)


@pytest.mark.parametrize(
    ("said", "most"), [({"mac": A}, 5), ({"mac": B}, 6), ({"mac": "02:99:00:00:00:01"}, 5), ({}, 5)]
)
def test_the_number_of_queries_is_small_and_does_not_grow(ask, said, most):
    AssignmentFactory(server__mac_address=A, image__initrds=[FileFactory()], mode="always")
    ServerFactory(mac_address=B)
    ask(**said)
    few = queries(ask, **said)
    assert few <= most + 2  # the transaction
    for _ in range(12):
        AssignmentFactory(image__initrds=[FileFactory(), FileFactory()])
        MenuFactory()
    BootMenu.objects.update(timeout=9)
    assert queries(ask, **said) == few
