"""Conflicts as findings. Two queries."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.findings import BOUNDED, Finding, error, health_check, warning
from discovery.conflicts.models import Conflict

VIEW = "admin:discovery_conflict_changelist"
NAMED = 3  # conflicts that the finding names
Kind = Conflict.Kind


@health_check(
    gettext_noop("conflicts"), "ledger", BOUNDED, summary="network and ledger contradict each other"
)
def conflicts() -> Iterator[Finding]:
    """Nobody uses an address that the ledger gives to another machine, or to nobody."""
    rows = Conflict.objects.open().exclude(kind=Kind.ROGUE_DHCP)
    number = rows.count()
    if not number:
        return
    named = [
        f"{row.ip_address} ({row.get_kind_display()})" for row in rows.order_by("-since")[:NAMED]
    ]
    text = ngettext(
        "%(number)d conflict between network and ledger: %(names)s",
        "%(number)d conflicts between network and ledger: %(names)s",
        number,
    )
    names = ", ".join(named) + (" …" if number > NAMED else "")
    yield warning(
        text % {"number": number, "names": names},
        _("The list of conflicts shows both sides and the remedies; mute what is meant to be."),
        view=VIEW,
    )


@health_check(
    gettext_noop("foreign DHCP servers"),
    "dhcp",
    BOUNDED,
    summary="a DHCP server answers that is not ours",
)
def rogue_servers() -> Iterator[Finding]:
    """No DHCP server answers that nobody has allowed."""
    rows = Conflict.objects.open().filter(kind=Kind.ROGUE_DHCP).order_by("-since")
    for row in rows[:NAMED]:
        yield error(_sentence(row), _remedy(), view=VIEW)


def _sentence(row: Conflict) -> str:
    seen = row.seen[0]
    if not row.ip_address:
        text = _("A client of %(place)s has asked another DHCP server (%(client)s, dnsmasq's log).")
        return text % {"place": seen["place"], "client": seen["client"] or "–"}
    text = _("A foreign DHCP server answers at %(place)s: %(server)s (%(mac)s) offers %(offered)s.")
    return text % {
        "place": seen["place"],
        "server": row.ip_address,
        "mac": row.mac_address or "–",
        "offered": seen["offered"],
    }


def _remedy() -> str:
    return _(
        "Find it by its MAC address and switch it off; or allow it in the list of conflicts, or by "
        "IPMANAGER_DHCP_ALLOWED."
    )
