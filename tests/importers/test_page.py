"""The page and the route by which files of another system are imported."""

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from ipam.models import Server, Subnet
from tests.importers.test_plan import LAN, PRINTER
from tests.ipam.factories import ServerFactory, VRFFactory
from tests.support.api import staff, with_token

pytestmark = pytest.mark.django_db
URL = "/admin/import-from/"


@pytest.fixture
def page(client, django_user_model):
    admin = django_user_model.objects.create_superuser("admin")
    client.force_login(admin)
    return client


def upload(page, text=LAN + PRINTER, kind="dnsmasq", **more):
    file = SimpleUploadedFile("dnsmasq.conf", text.encode())
    return page.post(URL, {"kind": kind, "files": [file], **more})


def test_files_are_looked_at_and_then_imported(page):
    answer = upload(page)
    assert not Subnet.objects.exists()
    assert answer.context["outcome"].totals["new"] == 4
    done = page.post(URL, {"preview": answer.context["preview"], "vrf": ""})
    assert (done.status_code, Server.objects.get().hostname) == (200, "printer")
    assert done.context["undo"] in done.content.decode()
    assert upload(page).context.get("preview") is None  # there is nothing to do


def test_what_would_become_otherwise_meanwhile_is_shown_anew(page):
    shown = upload(page).context["preview"]
    ServerFactory(hostname="printer", ip_address=None)
    answer = page.post(URL, {"preview": shown})
    assert (answer.status_code, Subnet.objects.count()) == (409, 0)
    assert "has changed since this was shown" in answer.content.decode()
    done = page.post(URL, {"preview": answer.context["preview"]})
    assert (done.status_code, Subnet.objects.count()) == (200, 1)


def test_the_vrf_is_that_of_the_preview(page):
    VRFFactory(name="red")
    shown = upload(page, LAN, vrf="red").context["preview"]
    page.post(URL, {"preview": shown, "vrf": ""})
    assert Subnet.objects.get().vrf.name == "red"


def test_who_may_not_see_what_is_there_may_not_import_it(client):
    client.force_login(staff("ipam.add_subnet", "dhcp.add_dhcpscope", "ipam.add_pool"))
    answer = upload(client, LAN)
    assert answer.status_code == 400
    assert "ipam.view_subnet" in answer.content.decode()


def test_a_damaged_file_is_refused_with_its_line(page):
    answer = upload(page, LAN + "dhcp-host=!\n")
    assert answer.status_code == 400
    assert "dnsmasq.conf:2" in answer.content.decode()


def test_a_preview_of_somebody_else_is_not_imported(page, client, django_user_model):
    preview = upload(page).context["preview"]
    client.force_login(django_user_model.objects.create_superuser("other"))
    assert client.post(URL, {"preview": preview}).status_code == 400
    assert client.post(URL, {"preview": preview[:-1]}).status_code == 400
    assert not Subnet.objects.exists()


@pytest.mark.parametrize("data", [{}, {"kind": "nonsense"}, {"kind": "dnsmasq"}])
def test_a_form_that_says_too_little_is_refused(page, data):
    assert page.post(URL, data).status_code == 400


def test_the_page_needs_the_rights_of_what_it_makes(client):
    user = staff("ipam.add_subnet")
    client.force_login(user)
    answer = upload(client)
    assert answer.status_code == 400
    assert "ipam.add_server" in answer.content.decode()
    user.user_permissions.clear()
    user = type(user).objects.get(pk=user.pk)
    assert not Permission.objects.filter(user=user).exists()
    client.force_login(user)
    assert client.get(URL).status_code == 403


def test_the_form_names_every_kind(page):
    text = page.get(reverse("importers:import")).content.decode()
    assert "isc-dhcpd" in text
    assert "kea" in text


@pytest.fixture
def api():
    """Sends a body to the route."""
    caller = with_token("admin")

    def send(text, query=""):
        return caller.post(f"/api/v1/imports/{query}", {"kind": "dnsmasq", "files": {"a": text}})

    return send


def test_the_api_imports_and_previews(api):
    tried = api(LAN + PRINTER, "?dry_run=1").json()
    assert (tried["written"], tried["totals"]["new"], Subnet.objects.count()) == (False, 4, 0)
    done = api(LAN + PRINTER).json()
    assert (done["written"], done["records"]) == (True, tried["records"])
    assert api(LAN + PRINTER).json()["totals"]["new"] == 0


def test_the_api_refuses_a_damaged_file(api):
    answer = api("dhcp-host=!")
    assert (answer.status_code, "a:1" in answer.json()["detail"]) == (400, True)


def test_the_page_lets_the_admin_s_scripts_run(page):
    assert "unsafe-eval" in page.get(URL).headers["Content-Security-Policy"]
