"""What a machine is told, as an iPXE script. Pure: the same plan is the same text."""

from collections.abc import Iterator

from pxe.boot import ipxe
from pxe.boot.ipxe import Command, Label, Line
from pxe.boot.records import Image, Menu, Plan

LOCAL, SHELL, ROOT, FAILED = "local", "shell", "start", "failed"


def script(plan: Plan) -> str:
    """The whole answer to /boot.ipxe."""
    return ipxe.script([*_body(plan), *_failed(), *_local()])


def _body(plan: Plan) -> Iterator[Line]:
    if plan.greeting:
        yield _say(plan.greeting)
    if plan.image:
        yield from boot(plan.image)
    elif plan.menu:
        yield Label(ROOT)
        yield from menu(plan.menu, "")
    else:
        yield Command("goto", (LOCAL,))


def menu(shown: Menu, parent: str) -> Iterator[Line]:
    """A menu, then what its items do; `parent` is the label that leads back."""
    here = f"menu{shown.id}" if parent else ROOT
    yield Command("menu", tuple(ipxe.words(ipxe.plain(shown.title))))
    yield _item(parent or LOCAL, "Back" if parent else "Boot from local disk")
    for image in shown.images:
        yield _item(f"img{image.id}", f"{image.label} [{image.arch}]")
    for below in shown.submenus:
        yield _item(f"menu{below.id}", f"{below.title} ...")
    if shown.shell:
        yield _item(SHELL, "iPXE shell")
    default = (
        f"img{shown.default}"
        if shown.default in {image.id for image in shown.images}
        else parent or LOCAL
    )
    timeout = ("--timeout", str(shown.timeout * 1000)) if shown.timeout else ()
    yield Command(
        "choose",
        ("--default", default, *timeout, "selected"),
        then=ipxe.SELECTED,
        otherwise=parent or LOCAL,
    )
    for image in shown.images:
        yield Label(f"img{image.id}")
        yield from boot(image)
    for below in shown.submenus:
        yield Label(f"menu{below.id}")
        yield from menu(below, here)
    if shown.shell and not parent:
        yield Label(SHELL)
        yield Command("shell")
        yield Command("goto", (ROOT,))


def boot(image: Image) -> Iterator[Line]:
    """Fetch and start an image; UEFI kernels take an initrd only if their command line names it."""
    yield Command("imgfree")
    if image.chain:
        yield Command("chain", (image.chain,), otherwise=FAILED)
        return
    arguments = (*(f"initrd={name}" for name, _url in image.initrds), *image.arguments)
    yield Command("kernel", (image.kernel, *arguments), otherwise=FAILED)
    for name, url in image.initrds:
        yield Command("initrd", ("--name", name, url), otherwise=FAILED)
    yield Command("boot", otherwise=FAILED)


def _failed() -> Iterator[Line]:
    """A file did not come: the machine goes on to its disk, after time to read why."""
    yield Label(FAILED)
    yield _say("The image could not be started: the local disk comes next.")
    yield Command("sleep", ("10",))


def _local() -> Iterator[Line]:
    """BIOS machines are started from their first disk here, because some firmware does not go on by
    itself. UEFI goes on to its next boot option only if this one has failed."""
    yield Label(LOCAL)
    yield Command("iseq", ("efi", ipxe.PLATFORM), then="leave", otherwise="disk")
    yield Label("disk")
    yield Command("sanboot", ("--no-describe", "--drive", "0x80"), otherwise="quit")
    yield Label("quit")
    yield Command("exit")
    yield Label("leave")
    yield Command("exit", ("1",))


def _item(label: str, text: str) -> Command:
    return Command("item", (label, *ipxe.words(ipxe.plain(text))))


def _say(text: str) -> Command:
    return Command("echo", tuple(ipxe.words(ipxe.plain(text))))
