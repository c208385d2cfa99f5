"""The log in the admin: changes in words, chips, pages, one change, one line."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import strip_tags

from changes.log import groups
from core.history.origin import acting
from ipam.allocate import allocate, release, reserve
from ipam.models import Server
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.support.api import staff, with_token

pytestmark = pytest.mark.django_db
PAGE = reverse("changes:log")


@pytest.fixture
def pool():
    subnet = SubnetFactory(network="10.1.2.0/24", name="office")
    PoolFactory(subnet=subnet, first="10.1.2.10", last="10.1.2.19")
    return subnet


def reserve_all(pool):
    with acting("import", "plan.csv"):
        for row in pool.addresses.all():
            reserve(row, "printer")


def text_of(client, url=PAGE, **filters):
    answer = client.get(url, filters)
    assert answer.status_code == 200
    content = answer.content.decode()
    shown = content[content.index('<div class="log">') :]
    return " ".join(strip_tags(shown.rpartition("</form>")[2]).split())


def test_a_change_is_one_sentence_with_who_what_and_where(admin_client, pool):
    api = with_token("admin")
    key = pool.pk
    api.post(f"/api/v1/subnets/{key}/next-free/", {"vm_id": "vm-1"})
    page = text_of(admin_client)
    assert "user-1 (test) allocated IP address 10.1.2.10" in page
    assert "Status Allocated" in page


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda pool: reserve(pool.addresses.first(), "printer"), "reserved IP address 10.1.2.10"),
        (lambda pool: release(allocate(pool, vm_id="v").row), "released IP address 10.1.2.10"),
        (lambda pool: ServerFactory(hostname="web", ip_address="10.1.2.5"), "added server web"),
        (lambda pool: pool.delete(force=True), "deleted subnet 10.1.2.0/24 office"),
    ],
)
def test_each_deed_has_its_word(admin_client, pool, act, sentence):
    act(pool)
    assert sentence in text_of(admin_client)


def test_many_rows_are_counted_named_by_their_subnet_and_folded(admin_client, pool):
    reserve_all(pool)
    page = text_of(admin_client)
    assert "plan.csv reserved 10 IP addresses in 10.1.2.0/24" in page
    assert "7 more" in page


def test_names_are_escaped_and_not_read_as_a_template(admin_client, pool):
    server = ServerFactory(hostname="web", ip_address="10.1.2.5")
    Server.objects.filter(pk=server.pk).update(location="<b>{who}</b> %(what)s")
    page = admin_client.get(PAGE).content.decode()
    assert "&lt;b&gt;{who}&lt;/b&gt; %(what)s" in page


def test_a_wrong_filter_is_named_and_the_form_keeps_what_was_typed(admin_client):
    answer = admin_client.get(PAGE, {"since": "yesterday"})
    assert answer.status_code == 400
    assert "“yesterday” is not a time" in answer.content.decode()


def test_chips_show_the_filters_and_lead_to_the_page_without_them(admin_client, pool):
    page = admin_client.get(PAGE, {"subnet": pool.pk, "kind": "deleted"}).content.decode()
    assert "10.1.2.0/24 office" in page
    assert f'href="{PAGE}?kind=deleted"' in page
    assert "No change matches these filters." in page


def test_older_pages_have_every_change_once(admin_client, pool, monkeypatch):
    monkeypatch.setattr(groups, "CHANGES", 3)
    monkeypatch.setattr(groups, "LINES", 4)
    reserve_all(pool)
    ServerFactory.create_batch(7)
    seen, url = [], PAGE
    while url and len(seen) < 100:
        answer = admin_client.get(url)
        for _day, rows in answer.context["days"]:
            seen += [row.url for row in rows]
        url = answer.context["older"]
    assert len(seen) == len(set(seen))
    assert len(seen) >= 9


def test_one_change_and_one_line_have_their_pages(admin_client, pool):
    server = ServerFactory(hostname="web", ip_address="10.1.2.5")
    line = server.history.latest()
    change = reverse("changes:change", args=[line.history_change])
    assert "added server web" in text_of(admin_client, change)
    page = admin_client.get(reverse("changes:line", args=[f"ipam.server:{line.history_id}"]))
    assert reverse("admin:ipam_server_change", args=[server.pk]) in page.content.decode()
    assert admin_client.get(reverse("changes:change", args=["none"])).status_code == 404
    assert admin_client.get(reverse("changes:line", args=["ipam.server:0"])).status_code == 404


def test_an_empty_log_says_what_will_be_there(client):
    client.force_login(staff("ipam.view_vrf"))
    assert "Nothing has been changed yet" in text_of(client)


def test_the_page_has_no_script_of_its_own(admin_client, pool):
    content = admin_client.get(PAGE).content.decode()
    body = content[content.index('class="log"') :]
    assert not re.search(r"<script(?![^>]*src)|\son\w+=|style=", body.split("log-pages")[0])


def test_days_are_written_as_the_reader_s_language_writes_them(admin_client):
    ServerFactory()
    page = admin_client.get("/admin/changes/", headers={"Accept-Language": "de"})
    today = date_format(timezone.localdate(), "j. ")
    (label, _rows), *_others = page.context["days"]
    assert label.startswith("Heute, ") and f", {today}" in label
