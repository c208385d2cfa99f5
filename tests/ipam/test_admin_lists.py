"""What a list of the admin costs does not grow with work that is the same for each row."""

import pytest
from django.contrib.admin import site
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.test.utils import CaptureQueriesContext
from unfold.admin import checkbox
from unfold.templatetags import unfold_list

from ipam.admin import marks
from ipam.models import IPAddress, Server
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db
MOST_QUERIES = {"ipaddress": 6, "server": 20}


def fill(start, number):
    for host in range(start, start + number):
        ServerFactory(hostname=f"host-{host}", ip_address=f"10.0.0.{host}")


@pytest.fixture
def subnet():
    return SubnetFactory(network="10.0.0.0/24")


def read(client, name):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        page = client.get(f"/admin/ipam/{name}/")
    assert page.status_code == 200
    return page, len(captured)


@pytest.mark.parametrize("name", MOST_QUERIES)
def test_a_list_asks_the_database_as_often_for_many_rows_as_for_one(admin_client, subnet, name):
    fill(1, 1)
    read(admin_client, name)
    _page, few = read(admin_client, name)
    fill(2, 20)
    _page, many = read(admin_client, name)
    assert many <= few <= MOST_QUERIES[name]


@pytest.mark.parametrize("name", MOST_QUERIES)
def test_the_headers_are_worked_out_once_for_a_list(admin_client, subnet, name, monkeypatch):
    asked = []
    work_out = unfold_list.label_for_field

    def spy(field, *args, **kwargs):
        asked.append(field)
        return work_out(field, *args, **kwargs)

    monkeypatch.setattr(unfold_list, "label_for_field", spy)
    fill(1, 5)
    page, _queries = read(admin_client, name)
    columns = page.context["cl"].list_display
    assert sorted(asked) == sorted(columns)


def test_a_page_asks_no_model_for_a_list_that_it_does_not_show(admin_client, subnet, monkeypatch):
    asked = []
    monkeypatch.setattr(site.__class__, "_build_app_dict", lambda *args: asked.append(args) or {})
    read(admin_client, "server")
    assert not asked
    admin_client.get("/admin/ipam/")
    assert asked


def test_texts_of_rows_are_escaped(admin_client, subnet):
    ServerFactory(hostname="one", location="<b>", device_type="")
    text = read(admin_client, "server")[0].content.decode()
    assert "&lt;b&gt;" in text
    assert "<b>" not in text


def test_each_row_has_its_box_and_its_link(admin_client, subnet):
    fill(1, 3)
    text = read(admin_client, "server")[0].content.decode()
    for server in Server.objects.all():
        assert checkbox.render(ACTION_CHECKBOX_NAME, str(server.pk)) in text
        assert f'href="/admin/ipam/server/{server.pk}/page/"' in text


@pytest.mark.parametrize(
    ("key", "url"),
    [(7, "/admin/ipam/ipaddress/7/change/"), ("a/b", "/admin/ipam/ipaddress/a_2Fb/change/")],
)
def test_a_link_is_what_django_reverses(key, url):
    assert marks.page_url(IPAddress._meta, "change", key) == url


def test_yes_and_no_are_named_in_the_readers_language(admin_client, subnet):
    ServerFactory(hostname="one")
    for language, word in (("en", "True"), ("de", "Wahr"), ("en", "True")):
        page = admin_client.get("/admin/ipam/server/", headers={"accept-language": language})
        assert f'title="{word}"' in page.content.decode()
