"""What the tests of the admin share: a form as a browser sends it, and what a page says."""

import html
import re

import pytest
from django.db import connection
from django.forms import CheckboxInput
from django.test.utils import CaptureQueriesContext

OFFER = re.compile(r' <a href="[^"]+/undo/">Undo…</a>$')


def filled(page, **changes):
    """The page's form with every value that it shows, then the changes."""
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    data = {"_seen": page.context["seen"]} if page.context.get("seen") else {}
    for field in (field for form in forms for field in form):
        value = field.value()
        if not isinstance(field.field.widget, CheckboxInput):
            data[field.html_name] = "" if value is None else str(value)
        elif value:
            data[field.html_name] = "on"
    return data | changes


def save(client, url, **changes):
    """Open a form, change it, press Save, follow to the next page."""
    return client.post(url, filled(client.get(url), **changes), follow=True)


def messages_of(page):
    """The texts, without the links to the undo (tests/changes/test_offer.py)."""
    return list(map(without_offer, map(str, page.context["messages"])))


def without_offer(text):
    """A text to which the offer was added is escaped."""
    bare = OFFER.sub("", text)
    return text if bare == text else html.unescape(bare)


def errors_of(page):
    """What the form refuses, by field; __all__ stands above it."""
    return {name: list(errors) for name, errors in page.context["adminform"].form.errors.items()}


def inline_errors_of(page):
    return [
        form.errors
        for inline in page.context["inline_admin_formsets"]
        for form in inline.formset.forms
    ]


def rows_shown(page):
    return list(page.context["cl"].result_list)


def queries_of(client, url):
    """How many queries a page takes, once the caches of a first look are filled."""
    client.get(url)
    return queries_in(lambda: client.get(url).status_code == 200 or pytest.fail(url))


def queries_in(work):
    """How many queries some work takes."""
    with CaptureQueriesContext(connection) as queries:
        work()
    return len(queries)
