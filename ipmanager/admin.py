"""The admin's pages of health and of the networks."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accounts.site import add_pages
from api.models import Pulse
from core.commands import manage_command
from ipam.admin.base import extend
from ipmanager.machine import tabbed as tabbed
from ipmanager.machine.urls import pages as machine_pages
from ipmanager.networks.urls import pages
from ipmanager.plans.bulk_edit import MODELS, EditsSeveral
from ipmanager.plans.urls import plan_pages
from ipmanager.shell.urls import pages as shell_pages
from ops import doctor

add_pages(pages)
add_pages(plan_pages)
add_pages(machine_pages)
add_pages(shell_pages)
for model in MODELS.values():
    extend(model, EditsSeveral)


@admin.register(Pulse)
class HealthAdmin(ModelAdmin):
    """The findings of `manage.py doctor --quick` as a page."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Pulse | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Pulse | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        results = doctor.run_checks()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Health"),
            "findings": [finding_line(result) for result in results],
            "well": not doctor.worst_status(results),
            "command": manage_command("doctor"),
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/ipmanager/health.html", context)


BADGES = {
    "ok": ("yes", _("Good")),
    "note": ("unknown", _("Note")),
    "warning": ("reserved", _("Warning")),
    "error": ("no", _("Error")),
}


def finding_line(result: doctor.Result) -> dict[str, Any]:
    """A finding for the template admin/ipmanager/findings.html."""
    return {
        "name": gettext(result.check.name),
        "badge": format_html('<span class="ipm-badge ipm-{}">{}</span>', *BADGES[result.level]),
        "found": result,
        "url": reverse(result.view) if result.view else "",
    }
