"""The screens of webhooks: their health, their deliveries, tests and repetitions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from core.history import origin
from core.local_time import when
from discovery.pages import ReadOnlyAdmin, cell
from events.webhooks import queue
from events.webhooks.models import Webhook, WebhookDelivery
from ipam.admin import marks
from ipam.admin.base import ListAdmin, ShowsRefusals

_COLOURS = {"pending": "unknown", "delivered": "yes", "dead": "no"}


class Lines(forms.CharField):
    """A list of texts, one per line."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 2})
        super().__init__(widget=widget, required=False, **options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(map(str, value))
        return value

    def clean(self, value: Any) -> Any:
        lines = map(str.strip, str(super().clean(value)).splitlines())
        return [line for line in lines if line]


class WebhookForm(forms.ModelForm):
    kinds = Lines(
        label=_("Kinds"), help_text=_("One per line, as in address.*; empty means all kinds.")
    )
    subnets = Lines(
        label=_("Subnets"), help_text=_("Networks, one per line; empty means everything.")
    )

    class Meta:
        model = Webhook
        fields = ["name", "url", "enabled", "kinds", "subnets", "site", "timeout", "ca"]


@admin.register(Webhook)
class WebhookAdmin(ShowsRefusals, ListAdmin):
    form = WebhookForm
    list_display = ("what", "told", "health", "last", "dead", "owner")
    list_display_links = None
    list_filter = (("enabled", BooleanRadioFilter),)
    search_fields = ("name", "url")
    search_help_text = _("Name or URL")
    nothing_yet = _("Nobody is told by webhook. Add one, and events are sent to its URL.")
    change_form_outer_before_template = "admin/events/webhook.html"
    fieldsets = (
        (None, {"fields": ("name", "url", "enabled")}),
        (_("What is told"), {"fields": ("kinds", "subnets", "site")}),
        (_("Connection"), {"fields": ("timeout", "ca")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).seen_by(request.user).select_related("owner")
        dead = Count("deliveries", filter=Q(deliveries__state="dead"))
        return rows.annotate(dead_count=dead).order_by("name")

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return queryset.matching(search_term), False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.do_view)
        return [path("<int:pk>/do/", view, name="events_webhook_do"), *super().get_urls()]

    # --- the list ---------------------------------------------------------------------------------

    @admin.display(description=_("webhook"), ordering="name")
    def what(self, row: Webhook) -> SafeString:
        return cell(
            format_html(
                '<a class="ipm-link ipm-subject" href="{}">{}</a><div class="ipm-small">{}</div>',
                row.get_absolute_url(),
                row.name,
                row.url,
            )
        )

    @admin.display(description=_("is told of"))
    def told(self, row: Webhook) -> str:
        parts = [", ".join(row.kinds) or gettext("everything")]
        if row.subnets:
            parts.append(", ".join(row.subnets))
        if row.site:
            parts.append(row.site)
        return " · ".join(parts)

    @admin.display(description=_("health"))
    def health(self, row: Webhook) -> SafeString:
        return health_badge(row)

    @admin.display(description=_("last delivery"), ordering="last_success_at")
    def last(self, row: Webhook) -> SafeString | str:
        if row.last_success_at is None:
            return marks.NOTHING
        return marks.ago(row.last_success_at)

    @admin.display(description=_("given up"), ordering="dead_count")
    def dead(self, row: Any) -> SafeString | str:
        if not row.dead_count:
            return marks.NOTHING
        url = f"{deliveries_url(row)}&state__exact=dead"
        return format_html('<a class="ipm-link" href="{}">{}</a>', url, row.dead_count)

    # --- the page of one --------------------------------------------------------------------------

    def render_change_form(
        self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context |= {
                "webhook": row,
                "badge": health_badge(row),
                "facts": facts(row),
                "action_url": reverse("admin:events_webhook_do", args=[row.pk]),
                "deliveries_url": deliveries_url(row),
                "may_do": self.has_change_permission(request, row),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.owner = request.user
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A page instead of a message, which would keep the secret in the session."""
        return self._secret_page(request, obj)

    def do_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST sends a test or what was given up, or makes a new secret."""
        row = self.get_queryset(request).filter(pk=pk).first()
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        back = HttpResponseRedirect(row.get_absolute_url())
        if request.method != "POST":
            return back
        doing = {"test": self._test, "replay": self._replay, "secret": self._new_secret}
        act = doing.get(request.POST.get("do", ""))
        if act is None:
            return back
        return act(request, row) or back

    def _test(self, request: HttpRequest, row: Webhook) -> HttpResponse:
        delivery = queue.add_test(row, origin.name())
        return HttpResponseRedirect(
            reverse("admin:events_webhookdelivery_change", args=[delivery.pk])
        )

    def _replay(self, request: HttpRequest, row: Webhook) -> None:
        number = queue.replay(WebhookDelivery.objects.filter(webhook=row, state="dead"))
        tell_number(self, request, number)

    def _new_secret(self, request: HttpRequest, row: Webhook) -> HttpResponse:
        with transaction.atomic():
            row = Webhook.objects.select_for_update().get(pk=row.pk)
            row.set_secret()
            row.save()
        return self._secret_page(request, row)

    def _secret_page(self, request: HttpRequest, row: Webhook) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Secret of %s") % row,
            "opts": self.opts,
            "webhook": row,
            "value": row.secrets()[0],
            "has_former": len(row.secrets()) > 1,
        }
        answer = TemplateResponse(request, "admin/events/secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer


@admin.register(WebhookDelivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("what", "to", "how", "tries", "times", "reason")
    list_display_links = None
    list_filter = (("state", ChoicesDropdownFilter), "webhook")
    search_fields = ("event",)
    search_help_text = _("Number of an event, or its subject")
    actions = ("send_again",)
    nothing_yet = _("No event has been sent to a webhook.")
    fields = (
        "what",
        "to",
        "how",
        "attempts",
        "first_at",
        "last_at",
        "next_at",
        "status_code",
        "error",
        "milliseconds",
        "request_headers",
        "answer",
    )
    readonly_fields = ("what", "to", "how")

    def get_queryset(self, request: HttpRequest) -> Any:
        own = Webhook.objects.seen_by(request.user)
        rows = WebhookDelivery.objects.filter(webhook__in=own)
        return rows.select_related("event", "webhook").order_by("-pk")

    @admin.display(description=_("event"))
    def what(self, row: WebhookDelivery) -> SafeString:
        return cell(
            format_html(
                '<a class="ipm-link ipm-subject" href="{}">{}</a> {}'
                '<div class="ipm-small">{} · {}</div>',
                reverse("admin:events_webhookdelivery_change", args=[row.pk]),
                row.event.subject,
                row.event.kind,
                row.event_id,
                when(row.event.at),
            )
        )

    @admin.display(description=_("webhook"))
    def to(self, row: WebhookDelivery) -> str:
        return row.webhook.name

    @admin.display(description=_("state"))
    def how(self, row: WebhookDelivery) -> SafeString:
        return marks.badge(_COLOURS[row.state], row.get_state_display())

    @admin.display(description=_("attempts"), ordering="attempts")
    def tries(self, row: WebhookDelivery) -> int:
        return row.attempts

    @admin.display(description=_("last attempt"), ordering="last_at")
    def times(self, row: WebhookDelivery) -> SafeString | str:
        if row.last_at is None:
            return marks.NOTHING
        return marks.ago(row.last_at)

    @admin.display(description=_("answer"))
    def reason(self, row: WebhookDelivery) -> SafeString | str:
        return row.error or str(row.status_code or "") or marks.NOTHING

    @admin.action(description=_("Send again"), permissions=["replay"])
    def send_again(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        tell_number(self, request, queue.replay(WebhookDelivery.objects.filter(pk__in=queryset)))

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("events.change_webhook")


def tell_number(page: admin.ModelAdmin, request: HttpRequest, number: int) -> None:
    text = ngettext("%d event is sent again.", "%d events are sent again.", number) % number
    page.message_user(request, text, messages.SUCCESS)


def health_badge(row: Webhook) -> SafeString:
    """How it is in one word."""
    if not row.enabled:
        return marks.badge("unknown ipm-quiet", gettext("off"))
    if row.is_paused:
        return marks.badge("no", gettext("paused: no active owner"))
    if row.failing_since:
        return marks.badge("no", gettext("failing for %s") % marks.timesince(row.failing_since))
    if row.last_success_at:
        return marks.badge("yes", gettext("works"))
    return marks.badge("unknown ipm-quiet", gettext("nothing sent yet"))


def facts(row: Webhook) -> list[tuple[Any, Any]]:
    """What the page says above the form."""
    found: list[tuple[Any, Any]] = [
        (_("Owner"), row.owner or marks.NOTHING),
        (_("Delivered"), row.delivered),
        (_("Given up"), getattr(row, "dead_count", 0)),
        (_("Secret's fingerprint"), row.fingerprint),
    ]
    if row.last_error:
        found.append((_("Last error"), row.last_error))
    return found


def deliveries_url(row: Webhook) -> str:
    changelist = reverse("admin:events_webhookdelivery_changelist")
    return f"{changelist}?webhook__id__exact={row.pk}"
