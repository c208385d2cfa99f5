"""Whatever text stands in the fields, the script has the intended commands and no other.

Read back by a tokenizer of the tests' own, which splits as iPXE does.
IPMANAGER_TEST_PROOF=1 (`make proof`) tries a million strings instead of two thousand.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pxe.boot import validate
from pxe.boot.records import Menu, Plan
from pxe.boot.script import script
from pxe.models import BootFile, BootImage, BootInitrd
from tests.pxe import tokenizer

STRINGS = 1_000_000 if os.environ.get("IPMANAGER_TEST_PROOF") else 2_000
IMAGES, OF_EACH = 8, 5  # images in a menu, strings of an image
COMMANDS = {
    "goto",
    "imgfetch",
    "menu",
    "item",
    "choose",
    "imgfree",
    "kernel",
    "initrd",
    "boot",
    "chain",
    "echo",
    "sleep",
    "iseq",
    "sanboot",
    "exit",
    "shell",
}


@pytest.fixture(autouse=True, scope="module")
def nothing_missing():
    """Every file is on the disk, whatever its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validate, "is_there", lambda name: True)
        yield


magic = st.sampled_from(
    [
        "a || shell",
        "a && shell",
        "; shell",
        ";",
        "&&",
        "||",
        "# x",
        "#x",
        ":evil",
        "x\nshell",
        "x\r\nshell",
        "x\\",
        "${net0/mac}",
        "$",
        "--default",
        "--",
        "-",
        "a\x00b",
        "\x85shell",
        "\u2028shell",
        "\x0bshell",
        "\x1cshell",
        "ä",
        "http://x/y",
        "http://x/ || shell",
        "http://x/y z",
        "http://x/\nshell",
        "x" * 5000,
        "",
        " ",
        "`id`",
        ":img1",
    ]
)
text = magic | st.text(max_size=60) | st.text("a|&;#:$\\{} \n\r\t\v\f\x00-/.", max_size=14)
good = st.from_regex(r"[a-z][a-z0-9.-]{0,12}", fullmatch=True)
url = (
    text
    | text.map(lambda rest: f"http://10.0.0.1/{rest}")
    | good.map(lambda name: f"http://10.0.0.1/{name}")
)


@st.composite
def images(draw, number):
    kind = draw(st.sampled_from(["linux", "linux", "chain"]))
    kernel = BootFile(pk=1, name=draw(good | text), url=draw(st.just("") | url))
    row = BootImage(
        pk=number,
        name=draw(good | text),
        kind=kind,
        arch=draw(st.sampled_from(["any", "bios"])),
        kernel=kernel,
        cmdline=draw(good | text),
        chain_url=draw(url),
    )
    initrds = [BootFile(pk=2, name=draw(good | text))] if draw(st.booleans()) else []
    row._prefetched_objects_cache = {
        "initrd_rows": [BootInitrd(image=row, file=file) for file in initrds]
    }
    return row


quick = settings(
    max_examples=STRINGS // 5 // OF_EACH,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
rows = st.tuples(*(images(number) for number in range(1, IMAGES + 1)))


@settings(quick, max_examples=STRINGS * 4 // 5 // (IMAGES * OF_EACH))
@given(rows, text, text)
def test_a_menu_has_the_intended_commands_and_no_other(rows, title, below):
    kept = [row for row in rows if not validate.problem(row)]
    submenu = Menu(7, below, tuple(validate.images(kept[:2])), shell=False)
    menu = Menu(0, title, tuple(validate.images(kept)), (submenu,))
    shown = script(Plan(menu=menu, report="/boot/report/"))

    commands = [part for part in tokenizer.read(shown) if isinstance(part, list)]
    assert {command[0] for command in commands} <= COMMANDS
    expected = {
        "item": len(kept) + len(kept[:2]) + 4,
        "menu": 2,
        "choose": 2,
        "shell": 1,
        # Each image is reported when it is chosen and when it fails; the shell; the disk.
        "imgfetch": 2 * (len(kept) + len(kept[:2])) + 2,
        "sanboot": 1,
        "exit": 2,
    }
    assert {name: sum(command[0] == name for command in commands) for name in expected} == expected
    assert [command[1:] for command in commands if command[0] in ("kernel", "chain")] == [
        *map(started, kept),
        *map(started, kept[:2]),
    ]
    assert tokenizer.settings(shown) == ["selected", "selected", "platform"]
    assert [part for part in tokenizer.read(shown) if part in tokenizer.PARTING].count(";") == 0
    labels = [
        part for part in tokenizer.read(shown) if isinstance(part, str) and part.startswith(":")
    ]
    assert len(labels) == 4 * (len(kept) + len(kept[:2])) + 10


@quick
@given(images(1), text)
def test_an_assigned_image_boots_by_the_intended_commands_and_no_other(row, hostname):
    if validate.problem(row):
        return
    shown = script(Plan(image=validate.image(row), greeting=f"IPManager: {hostname} boots it"))
    names = [part[0] for part in tokenizer.read(shown) if isinstance(part, list)]
    own = (
        ["chain", "goto", "goto"]
        if row.kind == "chain"
        else ["kernel", "goto", *["initrd", "goto"] * len(row.initrds), "boot", "goto", "goto"]
    )
    after = ["echo", "sleep", "iseq", "goto", "goto", "sanboot", "goto", "exit", "exit"]
    assert names == ["echo", "imgfree", *own, *after]
    assert tokenizer.settings(shown) == ["platform"]


def started(row):
    if row.kind == "chain":
        return [row.chain_url]
    kernel = row.kernel.url or f"/boot/files/{row.kernel.name}"
    names = [f"initrd={file.name.rpartition('/')[2]}" for file in row.initrds]
    return [kernel, *names, *row.cmdline.split()]


@settings(quick, max_examples=100)
@given(good, good, good)
def test_plain_texts_lose_nothing(name, kernel, argument):
    row = BootImage(pk=1, name=name, kernel=BootFile(name=kernel), cmdline=argument)
    row._prefetched_objects_cache = {"initrd_rows": []}
    shown = script(Plan(menu=Menu(0, name, tuple(validate.images([row])))))
    assert tokenizer.items(shown)["img1"] == f"{name} [any]"
    assert ["kernel", f"/boot/files/{kernel}", argument] in tokenizer.read(shown)
