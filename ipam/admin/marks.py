"""The small marks in lists and forms: badges, usage bars, links, and numbers a person can read."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import gettext

from ipam.models import IPAddress, Server, Subnet
from ipam.pages.filters import NONE
from ipam.usage import Share
from ipam.usage.children import children_with_free

NOTHING = mark_safe('<span class="ipm-none">–</span>')  # on a phone its whole line is left out
FULL, FILLING = 90, 75  # per cent


def badge(kind: str, text: object) -> SafeString:
    """A coloured word; the kinds are classes in ipmanager/admin.css."""
    return format_html('<span class="ipm-badge ipm-{}">{}</span>', kind, text)


def status(row: IPAddress) -> SafeString:
    return badge(row.status, row.get_status_display())


def activity(row: IPAddress) -> SafeString:
    """Yes, no, or not probed: `active` is True by default. Needs `with_last_answer()` rows."""
    if not row.active:
        return badge("no", gettext("No"))
    if getattr(row, "probed", False):  # a row of history does not know
        return badge("yes", gettext("Yes"))
    return badge("unknown ipm-quiet", gettext("Not probed"))


def static_bar(share: Share) -> SafeString:
    """How many of the addresses that we allocate are in use."""
    return bar(share, gettext("static addresses: %(used)s of %(total)s in use, %(free)s free"))


def dhcp_bar(share: Share) -> SafeString:
    """How many of the addresses that dnsmasq hands out are leased or reserved."""
    return bar(share, gettext("DHCP: %(used)s of %(total)s leased or reserved, %(free)s free"))


def bar(share: Share, sentence: str) -> SafeString:
    """How full it is: red above 90 %, amber above 75 %; a dash where there is nothing to hand
    out."""
    if not share.total:
        return NOTHING
    percent = share.percent
    numbers = {
        "used": count(share.used),
        "total": count(share.total),
        "free": count(share.free),
    }
    title = sentence % numbers
    return format_html(
        '<span class="ipm-usage" title="{}"><svg class="ipm-bar" viewBox="0 0 100 8" '
        'preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="ipm-{}" width="{}" height="8"/></svg>'
        '<span class="ipm-percent">{}</span></span>',
        title,
        title,
        level(percent),
        f"{max(min(percent, 100), 2.5 * bool(percent)):.1f}",  # little can be seen, too
        per_cent(percent),
    )


def level(percent: float) -> str:
    """The class of a bar that is full to this percentage."""
    if percent > FULL:
        return "full"
    if percent > FILLING:
        return "filling"
    if percent:
        return "free"
    return "empty"


def per_cent(value: float) -> str:
    """A percentage that is 0 only for an empty subnet and 100 only for a full one."""
    if 0 < value < 1:
        return "< 1 %"
    if 99 < value < 100:
        return "> 99 %"
    return f"{value:.0f} %"


def count(number: int) -> str:
    """A number in the reader's notation; beyond ten digits, the way engineers write it."""
    if number < 1000:
        return str(number)
    if number < 10**10:
        return number_format(number, force_grouping=True)
    digits = len(str(number)) - 1
    return f"{number_format(number / 10**digits, 1)}·10{str(digits).translate(_RAISED)}"


_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def ago(moment: datetime) -> str:
    """How long ago, for people."""
    if timezone.now() - moment < timedelta(minutes=1):
        return gettext("just now")
    return gettext("%s ago") % timesince(moment)


def link(target: Model | None, text: object = None, otherwise: str = NOTHING) -> SafeString:
    """A link to a row's own page, or a dash."""
    if target is None:
        return conditional_escape(otherwise)
    return format_html(
        '<a class="ipm-link" href="{}" title="{}">{}</a>',
        row_url(target),
        target,
        text or target,
    )


def links(targets: Iterable[Model]) -> SafeString:
    shown = zip(map(link, targets), strict=True)
    return format_html_join("", "<div>{}</div>", shown) or NOTHING


def row_url(target: Model) -> str:
    """The page to read it, where there is one, or else its form."""
    return page_url(target._meta, view_of(type(target)), target.pk)


def view_of(model: type[Model]) -> str:
    """The page that links to rows of this model lead to."""
    return _READ_FIRST.get(model, "change")


_READ_FIRST: dict[type[Model], str] = {Server: "page"}


def change_url(target: Model) -> str:
    return page_url(target._meta, "change", target.pk)


def page_url(opts: Any, name: str, key: object) -> str:
    """The URL of one of the pages of a row: `change`, `history`, `delete`, `page`."""
    view = f"admin:{opts.app_label}_{opts.model_name}_{name}"
    before, after = _around_key(view, get_urlconf(), get_script_prefix())
    return f"{before}{quote(str(key))}{after}"


@cache
def _around_key(view: str, *_where: str | None) -> tuple[str, str]:
    """What stands before and after the key in the URL of a view. A list has hundreds of links, and
    `reverse` takes longer than the rest of a link."""
    before, _key, after = reverse(view, args=[_KEY]).rpartition(_KEY)
    return before, after


_KEY = "0000000000"  # stands for the key of a row


def address_list_url(**filters: Any) -> str:
    """The list of addresses with some filters set."""
    return f"{reverse('admin:ipam_ipaddress_changelist')}?{urlencode(filters)}"


def of_subnet(subnet_id: int, **filters: Any) -> str:
    return address_list_url(subnet__id__exact=subnet_id, **filters)


def below(subnet: Subnet) -> str:
    """The list of the subnet's addresses; those of the subnets inside it are there, too."""
    if not subnet.children:
        return of_subnet(subnet.pk)
    return address_list_url(q=str(subnet.network), vrf=subnet.vrf_id or NONE)


def free_children(subnet: Subnet) -> SafeString:
    """Links to the next free address of the subnets inside; empty when they have none."""
    links = []
    for child in children_with_free(subnet):
        links.append((next_free_url(child.id), child.network, count(child.free)))
    return format_html_join(", ", '<a class="ipm-link" href="{}">{}</a> ({})', links)


def next_free_url(subnet_id: int) -> str:
    return f"{_next_free_page()}?subnet={subnet_id}"


@functools.cache
def _next_free_page() -> str:
    return reverse("admin:ipam_ipaddress_next_free")
