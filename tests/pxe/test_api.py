"""Boot images and assignments over HTTP."""

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pxe.models import BootAssignment, BootEvent, BootFile
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.pxe.factories import (
    AnswersFactory,
    AssignmentFactory,
    FileFactory,
    ImageFactory,
    MenuFactory,
)
from tests.support.api import answer, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"
IMAGES, ASSIGNMENTS, FILES, ANSWERS, MENUS = (
    f"{API}/boot-{name}/" for name in ("images", "assignments", "files", "answers", "menus")
)


def test_an_image_is_made_of_files_by_their_names_changed_and_deleted():
    api = with_token("boot", "read")
    for name in ("deb/vmlinuz", "deb/initrd.gz", "fw.gz"):
        FileFactory(name=name)
    asked = {
        "name": "debian-12",
        "kernel": "deb/vmlinuz",
        "initrds": ["deb/initrd.gz", "fw.gz"],
        "cmdline": "quiet",
    }
    status, made = answer(api.post(IMAGES, asked))
    assert status == 201 and asked.items() <= made.items()
    status, changed = answer(
        api.patch(f"{IMAGES}{made['id']}/", {"initrds": ["fw.gz"], "arch": "uefi"})
    )
    assert (status, changed["initrds"], changed["arch"]) == (200, ["fw.gz"], "uefi")
    assert answer(api.get(f"{IMAGES}?arch=uefi"))[1]["count"] == 1
    assert api.delete(f"{IMAGES}{made['id']}/").status_code == 204


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kernel": "a\0b"}, "kernel"),
        ({"kernel": ["x"]}, "kernel"),
        ({"cmdline": "a || shell"}, "cmdline"),
        ({"name": "a\nb"}, "name"),
        ({"kernel": None}, "kernel"),
        ({"kernel": "../etc/passwd"}, "kernel"),
        ({"kind": "chain"}, "chain_url"),
        ({"cmdline": "token=x"}, "cmdline"),
    ],
)
def test_what_may_not_be_is_refused_at_its_field(change, field):
    FileFactory(name="vmlinuz")
    status, problem = answer(
        with_token("boot").post(IMAGES, {"name": "x", "kernel": "vmlinuz"} | change)
    )
    assert (status, list(problem["errors"])) == (400, [field])


def test_an_assignment_is_made_and_a_second_one_clashes():
    api, server, image = (
        with_token("boot", "read"),
        ServerFactory(hostname="web"),
        ImageFactory(name="debian"),
    )
    asked = {"server": server.pk, "image": image.pk}
    status, made = answer(api.post(ASSIGNMENTS, asked))
    assert (status, made["mode"], made["state"], made["server_name"]) == (
        201,
        "once",
        "waiting",
        "web",
    )
    status, problem = answer(api.post(ASSIGNMENTS, asked))
    assert (status, "web already boots “debian” once" in str(problem)) == (409, True)
    assert api.delete(f"{ASSIGNMENTS}{made['id']}/").status_code == 204
    assert not BootAssignment.objects.exists()


def test_what_the_machine_decides_cannot_be_written():
    assignment = AssignmentFactory()
    api = with_token("boot", "read")
    path = f"{ASSIGNMENTS}{assignment.pk}/"
    sent = {"state": "done", "attempts": 2, "ended_at": "2026-01-01T00:00:00Z", "max_attempts": 7}
    status, problem = answer(api.patch(path, sent))
    assert (status, set(problem["errors"])) == (400, {"state", "attempts", "ended_at"})
    status, row = answer(api.patch(path, {"state": "waiting", "attempts": 0, "max_attempts": 7}))
    assert (status, row["max_attempts"]) == (200, 7)
    assert (
        answer(api.patch(f"{ASSIGNMENTS}{assignment.pk}/", {"server": ServerFactory().pk}))[0]
        == 400
    )


@pytest.mark.parametrize(
    "path", [IMAGES, ASSIGNMENTS, FILES, ANSWERS, MENUS, f"{API}/boot-identities/"]
)
def test_the_scope_is_boot(path):
    assert with_token("read").get(path).status_code == 200
    assert with_token("addresses").get(path).status_code == 403
    assert with_token("addresses", "read").post(path, {}).status_code == 403


def test_a_token_for_some_networks_assigns_there_only_and_changes_no_image():
    api = with_token("boot", "read", subnets=["10.1.0.0/16"])
    image, near, far = (
        ImageFactory(),
        ServerFactory(ip_address="10.1.0.1"),
        ServerFactory(ip_address="10.2.0.1"),
    )
    assert api.post(ASSIGNMENTS, {"server": near.pk, "image": image.pk}).status_code == 201
    assert api.post(ASSIGNMENTS, {"server": far.pk, "image": image.pk}).status_code == 400
    assert [row["server"] for row in api.get(ASSIGNMENTS).json()["results"]] == [near.pk]
    assert api.patch(f"{IMAGES}{image.pk}/", {"enabled": False}).status_code == 404


def test_a_token_for_some_networks_assigns_no_answer_file():
    api, server = (
        with_token("boot", "read", subnets=["10.1.0.0/16"]),
        ServerFactory(ip_address="10.1.0.1"),
    )
    secret = ImageFactory(answers=AnswersFactory())
    status, problem = answer(api.post(ASSIGNMENTS, {"server": server.pk, "image": secret.pk}))
    assert (status, "answer file" in problem["detail"]) == (403, True)
    row = AssignmentFactory(server=server)
    assert api.patch(f"{ASSIGNMENTS}{row.pk}/", {"image": secret.pk}).status_code == 403
    given = AssignmentFactory(server=ServerFactory(ip_address="10.1.0.2"), image=secret)
    assert (
        api.patch(f"{ASSIGNMENTS}{given.pk}/", {"max_attempts": 5, "image": secret.pk}).status_code
        == 200
    )
    assert (
        with_token("boot").patch(f"{ASSIGNMENTS}{row.pk}/", {"image": secret.pk}).status_code == 200
    )


@pytest.mark.parametrize("name", ["files", "answers", "menus"])
def test_what_belongs_to_no_network_is_not_for_a_token_that_is_for_some(name):
    assert (
        with_token("admin", subnets=["10.1.0.0/16"]).get(f"{API}/boot-{name}/").status_code == 403
    )


# --- files, answers, menus, identities, events ----------------------------------------------------


def test_a_file_is_named_sent_and_measured(settings, tmp_path):
    settings.BOOT_ROOT = tmp_path
    api = with_token("boot", "read")
    status, problem = answer(api.post(FILES, {"name": "deb/vmlinuz", "sha256": "0" * 64}))
    assert (status, list(problem["errors"])) == (400, ["sha256"])
    made = answer(api.post(FILES, {"name": "deb/vmlinuz", "size": None}))[1]
    assert (made["size"], made["sha256"]) == (None, "")
    path = f"{FILES}{made['id']}/"
    sent = api.generic("PUT", f"{path}content/", b"kernel", "application/octet-stream")
    assert (sent.status_code, sent.json()["size"], (tmp_path / "deb/vmlinuz").read_bytes()) == (
        200,
        6,
        b"kernel",
    )
    assert api.patch(path, {"name": "deb/other"}).status_code == 400
    assert api.generic("PUT", f"{path}content/", b"", "application/octet-stream").status_code == 400
    assert api.put(f"{path}content/", {}).status_code == 415
    (tmp_path / "there").write_bytes(b"123")
    assert answer(api.post(FILES, {"name": "there"}))[1]["size"] == 3


def test_half_of_an_upload_replaces_nothing(settings, tmp_path):
    settings.BOOT_ROOT = tmp_path
    (tmp_path / "vmlinuz").write_bytes(b"yesterday's")
    row = FileFactory(name="vmlinuz")
    cut = {"CONTENT_LENGTH": "10", "wsgi.input": io.BytesIO(b"half")}
    sent = with_token("boot").generic(
        "PUT", f"{FILES}{row.pk}/content/", b"", "application/octet-stream", **cut
    )
    assert (sent.status_code, (tmp_path / "vmlinuz").read_bytes()) == (400, b"yesterday's")


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "a/../b", "", "a\0b"])
def test_a_file_has_its_place_below_the_directory(name):
    assert with_token("boot").post(FILES, {"name": name}).status_code == 400
    assert not BootFile.objects.exists()


def test_a_file_on_another_server_takes_no_content():
    row = FileFactory(url="http://10.0.0.1/vmlinuz")
    api = with_token("boot")
    assert (
        api.generic(
            "PUT", f"{FILES}{row.pk}/content/", b"x", "application/octet-stream"
        ).status_code
        == 409
    )


def test_answers_are_written_and_never_read():
    api = with_token("boot", "read")
    status, made = answer(
        api.post(
            ANSWERS, {"name": "lab", "text": "d-i @@hostname@@", "password_hash": "$6$aaaaaaaa"}
        )
    )
    assert (status, {"text", "password_hash", "ssh_key"} & made.keys()) == (201, set())
    assert "d-i" not in api.get(f"{ANSWERS}{made['id']}/").content.decode()
    status, problem = answer(api.patch(f"{ANSWERS}{made['id']}/", {"text": "@@no_such@@"}))
    assert (status, list(problem["errors"])) == (400, ["text"])


def test_a_menu_is_for_its_servers_and_subnets():
    api, server, subnet = with_token("boot", "read"), ServerFactory(), SubnetFactory()
    image = ImageFactory()
    sent = {
        "name": "lab",
        "title": "Lab",
        "servers": [server.pk],
        "subnets": [subnet.pk],
        "images": [image.pk],
        "all_images": False,
    }
    status, made = answer(api.post(MENUS, sent))
    assert status == 201 and sent.items() <= made.items()
    status, problem = answer(
        api.post(MENUS, {"name": "two", "title": "Two", "servers": [server.pk]})
    )
    assert (status, "already gets “lab”" in str(problem["errors"]["servers.0"])) == (409, True)
    path = f"{MENUS}{made['id']}/"
    assert answer(api.patch(path, {"servers": []}))[1] | {"servers": []} == answer(api.get(path))[1]
    assert answer(api.get(f"{MENUS}?subnet={subnet.pk}"))[1]["count"] == 1
    assert answer(api.patch(path, {"parent": made["id"]}))[0] == 400


def test_an_identity_is_one_servers_own():
    api, server = with_token("boot", "read"), ServerFactory()
    path = f"{API}/boot-identities/"
    assert api.post(path, {"server": server.pk, "serial": "S1"}).status_code == 201
    assert api.post(path, {"server": ServerFactory().pk, "serial": "S1"}).status_code == 409
    assert api.post(path, {"server": server.pk, "serial": "S2"}).status_code == 409


def test_events_are_read_by_server_and_time():
    server = ServerFactory(ip_address="10.1.0.1")
    first, second = (
        BootEvent.objects.create(server=server, kind=kind) for kind in ("menu", "offer")
    )
    BootEvent.objects.create(kind="menu", ip_address="10.9.0.1")
    api, path = with_token("read", subnets=["10.1.0.0/16"]), f"{API}/boot-events/"
    assert [row["id"] for row in api.get(path).json()["results"]] == [second.pk, first.pk]
    assert with_token("read").get(f"{path}?server=none").json()["count"] == 1
    assert api.get(path, {"since": first.at.isoformat(), "kind": "offer"}).json()["count"] == 1
    assert with_token("admin").post(path, {}).status_code == 405


def test_a_list_costs_the_same_number_of_queries_whatever_its_length():
    api = with_token("read")
    api.get(IMAGES)
    for path, factory in (
        (IMAGES, ImageFactory),
        (ASSIGNMENTS, AssignmentFactory),
        (MENUS, MenuFactory),
    ):
        counts = []
        for _ in range(2):
            factory()
            with CaptureQueriesContext(connection) as caught:
                api.get(path)
            counts.append(len(caught))
        assert counts[0] == counts[1]
