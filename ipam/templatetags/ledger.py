"""How the ledger's numbers and names are written on a page."""

from dataclasses import replace
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from core.history import records
from ipam.placement.describe import described

register = template.Library()

_LONG = 10**12
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@register.filter
def grouped(number: int) -> str:
    """`16,777,214`; what nobody can read at a glance any more (a /64) as `1.8 × 10¹⁹`."""
    if number < _LONG:
        return number_format(number, use_l10n=True, force_grouping=True)
    power = len(str(number)) - 1
    return f"{number_format(number / 10**power, decimal_pos=1)} × 10{str(power).translate(_RAISED)}"


@register.filter
def who(record: Any) -> str:
    """Who made the change of a line of history."""
    return records.who(record)


@register.filter
def source(record: Any) -> Any:
    """How the change of a line of history was made: by the web, the API, a command."""
    return records.SOURCES.get(record.history_source or "", "")


@register.filter
def breakable(name: str) -> SafeString:
    """A long name may go on in the next line behind its dots."""
    return mark_safe(conditional_escape(name).replace(".", ".<wbr>"))


@register.simple_tag
def describe_address(asked: str, perms: Any) -> str:
    """What the address is that was searched for, as far as this user may see it; empty for any
    other text."""
    if "ipam.view_ipaddress" not in perms:
        return ""
    found = described(asked or "")
    if found is None:
        return ""
    if "ipam.view_sighting" not in perms:
        found = replace(found, lease=None, answer=None)
    return found.sentence
