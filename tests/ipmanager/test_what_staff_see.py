"""A member of staff sees what their permissions name: nothing without any, in every page of the URL
map, and with a permission to view one model nothing of the others."""

import os
import re

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from dhcp.models import DhcpServer
from ipam.models import IPAddress
from ipmanager import anonymous
from pxe.models import BootImage, BootMenu
from registry.models import Service
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import staff
from tests.support.everything import one_of_each
from tests.support.undone import undone

pytestmark = [pytest.mark.django_db, pytest.mark.whole]
# What rows of each model hold that no other page has to show.
MARKS = {
    "ipam.vrf": "mark-vrf",
    "ipam.subnet": "mark-subnet",
    "ipam.server": "mark-server",
    "ipam.interface": "mark-card",
    "ipam.ipaddress": "mark-address",
    "pxe.bootimage": "mark-image",
    "pxe.bootmenu": "mark-menu",
    "registry.service": "mark-service",
    "dhcp.dhcpserver": "mark-site",
}
# `make proof` asks every page with every query; here, they take turns.
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
OF_NOBODY = re.compile("mark-|10[.]0[.]0[.]|02:00:00:00:00")


@pytest.fixture
def ledger(settings, tmp_path):
    settings.DNSMASQ_DIR, settings.BOOT_ROOT = tmp_path / "dnsmasq", tmp_path / "boot"
    keys = one_of_each(0)
    subnet = SubnetFactory(network="10.0.1.0/24", name="mark-subnet", site="mark-subnet")
    vrf = VRFFactory(name="mark-vrf")
    server = ServerFactory(hostname="mark-server", ip_address="10.0.1.5", location="mark-server")
    server.interfaces.create(name="mark-card", ip_address="10.0.1.6")
    ServerFactory(hostname="mark-server", vrf=vrf, ip_address="10.0.1.5")
    IPAddress.objects.filter(server__hostname="mark-server").update(hostname="mark-address")
    IPAddressFactory(ip_address="10.0.1.9", status="reserved", description="mark-address")
    BootImage.objects.update(name="mark-image")
    BootMenu.objects.update(name="mark-menu")
    DhcpServer.objects.update(name="mark-site")
    Service.objects.update(name="mark-service", service_id="mark-service")
    return {**keys, "subnet": subnet.pk, "server": server.pk}


def routes(resolver=None, start="/"):
    """Every path of the URL map, with 1 to be replaced by keys."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = start + str(entry.pattern)
        if not isinstance(entry, URLPattern):
            yield from routes(entry, route)
        else:
            yield route


def filled(route, key):
    """The route with this key for everything that it captures; None for what is no plain path."""
    path = re.sub(r"\(\?P<\w+>[^()]*(\([^()]*\))?[^()]*\)", str(key), route)
    path = re.sub(r"<[^>]*>", str(key), path)
    path = path.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\", "")
    return None if set("()[]*+?") & set(path) else path


def paths(*keys):
    for route in routes():
        for key in keys if "<" in route else keys[:1]:
            path = (filled(route, key) or "").replace("/^", "/")
            if path and path not in OPEN:
                yield path


def logged_in(*permissions):
    client = Client(raise_request_exception=False)
    client.force_login(staff(*permissions))
    return client


def text_of(response):
    body = b"".join(response) if response.streaming else response.content
    return body.decode(errors="replace")


# What everybody may read, and the description of the API with its examples.
OPEN = {*(f"/{route}" for route in anonymous.ROUTES), "/api/schema/"}
LOOKUP = "?app_label=ipam&model_name=interface&field_name=server&term="
QUERIES = ["", "?q=mark", "?_export=1", LOOKUP]


def test_without_permissions_no_page_shows_anything(ledger):
    client, tried = logged_in(), 0
    for turn, path in enumerate(paths(*sorted(set(ledger.values()))[:3])):
        queries = QUERIES if "ipam" in path else QUERIES[:1]
        for query in queries if LONG else [queries[turn % len(queries)]]:
            response = undone(lambda path=path + query: client.get(path))
            tried += 1
            assert response.status_code < 500, path
            assert not OF_NOBODY.search(text_of(response)), path
    assert tried > 60


@pytest.mark.parametrize("page", ["/admin/", "/ipam/"])
@pytest.mark.parametrize("model", MARKS)
def test_with_one_permission_an_overview_shows_no_other_model(ledger, page, model):
    app, name = model.split(".")
    text = text_of(logged_in(f"{app}.view_{name}").get(page))
    others = [mark for other, mark in MARKS.items() if other != model]
    assert not [mark for mark in others if mark in text]


def test_the_address_list_shows_each_column_by_its_permission(ledger):
    def shown(*permissions):
        page = logged_in("ipam.view_ipaddress", *permissions).get("/ipam/")
        return {mark for mark in MARKS.values() if mark in page.content.decode()}

    assert shown() == {"mark-address"}
    assert shown("ipam.view_subnet") == {"mark-address", "mark-subnet"}
    assert shown("ipam.view_server") == {"mark-address", "mark-server"}
    assert shown("ipam.view_vrf", "ipam.view_subnet") >= {"mark-vrf"}


@pytest.mark.parametrize(
    "page",
    [
        "/admin/networks/map/",
        "/admin/place/",
        "/admin/search/?q=mark",
        "/admin/search/palette/?q=mark",
        "/admin/ipam/server/{server}/page/",
        "/admin/ipam/server/{server}/move/?to=10.0.1.0/24",
    ],
)
def test_with_one_permission_a_page_of_the_shell_shows_no_other_model(ledger, page):
    for model, own in MARKS.items():
        app, name = model.split(".")
        text = text_of(logged_in(f"{app}.view_{name}").get(page.format(**ledger)))
        assert not [mark for mark in MARKS.values() if mark != own and mark in text], model
