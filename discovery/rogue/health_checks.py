"""Whether foreign DHCP servers are looked for at all. One query."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.findings import Finding, health_check, note, ok
from discovery.rogue.models import DhcpWatch
from discovery.rogue.watch import STALE


@health_check(gettext_noop("watch for DHCP servers"), "dhcp")
def watch() -> Iterator[Finding]:
    """The worker and the agents ask by DHCP every 50 seconds who answers."""
    rows = DhcpWatch.objects.filter(asked_at__gt=timezone.now() - STALE)
    for row in rows.order_by("place")[:20]:
        if row.error:
            text = _("Foreign DHCP servers are not looked for at %(place)s: %(error)s.")
            remedy = _("See docs/dnsmasq.md, or set IPMANAGER_DHCP_WATCH=none.")
            yield note(text % {"place": row.place, "error": row.error}, remedy)
        else:
            yield ok(_("Foreign DHCP servers are looked for at %s.") % row.place)
