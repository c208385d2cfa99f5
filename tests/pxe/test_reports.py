"""The machine itself tells what becomes of its boot, and what we do not have is told."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core.findings import Finding
from pxe import health_checks
from pxe.boot import boot_once, validate
from pxe.events import boot_state
from pxe.models import BootEvent
from tests.ipam.factories import ServerFactory
from tests.pxe import tokenizer
from tests.pxe.factories import AssignmentFactory, FileFactory, ImageFactory

pytestmark = pytest.mark.django_db
MAC, IP, ELSEWHERE = "02:00:00:00:00:0a", "10.77.0.9", "10.77.0.99"


@pytest.fixture
def server():
    return ServerFactory(hostname="pc", mac_address=MAC, ip_address=IP)


@pytest.fixture
def get(client):
    def get(path, source=IP):
        return client.get(path, REMOTE_ADDR=source)

    return get


def steps(server):
    rows = BootEvent.objects.of(server).values_list("kind", "detail")
    return list(rows)[::-1]


def reports(text):
    """The pages that a script fetches to tell something."""
    commands = [part for part in tokenizer.read(text) if isinstance(part, list)]
    return [command[-1] for command in commands if command[0] == "imgfetch"]


def test_a_menu_reports_what_is_chosen_what_fails_and_the_disk(get, server):
    image = ImageFactory(name="debian")
    text = get(f"/boot.ipxe?mac={MAC}").content.decode()
    start = "/boot/report/"
    assert reports(text) == [
        f"{start}chosen/{image.pk}",
        f"{start}failed/{image.pk}",
        f"{start}chosen/shell",
        f"{start}disk/local",
    ]
    for path in reports(text):
        assert get(path).status_code == 200
    assert steps(server)[1:] == [
        ("chosen", "debian"),
        ("failed", "debian"),
        ("chosen", "iPXE shell"),
        ("disk", ""),
    ]


@pytest.mark.parametrize("path", ["chosen/999", "chosen/x", "started/local", "chosen/" + "9" * 30])
def test_what_no_script_tells_is_not_logged(get, server, path):
    assert get(f"/boot/report/{path}").status_code == 404
    assert steps(server) == []


def test_a_report_counts_for_the_server_at_its_source_only(get, server):
    image = ImageFactory()
    get(f"/boot/report/failed/{image.pk}", ELSEWHERE)
    assert steps(server) == []
    assert BootEvent.objects.get().server is None


def test_a_file_that_is_missing_is_told_and_named(get, server):
    assignment = AssignmentFactory(server=server, mode="always", image__name="debian")
    get(f"/boot.ipxe?mac={MAC}")
    (kernel,) = BootEvent.objects.filter(image=assignment.image).values_list(
        "image__kernel__name", flat=True
    )
    FileFactory(name="gone/initrd", is_missing=True)
    for name in ("gone/initrd", "never/existed"):
        assert get(f"/boot/files/{name}").status_code == 404
    get(f"/boot/report/failed/{assignment.image.pk}")
    assert steps(server)[1:] == [
        ("missing", "gone/initrd"),
        ("missing", "never/existed"),
        ("failed", "debian"),
    ]
    found = boot_state.diagnosis(boot_state.events_of(server), timezone.now())
    assert (found.text[:32], found.good) == ("The file gone/initrd is missing ", False)
    assert kernel


def test_a_file_that_can_have_no_name_is_missing(get, server):
    assert get("/boot/files/a%00b").status_code == 404
    assert steps(server) == [("missing", "ab")]


def test_an_image_that_did_not_start_is_a_diagnosis_until_the_next_boot(get, server):
    assignment = AssignmentFactory(server=server, mode="always", image__name="debian")
    for path in (f"/boot.ipxe?mac={MAC}", f"/boot/report/failed/{assignment.image.pk}"):
        get(path)
    get("/boot/report/disk/local")
    found = boot_state.diagnosis(boot_state.events_of(server), timezone.now())
    assert ("could not start “debian”" in found.text, found.good) == (True, False)
    get(f"/boot.ipxe?mac={MAC}")
    found = boot_state.diagnosis(boot_state.events_of(server), timezone.now())
    assert found.text == "The machine was given “debian”."


def test_an_image_chosen_from_the_menu_is_diagnosed_by_its_files(get, server):
    image = ImageFactory(name="debian", initrds=[FileFactory(name="deb/initrd")])
    get(f"/boot.ipxe?mac={MAC}")
    get(f"/boot/report/chosen/{image.pk}")
    later = timezone.now() + timedelta(minutes=2)
    BootEvent.objects.create(server=server, kind="file", detail=image.kernel.name)
    found = boot_state.diagnosis(boot_state.events_of(server), later)
    assert "deb/initrd was never fetched" in found.text


# --- images with missing files --------------------------------------------------------------------


def test_an_image_with_a_missing_file_is_in_no_menu_and_marked(get, server, admin_client):
    lost = FileFactory(name="lost/initrd", is_missing=True)
    broken, whole = ImageFactory(initrds=[lost]), ImageFactory()
    elsewhere = ImageFactory(kernel=FileFactory(url="http://10.0.0.1/vmlinuz", is_missing=True))
    items = tokenizer.items(get("/boot.ipxe").content.decode())
    assert {f"img{row.pk}" in items for row in (whole, elsewhere)} == {True}
    assert f"img{broken.pk}" not in items
    assert "lost/initrd is missing" in validate.problem(broken)
    assert "lost/initrd is missing" in admin_client.get("/admin/pxe/bootimage/").content.decode()
    (finding,) = health_checks.images()
    assert isinstance(finding, Finding)
    assert "lost/initrd is missing" in finding.msg


def test_an_assigned_image_with_a_missing_file_is_not_offered_and_counts_no_attempt(get, server):
    lost = FileFactory(is_missing=True)
    assignment = AssignmentFactory(server=server, image=ImageFactory(kernel=lost))
    get(f"/boot.ipxe?mac={MAC}")
    ((kind, why),) = steps(server)
    assert (kind, "is missing here" in why) == ("menu", True)
    assignment.refresh_from_db()
    assert assignment.attempts == 0


# --- order and attempts ---------------------------------------------------------------------------


def test_events_stand_in_the_order_in_which_they_happened(server, admin_client):
    start = datetime(2026, 11, 30, 14, tzinfo=UTC)
    for kind, second in (("menu", 2), ("file", 3), ("dhcp", 0), ("loader", 1)):
        at = start + timedelta(seconds=second)
        BootEvent.objects.create(server=server, kind=kind, at=at, ip_address=IP)
    in_order = ["dhcp", "loader", "menu", "file"]
    assert [kind for kind, _detail in steps(server)] == in_order
    listed = admin_client.get("/admin/pxe/bootevent/").context["cl"].result_list
    assert [event.kind for event in listed] == in_order[::-1]


def test_always_has_no_attempts(get, server):
    assignment = AssignmentFactory(server=server, mode="always")
    get(f"/boot.ipxe?mac={MAC}")
    assert steps(server) == [("offer", "It boots this image always.")]
    assert "0 of" not in boot_once.reason(assignment)


def test_attempts_of_a_source_that_is_not_confirmed_do_not_count(get, server):
    assignment = AssignmentFactory(server=server, mode="once", max_attempts=2)
    for _attempt in range(5):
        get(f"/boot.ipxe?mac={MAC}", "192.0.2.1")
    assignment.refresh_from_db()
    assert (assignment.attempts, assignment.state) == (0, "waiting")
    get(f"/boot.ipxe?mac={MAC}")
    assignment.refresh_from_db()
    assert (assignment.attempts, assignment.state) == (1, "offered")
