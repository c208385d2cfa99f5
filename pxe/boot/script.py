"""Turn a plan into an iPXE script. Pure: the same plan always gives the same text."""

from collections.abc import Iterator

from pxe.boot import ipxe
from pxe.boot.ipxe import Command, Label, Line
from pxe.boot.records import Image, Menu, Plan

LOCAL, SHELL, ROOT, FAILED = "local", "shell", "start", "failed"


def script(plan: Plan) -> str:
    """The response to /boot.ipxe."""
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
    """A menu, followed by what its items do; `parent` is the label of the menu above it."""
    here = ROOT
    if parent:
        here = f"menu{shown.id}"
    yield Command("menu", _screen_text(shown.title))
    yield from _items(shown, parent)
    yield _choose(shown, parent or LOCAL)
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


def _items(shown: Menu, parent: str) -> Iterator[Line]:
    if parent:
        yield _item(parent, "Back")
    else:
        yield _item(LOCAL, "Boot from local disk")
    for image in shown.images:
        yield _item(f"img{image.id}", f"{image.label} [{image.arch}]")
    for below in shown.submenus:
        yield _item(f"menu{below.id}", f"{below.title} ...")
    if shown.shell:
        yield _item(SHELL, "iPXE shell")


def _choose(shown: Menu, cancel: str) -> Command:
    """Let a person choose. Without a valid default image the timeout leads to `cancel`."""
    default = cancel
    if shown.default in {image.id for image in shown.images}:
        default = f"img{shown.default}"
    timeout: tuple[str, ...] = ()
    if shown.timeout:
        timeout = ("--timeout", str(shown.timeout * 1000))
    words = ("--default", default, *timeout, "selected")
    return Command("choose", words, then=ipxe.SELECTED, otherwise=cancel)


def boot(image: Image) -> Iterator[Line]:
    """Fetch and start an image. UEFI kernels use an initrd only if the command line names it."""
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
    """A fetch has failed: the machine boots its disk after a pause to read the message."""
    yield Label(FAILED)
    yield _say("The image could not be started: the local disk comes next.")
    yield Command("sleep", ("10",))


def _local() -> Iterator[Line]:
    """Boot the local disk. BIOS boots the first disk from here, because some firmware does not try
    it by itself. UEFI tries its next boot option only if this one has failed."""
    yield Label(LOCAL)
    yield Command("iseq", ("efi", ipxe.PLATFORM), then="leave", otherwise="disk")
    yield Label("disk")
    yield Command("sanboot", ("--no-describe", "--drive", "0x80"), otherwise="quit")
    yield Label("quit")
    yield Command("exit")
    yield Label("leave")
    yield Command("exit", ("1",))


def _item(label: str, text: str) -> Command:
    return Command("item", (label, *_screen_text(text)))


def _say(text: str) -> Command:
    return Command("echo", _screen_text(text))


def _screen_text(text: str) -> tuple[str, ...]:
    return tuple(ipxe.words(ipxe.plain(text)))
