"""Bars and lines as SVG. Sizes are attributes, so that no page needs an inline style."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from ipam.usage import Share

WIDTH, HEIGHT, DAYS_HEIGHT = 100, 6, 24


def bar(share: Share, kind: str, label: str) -> SafeString:
    """How much of a share is used; `kind` is `static` or `dhcp`."""
    used = max(share.percent, bool(share.used))
    return format_html(
        '<svg class="net-bar net-bar-{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" '
        'aria-label="{}"><rect class="all" width="{}" height="{}"/>'
        '<rect class="used" width="{}" height="{}"/></svg>',
        kind,
        *(WIDTH, HEIGHT, label, WIDTH, HEIGHT),
        f"{used:.1f}",
        HEIGHT,
    )


def days(shares: Sequence[Share], label: str) -> SafeString | str:
    """How full something was on each day, from 0 to 100 per cent; nothing for less than two
    days."""
    if len(shares) < 2:
        return ""
    step = WIDTH / (len(shares) - 1)
    points = []
    for index, share in enumerate(shares):
        height = DAYS_HEIGHT - 2 - share.percent / 100 * (DAYS_HEIGHT - 4)
        points.append(f"{index * step:.1f},{height:.1f}")
    return format_html(
        '<svg class="net-days" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" '
        'aria-label="{}"><polyline points="{}"/></svg>',
        *(WIDTH, DAYS_HEIGHT, label, " ".join(points)),
    )
