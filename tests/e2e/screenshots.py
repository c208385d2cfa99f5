"""Pictures of every page that people look at all day, on a desk and on a phone, of the demo
network.

Run it as `python -m tests.e2e.screenshots DIRECTORY [--language de] [--dark] [--only NAME]`.
Three of them are in docs/images: index-desk.png as overview.png, list-desk.png as list.png,
subnets-desk.png as subnets.png."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import FilePayload, Page, sync_playwright

from tests.support import shared
from tests.support.site import site

PASSWORD = "only-for-pictures"
WIDTHS = {"desk": 1400, "phone": 390}
OTHERS = {
    "changes": "/admin/changes/?table=ipam.server",
    "conflicts": "/admin/discovery/conflict/",
    "inbox": "/admin/discovery/unknowndevice/",
    "dhcp-servers-seen": "/admin/discovery/rogueserver/",
    "boot-images": "/admin/pxe/bootimage/",
    "boot-assignments": "/admin/pxe/bootassignment/",
    "boot-assignment-add": "/admin/pxe/bootassignment/add/",
    "boot-events": "/admin/pxe/bootevent/",
    "boot-menus": "/admin/pxe/bootmenu/",
    "dhcp-timeline": "/admin/dhcp/dhcptransaction/timeline/?q=desk-01",
    "why": "/admin/dhcp/lease/why/?q=desk-01",
    "discovery": "/admin/discovery/subnetdiscovery/",
    "dhcp-servers": "/admin/dhcp/dhcpserver/",
    "scopes": "/admin/dhcp/dhcpscope/",
    "leases": "/admin/dhcp/lease/",
    "generations": "/admin/dhcp/generation/",
    "hand-edits": "/admin/dhcp/handedit/",
    "services": "/admin/registry/service/",
    "restarts": "/admin/registry/restartrequest/",
    "webhooks": "/admin/events/webhook/",
    "deliveries": "/admin/events/webhookdelivery/",
    "zones": "/admin/names/zone/",
    "zone-add": "/admin/names/zone/add/",
    "records": "/admin/names/record/",
    "record-add": "/admin/names/record/add/",
    "subnets-without-names": "/admin/names/namesoff/",
    "why-name": "/admin/dhcp/lease/why/?q=desk-01.corp.example",
    "tokens": "/admin/ipmanager/token/",
    "account": "/admin/account/",
    "second-factor": "/admin/second-factor/setup/",
    "sessions": "/admin/accounts/session/",
    "user": "/admin/auth/user/1/change/",
    "group-add": "/admin/auth/group/add/",
    "health": "/admin/ipmanager/pulse/",
    "search": "/admin/search/?q=10.20.10.60",
    "search-name": "/admin/search/?q=web",
    "palette": "/admin/ipam/server/#find=10.20.10.60",
    "past": "/admin/past/ipam/subnet/",
    "import-from": "/admin/import-from/",
    "import-from-preview": "/admin/import-from/#upload",
    "who-had": "/admin/who-had/?ip=10.20.10.60&at=now",
}


def pages(page: Page) -> Iterator[tuple[str, str]]:
    """Each picture's name and address; some addresses are found on another page."""
    yield "index", "/admin/"
    yield "subnets", "/admin/ipam/subnet/"
    yield "subnet", followed(page, "/admin/ipam/subnet/?q=Office", "10.20.20.0/23")
    yield "subnet-add", "/admin/ipam/subnet/add/"
    yield "addresses", "/admin/ipam/ipaddress/"
    yield "address", followed(page, "/admin/ipam/ipaddress/?status__exact=reserved", "10.20.10.60")
    yield "next-free", followed(page, "/admin/", ".ipm-number a")
    yield "servers", "/admin/ipam/server/"
    machine = followed(page, "/admin/ipam/server/?q=web-01", "web-01").partition("?")[0]
    yield "machine", machine
    yield "machine-move", machine.replace("page", "move") + "?to=10.20.20.0/23"
    yield "machine-leased", followed(page, "/admin/ipam/server/?q=desk-01", "desk-01")
    yield "machine-boots", followed(page, "/admin/ipam/server/?q=lab-01", "lab-01")
    yield "server", machine.replace("page", "change")
    yield "server-add", "/admin/ipam/server/add/"
    yield "scope-add", "/admin/dhcp/dhcpscope/add/"
    yield "history", machine.replace("page", "history")
    yield "conflict", followed(page, "/admin/discovery/conflict/?kind__exact=used", ".ipm-subject")
    yield from OTHERS.items()
    yield "zone", followed(page, "/admin/names/zone/?q=corp", "corp.example")
    yield "record", followed(page, "/admin/names/record/?q=corp", "corp.example")
    yield "image", followed(page, "/admin/pxe/bootimage/", "Debian 12")
    yield "change", followed(page, "/admin/changes/?kind=changed", ".log-what h3 a")
    yield "lists", "/ipam/"
    subnet = followed(page, "/admin/ipam/subnet/?q=10.20.10.0/24", "10.20.10.0/24")
    key = subnet.split("/")[-3]
    yield "list", f"/ipam/?subnet={key}"
    yield from networks(page, key)


def networks(page: Page, servers: str) -> Iterator[tuple[str, str]]:
    """The pages of the networks, given the key of the servers' subnet."""
    yield "networks", "/admin/networks/"
    yield "networks-left", "/admin/networks/?sort=left"
    yield "networks-map", "/admin/networks/map/"
    yield "place", "/admin/place/"
    whole = followed(page, "/admin/networks/", ".net-d0 a[href$='/']")
    office = followed(page, "/admin/networks/?gaps=0", "10.20.20.0/23 Office")
    yield "network-blocks", whole
    yield "network-space", f"{whole}space/"
    yield "network-office", office
    for tab in ("addresses", "dhcp", "leases"):
        yield f"network-{tab}", f"{office}{tab}/"
    yield "network-map", f"/admin/networks/{servers}/"
    ends = "first=10.20.10.10&last=10.20.10.80"
    yield "network-range", f"/admin/networks/{servers}/range/?verb=reserve&{ends}"
    yield "network-merge", f"{whole}merge/"
    yield "network-split", f"/admin/networks/{servers}/split/"
    yield "network-resize", f"{office}resize/"
    yield "network-renumber", f"{office}renumber/"
    yield "import", "/admin/import/"
    yield "network-address", "/admin/networks/address/10.20.10.60/"
    yield "network-address-free", "/admin/networks/address/10.20.10.200/"


def followed(page: Page, url: str, text: str) -> str:
    """Where the link leads that says this, or that this CSS finds, whatever the language."""
    page.goto(url)
    found = (
        page.locator(text)
        if text.startswith(".")
        else page.get_by_role("link", name=text, exact=True)
    )
    return str(found.first.evaluate("link => link.href"))


@contextmanager
def logged_in(base: str, language: str = "en-US", dark: bool = False) -> Iterator[Page]:
    """A page of a browser whose user is the administrator of the demo."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        scheme: Literal["dark", "light"] = "dark" if dark else "light"
        context = browser.new_context(
            base_url=base, locale=language, color_scheme=scheme, reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto("/admin/")
        page.locator("[name=username]").fill("admin")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("[type=submit]").first.click()
        page.wait_for_url("**/admin/")
        yield page
        browser.close()


def take(base: str, into: Path, language: str, dark: bool, only: list[str]) -> None:
    """Walk through the pages at both widths."""
    with logged_in(base, language, dark) as page:
        for name, url in list(pages(page)):
            if only and name not in only:
                continue
            for device, width in WIDTHS.items():
                page.set_viewport_size({"width": width, "height": 900})
                page.goto("about:blank")  # an address that differs behind # only loads nothing
                page.goto(url)
                page.wait_for_load_state("networkidle")
                ask(page, url)
                page.screenshot(path=into / f"{name}-{device}.png", full_page=device == "phone")


FORMER = b"""dhcp-range=10.60.0.100,10.60.0.199,255.255.255.0,12h
dhcp-option=3,10.60.0.1
dhcp-host=02:00:5e:60:00:0a,10.60.0.10,printer
dhcp-host=02:00:5e:60:00:0b,10.20.10.60,camera,infinite
dhcp-match=set:ipxe,175
"""


def ask(page: Page, url: str) -> None:
    """Type into the palette what the address names behind `#find=`, upload a file at `#upload`."""
    if url.endswith("#upload"):
        page.locator("[name=kind]").select_option("dnsmasq")
        file: FilePayload = {"name": "dnsmasq.conf", "mimeType": "text/plain", "buffer": FORMER}
        page.locator("[name=files]").set_input_files(file)
        page.locator(".ipm-import-form [type=submit]").click()
        page.locator(".ipm-import-counts").wait_for()
    _page, _mark, text = url.partition("#find=")
    if text:
        page.keyboard.press("Control+k")
        page.keyboard.type(text)
        page.locator(".find-hit").first.wait_for()


@contextmanager
def demo() -> Iterator[str]:
    """The address of a running site with the demo network and more."""
    with tempfile.TemporaryDirectory(prefix="ipmanager-pictures-") as scratch:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("IPMANAGER_", "DATABASE_", "DJANGO_"))
        }
        os.environ[shared.VARIABLE] = scratch
        environment = kept | {
            "IPMANAGER_DATA_DIR": str(Path(scratch) / "data"),
            "IPMANAGER_DEMO": "1",
            "IPMANAGER_ADMIN_PASSWORD": PASSWORD,
        }
        with site(environment, Path(scratch) / "output") as running:
            settings = environment | {"DJANGO_SETTINGS_MODULE": "ipmanager.settings"}
            subprocess.run([sys.executable, "-m", "tests.e2e.furniture"], env=settings, check=True)
            yield running.url


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--language", default="en-US")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    with demo() as url:
        take(url, options.directory, options.language, options.dark, options.only)
    print(f"{len(list(options.directory.glob('*.png')))} pictures in {options.directory}")


if __name__ == "__main__":
    main()
