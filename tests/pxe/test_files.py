"""Boot files over HTTP: whole, in part, by their head; and nothing outside their root."""

import hashlib
import os

import pytest

from core.errors import NotFound
from pxe import files
from pxe.models import BootFile
from tests.pxe.factories import FileFactory

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def root(settings, tmp_path):
    settings.BOOT_ROOT = tmp_path / "boot"
    (settings.BOOT_ROOT / "deb").mkdir(parents=True)
    (settings.BOOT_ROOT / "deb/vmlinuz").write_bytes(CONTENT)
    (tmp_path / "secret").write_bytes(b"secret")
    return settings.BOOT_ROOT


@pytest.fixture
def kernel():
    return FileFactory(name="deb/vmlinuz")


def get(client, path="deb/vmlinuz", method="GET", **headers):
    response = client.generic(method, f"/boot/files/{path}", headers=headers)
    return response, b"".join(response) if response.streaming else response.content


def test_a_file_is_sent_whole(client, kernel):
    response, body = get(client)
    assert (response.status_code, body, response["Content-Length"]) == (
        200,
        CONTENT,
        str(len(CONTENT)),
    )
    assert (response["Accept-Ranges"], response["Content-Type"]) == (
        "bytes",
        "application/octet-stream",
    )
    assert not response.cookies


def test_head_tells_its_size_and_sends_nothing(client, kernel):
    response, body = get(client, method="HEAD")
    assert (response.status_code, body, response["Content-Length"]) == (200, b"", str(len(CONTENT)))


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("0-0", 0, 0),
        ("10-19", 10, 19),
        ("10239-", 10239, 10239),
        ("-5", 10235, 10239),
        ("9000-99999", 9000, 10239),
        ("-99999", 0, 10239),
    ],
)
def test_a_part_is_sent(client, kernel, asked, first, last):
    response, body = get(client, range=f"bytes={asked}")
    assert (response.status_code, body) == (206, CONTENT[first : last + 1])
    assert response["Content-Range"] == f"bytes {first}-{last}/10240"
    assert response["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=-0", "bytes=99999-100000"])
def test_what_lies_beyond_its_end_is_refused(client, kernel, asked):
    response, _body = get(client, range=asked)
    assert (response.status_code, response["Content-Range"]) == (416, "bytes */10240")


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-2", "bytes=0-1,5-6", "lines=0-1", "bytes=", "bytes=-", "bytes=x-", "bytes=\u0663-"],
)
def test_a_range_that_nobody_understands_is_ignored(client, kernel, asked):
    response, body = get(client, range=asked)
    assert (response.status_code, body) == (200, CONTENT)


def test_the_rest_of_another_version_is_not_sent(client, kernel):
    whole, _body = get(client)
    assert get(client, range="bytes=5-", **{"if-range": whole["ETag"]})[0].status_code == 206
    assert get(client, range="bytes=5-", **{"if-range": '"other"'})[0].status_code == 200


# --- nothing outside ------------------------------------------------------------------------------

TRAVERSAL = [
    "../secret",
    "deb/../../secret",
    "%2e%2e/secret",
    "..%2fsecret",
    "%2e%2e%2fsecret",
    "deb/%2e%2e/%2e%2e/secret",
    "//etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "deb/vmlinuz%00",
    "deb/vmlinuz%00.png",
    "..%5csecret",
    "..\\secret",
    "deb",
    "deb/",
    "",
    ".",
    "..",
    "deb//vmlinuz",
    "./deb/vmlinuz",
    "%c0%ae%c0%ae/secret",
    "....//secret",
    "link",
    "up/secret",
    "DEB/vmlinuz",
    "deb/vmlinuz/",
    "deb/vmlinuz/x",
    "pipe",
    "a" * 5000,
    "%ff",
    "%252e%252e/secret",
]


@pytest.mark.parametrize("path", TRAVERSAL)
def test_no_name_leads_out_of_the_root_even_if_the_database_holds_it(client, root, path):
    (root / "link").symlink_to(root.parent / "secret")
    (root / "up").symlink_to(root.parent)
    os.mkfifo(root / "pipe")
    BootFile.objects.bulk_create([BootFile(name=path[:200].replace("%2e", ".").replace("\0", ""))])
    response, body = get(client, path)
    assert (response.status_code, b"secret" in body) == (404, False)


@pytest.mark.parametrize(
    "name",
    ["../secret", "link", "up/secret", "deb", "pipe", "/etc/passwd", "", "deb/../deb/vmlinuz"],
)
def test_opening_refuses_by_itself(root, name):
    (root / "link").symlink_to(root.parent / "secret")
    (root / "up").symlink_to(root.parent)
    os.mkfifo(root / "pipe")
    with pytest.raises(NotFound):
        files.open_file(name)


def test_a_file_that_no_row_names_is_not_served(client):
    assert get(client)[0].status_code == 404


def test_a_file_that_is_missing_is_not_found(client):
    FileFactory(name="gone", is_missing=True)
    assert get(client, "gone")[0].status_code == 404


# --- kept, and measured ---------------------------------------------------------------------------


def test_an_upload_is_kept_in_one_step_with_its_checksum(root):
    file = BootFile(name="new/kernel")
    files.store(file, [b"abc", b"def"])
    assert (file.size, file.sha256) == (6, hashlib.sha256(b"abcdef").hexdigest())
    assert [path.name for path in (root / "new").iterdir()] == ["kernel"]
    assert (root / "new/kernel").read_bytes() == b"abcdef"


def test_an_upload_that_breaks_off_leaves_the_old_file(root):
    def chunks():
        yield b"half"
        raise OSError("gone")

    with pytest.raises(OSError):
        files.store(BootFile(name="deb/vmlinuz"), chunks())
    assert (root / "deb/vmlinuz").read_bytes() == CONTENT
    assert len(list((root / "deb").iterdir())) == 1


def test_an_upload_follows_no_link_out_of_the_root(root):
    (root / "up").symlink_to(root.parent)
    with pytest.raises(Exception, match="leads out"):
        files.store(BootFile(name="up/secret"), [b"x"])
    assert (root.parent / "secret").read_bytes() == b"secret"


def test_a_file_put_there_by_hand_is_measured(kernel):
    files.measure(kernel)
    assert (kernel.size, kernel.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def test_nginx_does_the_work_where_it_is_told_to(client, kernel, settings):
    settings.BOOT_ACCEL = "/boot-files/"
    response, body = get(client)
    assert (response["X-Accel-Redirect"], body) == ("/boot-files/deb/vmlinuz", b"")
