"""Turn a plan into an iPXE script. Pure: the same plan always gives the same text."""

from collections.abc import Iterator
from dataclasses import dataclass

from pxe.boot import ipxe
from pxe.boot.ipxe import Command, Label, Line
from pxe.boot.records import Image, Menu, Plan

LOCAL, SHELL, ROOT, FAILED = "local", "shell", "start", "failed"
# What a script tells, each with what it is about: an image by its number, or "shell", "local".
CHOSEN, DISK, BROKEN = "chosen", "disk", "failed"
PATIENCE = "3000"  # ms that a machine waits until it has told


def script(plan: Plan) -> str:
    """The response to /boot.ipxe."""
    report = Report(plan.report)
    return ipxe.script([*_body(plan, report), *_failed(), *_local(report)])


@dataclass(frozen=True, slots=True)
class Report:
    """How a script tells the site what the machine does: it fetches a page, and goes on whether
    that succeeds or not."""

    path: str

    def __call__(self, event: str, subject: str) -> Iterator[Line]:
        if not self.path:
            return
        after = f"told{event}{subject}"
        words = ("--name", "report", "--timeout", PATIENCE, f"{self.path}{event}/{subject}")
        yield Command("imgfetch", words, otherwise=after)
        yield Label(after)


def _body(plan: Plan, report: Report) -> Iterator[Line]:
    if plan.greeting:
        yield _say(plan.greeting)
    if plan.image:
        yield from boot(plan.image, report)
    elif plan.menu:
        yield Label(ROOT)
        yield from menu(plan.menu, "", report)
    else:
        yield Command("goto", (LOCAL,))


def menu(shown: Menu, parent: str, report: Report) -> Iterator[Line]:
    """A menu, followed by what its items do; `parent` is the label of the menu above it."""
    here = ROOT
    if parent:
        here = f"menu{shown.id}"
    yield Command("menu", _screen_text(shown.title))
    yield from _items(shown, parent)
    yield _choose(shown, parent or LOCAL)
    for image in shown.images:
        yield Label(f"img{image.id}")
        yield from report(CHOSEN, str(image.id))
        yield from boot(image, report)
    for below in shown.submenus:
        yield Label(f"menu{below.id}")
        yield from menu(below, here, report)
    if shown.shell and not parent:
        yield Label(SHELL)
        yield from report(CHOSEN, SHELL)
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


def boot(image: Image, report: Report) -> Iterator[Line]:
    """Fetch and start an image. UEFI kernels use an initrd only if the command line names it.

    Whoever gets past it has not started: an image may also return."""
    failed = f"bad{image.id}"
    yield Command("imgfree")
    if image.chain:
        yield Command("chain", (image.chain,), otherwise=failed)
    else:
        yield from _boot_kernel(image, failed)
    yield Label(failed)
    yield from report(BROKEN, str(image.id))
    yield Command("goto", (FAILED,))


def _boot_kernel(image: Image, failed: str) -> Iterator[Line]:
    arguments = (*(f"initrd={name}" for name, _url in image.initrds), *image.arguments)
    yield Command("kernel", (image.kernel, *arguments), otherwise=failed)
    for name, url in image.initrds:
        yield Command("initrd", ("--name", name, url), otherwise=failed)
    yield Command("boot", otherwise=failed)


def _failed() -> Iterator[Line]:
    """A fetch has failed: the machine boots its disk after a pause to read the message."""
    yield Label(FAILED)
    yield _say("The image could not be started: the local disk comes next.")
    yield Command("sleep", ("10",))


def _local(report: Report) -> Iterator[Line]:
    """Boot the local disk. BIOS boots the first disk from here, because some firmware does not try
    it by itself. UEFI tries its next boot option only if this one has failed."""
    yield Label(LOCAL)
    yield from report(DISK, LOCAL)
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
