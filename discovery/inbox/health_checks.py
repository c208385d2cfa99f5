"""The inbox as a finding. One query."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.findings import Finding, health_check, note
from discovery.inbox.models import UnknownDevice


@health_check(
    gettext_noop("unknown devices"), "ledger", summary="devices that the ledger does not know"
)
def unknown_devices() -> Iterator[Finding]:
    """Every device that was seen has a card in the ledger, or was ignored."""
    number = UnknownDevice.objects.new().count()
    if number:
        text = ngettext(
            "%d device was seen that the ledger does not know.",
            "%d devices were seen that the ledger does not know.",
            number,
        )
        finding = note(text % number, _("Adopt, reserve, quarantine or ignore them in the inbox."))
        finding.view = "admin:discovery_unknowndevice_changelist"
        yield finding
