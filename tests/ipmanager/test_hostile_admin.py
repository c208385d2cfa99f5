"""No crafted request breaks a page of the admin: every page of every model, every field of its
forms, every action, with values that no browser sends."""

import os
from importlib import import_module

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.support.everything import one_of_each
from tests.support.undone import undone

# PostgreSQL refuses more: it is the harder test.
pytestmark = [pytest.mark.django_db, pytest.mark.whole("sqlite")]
BAD = ["abc", "1" + "0" * 23, "-1", "\0", "1,2", "é²", "[]", "10.0.0.0/99", "9" * 5000, "\ud800"]
# `make proof` goes through every page with all of them; here, some pages meet some of them.
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
EACH = 1 if LONG else 10
SOME = ("dhcp.dhcpscope", "pxe.bootassignment", "pxe.bootmenu")
import_module("ipmanager.urls")  # which registers the pages
EVERY = sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label)
PAGES = [page for page in EVERY if LONG or page[0]._meta.label_lower in SOME]
NAMES = [model._meta.label_lower for model, _shown in PAGES]


@pytest.fixture
def client(settings, tmp_path):
    settings.DNSMASQ_DIR, settings.BOOT_ROOT = tmp_path / "dnsmasq", tmp_path / "boot"
    one_of_each(0)
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root"))
    return client


def some(turn):
    """Every EACHth bad value, another share at each turn."""
    return BAD[turn % EACH :: EACH]


def page(model, name, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def survives(ask, url, data=None):
    """The client's GET or POST is answered, and what it has changed is undone."""
    response = undone(lambda: ask(url, data or {}))
    assert response.status_code < 500, (ask.__name__, url, data)


def typed_fields(response):
    """The names of the inputs of the page's forms, with their values."""
    form = response.context.get("adminform")
    if form is None:
        return {}
    forms = [form.form]
    for inline in response.context.get("inline_admin_formsets", ()):
        forms += [inline.formset.management_form, *inline.formset.forms]
    found = {}
    for one in forms:
        for bound in one:
            value = bound.value()
            found[bound.html_name] = "" if value in (None, [], False) else value
    return found


@pytest.mark.parametrize(("model", "shown"), PAGES, ids=NAMES)
def test_forms(client, model, shown):
    urls = [page(model, "add")]
    row = model._default_manager.first()
    if row is not None:
        urls.append(page(model, "change", row.pk))
    for url in urls:
        response = client.get(url)
        assert response.status_code in (200, 302, 403), url
        if response.status_code != 200 or response.context is None:
            continue
        typed = typed_fields(response)
        for turn, name in enumerate(typed):
            for value in some(turn):
                survives(client.post, url, {**texts(typed), name: sendable(value)})
                if LONG or turn % 4 == 0:
                    survives(client.get, url, {name: sendable(value)})


def sendable(value):
    """As bytes where the text has no UTF-8."""
    return value.encode("utf-8", "surrogatepass")


def texts(typed):
    return {name: value if isinstance(value, list) else str(value) for name, value in typed.items()}


@pytest.mark.parametrize(("model", "shown"), PAGES, ids=NAMES)
def test_lists_and_actions(client, rf, model, shown):
    url = page(model, "changelist")
    request = rf.get(url)
    request.user = User.objects.get(username="root")
    names = ["q", "p", "o", "e", "all", "_popup", "_to_field", "id__exact", "pk__in"]
    for found in shown.get_list_filter(request):
        name = found[0] if isinstance(found, tuple | list) else found
        if isinstance(name, str):
            names += [name, f"{name}__exact", f"{name}__id__exact", f"{name}__isnull"]
        else:
            names.append(getattr(name, "parameter_name", None) or "filter")
    for turn, name in enumerate(names):
        for value in some(turn):
            survives(client.get, url, {name: sendable(value)})
    for turn, action in enumerate(shown.get_actions(request)):
        for value in some(turn):
            for further in ({}, {"apply": "1", "post": "yes", "description": "\0"}):
                body = {"action": action, "_selected_action": sendable(value), **further}
                survives(client.post, url, body)
    if shown.search_fields:
        query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name}
        for turn, value in enumerate(BAD):
            ask = {**query, "field_name": BAD[turn - 1].encode("utf-8", "surrogatepass")}
            ask["term"] = sendable(value)
            survives(client.get, "/admin/autocomplete/", ask)


@pytest.mark.parametrize("name", ["change", "delete", "history"])
def test_keys(client, name):
    for model, _shown in PAGES:
        for value in BAD[: 8 if LONG else 2]:
            url = page(model, name, "1").replace("/1/", f"/{value}/")
            survives(client.get, url)
            survives(client.post, url, {"post": "yes"})


KEYS = ["abc", "1" + "0" * 23, "\0", "-1"]


@pytest.mark.parametrize(("turn", "value"), list(enumerate(KEYS)))
def test_selected_rows_of_actions(client, turn, value):
    for model, _shown in EVERY if LONG else EVERY[turn :: len(KEYS)]:
        body = {"action": "delete_selected", "_selected_action": value}
        survives(client.post, page(model, "changelist"), body)
    body = {"action": "release", "_selected_action": value}
    assert client.post("/admin/ipam/ipaddress/", body).status_code == 400


NULS = ["id__exact=%00", "mode=%00", "site=a%00b", "vrf=1&vrf=%00", "e=1&mode=%00"]


@pytest.mark.parametrize("ask", ["get", "post"])
def test_a_nul_in_a_filter_leads_to_the_list_without_filters(client, ask):
    for turn, (model, _shown) in enumerate(EVERY):
        url = page(model, "changelist")
        for query in NULS if LONG else [NULS[turn % len(NULS)]]:
            response = getattr(client, ask)(f"{url}?{query}")
            assert (response.status_code, response.headers.get("Location")) == (302, f"{url}?e=1")
        if LONG or turn % len(NULS) == 0:
            assert client.get(f"{url}?e=1").status_code == 200


def test_a_nul_in_the_search_box_breaks_no_list(client):
    for model, _shown in EVERY:
        assert client.get(f"{page(model, 'changelist')}?q=%00").status_code == 200
