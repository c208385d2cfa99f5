"""What a machine's events say of it, in plain words."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from pxe.events.timeline import Expected, Step, diagnose
from pxe.models import BootEvent
from tests.ipam.factories import ServerFactory
from tests.pxe.factories import AssignmentFactory
from tests.support.api import with_session

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IMAGE = Expected("debian", ("vmlinuz", "initrd.gz"), answers=True)
OFFER, KERNEL, INITRD = ("offer", ""), ("file", "vmlinuz"), ("file", "initrd.gz")
ANSWER, DONE = ("answer", "preseed.cfg"), ("done", "")


def say(*events, ago=0, firmware="", expected=IMAGE):
    at = NOW - timedelta(seconds=ago)
    return diagnose([Step(kind, at, detail, firmware) for kind, detail in events], expected, NOW)


@pytest.mark.parametrize(
    ("events", "ago", "text", "good"),
    [
        ([], 0, "has never asked", None),
        ([OFFER], 10, "was given “debian”", None),
        ([OFFER], 50, "has fetched nothing for 50 s", False),
        ([OFFER, KERNEL], 10, "is fetching", None),
        (
            [OFFER, KERNEL],
            40,
            "Stuck after the kernel vmlinuz for 40 s: initrd.gz was never fetched",
            False,
        ),
        ([OFFER, KERNEL, INITRD], 60, "has fetched all files", True),
        ([OFFER, KERNEL, INITRD], 200, "has not fetched its answer file", False),
        ([OFFER, KERNEL, INITRD, ANSWER], 300, "has been working for 5 min", None),
        ([OFFER, KERNEL, INITRD, ANSWER, DONE], 0, "Installed", True),
        ([OFFER, KERNEL, INITRD, ANSWER, DONE, ("menu", "")], 0, "was shown its menu", None),
        ([("local", "")], 0, "its own disk", True),
        (
            [OFFER, ("refused", "preseed.cfg: the permit is spent")],
            0,
            "was refused: preseed.cfg",
            False,
        ),
        ([("loader", "snponly.efi")], 60, "has not asked for its menu for 60 s", False),
        ([("loader", "snponly.efi")], 5, "has fetched its loader", None),
    ],
)
def test_events_say(events, ago, text, good):
    found = say(*events, ago=ago)
    assert (text in found.text, found.good) == (True, good), found


@pytest.mark.parametrize(
    ("firmware", "loader", "text"),
    [
        ("uefi", "undionly.kpxe", "BIOS loader undionly.kpxe was sent to a UEFI client"),
        ("bios", "snponly.efi", "UEFI loader snponly.efi was sent to a BIOS client"),
    ],
)
def test_a_loader_for_another_firmware_is_named(firmware, loader, text):
    assert text in say(("menu", ""), ("loader", loader), firmware=firmware).text


@pytest.mark.django_db
def test_the_server_s_page_shows_its_timeline_and_the_diagnosis():
    assignment = AssignmentFactory()
    at = datetime.now(UTC) - timedelta(seconds=90)
    facts = {
        "server": assignment.server,
        "image": assignment.image,
        "assignment": assignment,
        "at": at,
    }
    BootEvent.objects.create(kind="offer", detail="Attempt 1 of 3.", **facts)
    page = (
        with_session(superuser())
        .get(f"/admin/ipam/server/{assignment.server.pk}/change/")
        .content.decode()
    )
    assert "Attempt 1 of 3." in page and "has fetched nothing for " in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    "page", ["bootfile", "bootimage", "bootmenu", "bootassignment", "bootevent", "bootanswers"]
)
def test_every_list_opens_and_searches(page):
    AssignmentFactory()
    client = with_session(superuser())
    for query in ("", "?q=deb", "?q=10.0.0.0/8", "?q=%00", "?q=02:00"):
        assert client.get(f"/admin/pxe/{page}/{query}").status_code == 200


def superuser():
    return User.objects.create_superuser("root")


@pytest.mark.django_db
def test_a_server_s_page_costs_the_same_whatever_it_did(django_assert_max_num_queries):
    server = ServerFactory()
    for number in range(30):
        BootEvent.objects.create(server=server, kind="file", detail=f"file-{number}")
    client = with_session(superuser())
    with django_assert_max_num_queries(40):
        assert client.get(f"/admin/ipam/server/{server.pk}/change/").status_code == 200
