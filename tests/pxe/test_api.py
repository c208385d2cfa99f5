"""Boot images and assignments over HTTP."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pxe.models import BootAssignment
from tests.ipam.factories import ServerFactory
from tests.pxe.factories import AssignmentFactory, FileFactory, ImageFactory
from tests.support.api import answer, with_token

pytestmark = pytest.mark.django_db
IMAGES, ASSIGNMENTS = "/api/v1/boot-images/", "/api/v1/boot-assignments/"


def test_an_image_is_made_of_files_by_their_names_changed_and_deleted():
    api = with_token("boot", "read")
    for name in ("deb/vmlinuz", "deb/initrd.gz", "fw.gz"):
        FileFactory(name=name)
    asked = {"name": "debian-12", "kernel": "deb/vmlinuz", "initrds": ["deb/initrd.gz", "fw.gz"], "cmdline": "quiet"}
    status, made = answer(api.post(IMAGES, asked))
    assert status == 201 and asked.items() <= made.items()
    status, changed = answer(api.patch(f"{IMAGES}{made['id']}/", {"initrds": ["fw.gz"], "arch": "uefi"}))
    assert (status, changed["initrds"], changed["arch"]) == (200, ["fw.gz"], "uefi")
    assert answer(api.get(f"{IMAGES}?arch=uefi"))[1]["count"] == 1
    assert api.delete(f"{IMAGES}{made['id']}/").status_code == 204


@pytest.mark.parametrize(
    ("change", "field"),
    [({"cmdline": "a || shell"}, "cmdline"), ({"name": "a\nb"}, "name"), ({"kernel": None}, "kernel"),
     ({"kernel": "../etc/passwd"}, "kernel"), ({"kind": "chain"}, "chain_url"), ({"cmdline": "token=x"}, "cmdline")],
)  # fmt: skip
def test_what_may_not_be_is_refused_at_its_field(change, field):
    FileFactory(name="vmlinuz")
    status, problem = answer(with_token("boot").post(IMAGES, {"name": "x", "kernel": "vmlinuz"} | change))
    assert (status, list(problem["errors"])) == (400, [field])


def test_an_assignment_is_made_and_a_second_one_clashes():
    api, server, image = with_token("boot", "read"), ServerFactory(hostname="web"), ImageFactory(name="debian")
    asked = {"server": server.pk, "image": image.pk}
    status, made = answer(api.post(ASSIGNMENTS, asked))
    assert (status, made["mode"], made["state"], made["server_name"]) == (201, "once", "waiting", "web")
    status, problem = answer(api.post(ASSIGNMENTS, asked))
    assert (status, "web boots “debian” once already" in str(problem)) == (409, True)
    assert api.delete(f"{ASSIGNMENTS}{made['id']}/").status_code == 204
    assert not BootAssignment.objects.exists()


def test_what_the_machine_decides_cannot_be_written():
    assignment = AssignmentFactory()
    api = with_token("boot", "read")
    sent = {"state": "done", "attempts": 2, "ended_at": "2026-01-01T00:00:00Z", "max_attempts": 7}
    status, row = answer(api.patch(f"{ASSIGNMENTS}{assignment.pk}/", sent))
    assert (status, row["state"], row["attempts"], row["ended_at"], row["max_attempts"]) == (200, "waiting", 0, None, 7)
    assert answer(api.patch(f"{ASSIGNMENTS}{assignment.pk}/", {"server": ServerFactory().pk}))[0] == 400


@pytest.mark.parametrize("path", [IMAGES, ASSIGNMENTS])
def test_the_scope_is_boot(path):
    assert with_token("read").get(path).status_code == 200
    assert with_token("addresses").get(path).status_code == 403
    assert with_token("addresses", "read").post(path, {}).status_code == 403


def test_a_token_for_some_networks_assigns_there_only_and_changes_no_image():
    api = with_token("boot", "read", subnets=["10.1.0.0/16"])
    image, near, far = ImageFactory(), ServerFactory(ip_address="10.1.0.1"), ServerFactory(ip_address="10.2.0.1")
    assert api.post(ASSIGNMENTS, {"server": near.pk, "image": image.pk}).status_code == 201
    assert api.post(ASSIGNMENTS, {"server": far.pk, "image": image.pk}).status_code == 403
    assert [row["server"] for row in api.get(ASSIGNMENTS).json()["results"]] == [near.pk]
    assert api.patch(f"{IMAGES}{image.pk}/", {"enabled": False}).status_code == 404


def test_a_list_costs_the_same_number_of_queries_whatever_its_length():
    api = with_token("read")
    api.get(IMAGES)
    for path, factory in ((IMAGES, ImageFactory), (ASSIGNMENTS, AssignmentFactory)):
        counts = []
        for _ in range(2):
            factory()
            with CaptureQueriesContext(connection) as caught:
                api.get(path)
            counts.append(len(caught))
        assert counts[0] == counts[1]
