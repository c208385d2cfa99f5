"""Subnets: the tree with its usage, pools inline, and a deletion that never takes an address from
anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.views import ChangeList

from core.errors import Conflict
from ipam import addresses, rules
from ipam.admin import marks
from ipam.admin.base import (
    Facts,
    LedgerAdmin,
    LedgerForm,
    LedgerFormSet,
    LedgerInline,
    LedgerList,
    Parts,
    when,
)
from ipam.admin.filters import SiteFilter, VLANFilter, VRFFilter
from ipam.allocate import next_free
from ipam.models import IPAddress, Pool, Subnet
from ipam.usage import Usage, usage
from ipam.usage.ranking import by_figures

NAMED = 20  # so many addresses are listed before the rest is counted
DEEPEST = 8  # steps to the right in the tree


class PoolForm(LedgerForm):
    # Whether pools overlap is known when those beside this one have been saved.
    checked_when_saved = True


class PoolFormSet(LedgerFormSet):
    """Pools make room before others move in: the deleted ones go first, then those that shrink."""

    def save_existing_objects(self, commit: bool = True) -> list[models.Model]:
        self.deleted_objects = []
        self.changed_objects = []
        kept = []
        for form in self.initial_forms:
            if form in self.deleted_forms:
                self.deleted_objects.append(form.instance)
                self.delete_existing(form.instance, commit)
            elif form.has_changed():
                self.changed_objects.append((form.instance, form.changed_data))
                kept.append(form)
        kept.sort(key=_grows)
        return [self.save_existing(form, form.instance, commit) for form in kept]


def _grows(form: ModelForm) -> bool:
    """Whether a pool takes more than it had. The form's own check may have refused it, so its ends
    may be of any family."""
    before = (form["first"].initial, form["last"].initial)
    ends = [before[0], form.instance.first, form.instance.last, before[1]]
    return ends != sorted(ends, key=lambda address: (address.version, int(address)))


class PoolInline(LedgerInline):
    model = Pool
    form = PoolForm
    formset = PoolFormSet
    fields = ("first", "last", "kind", "size")
    readonly_fields = ("size",)

    def get_extra(
        self, request: HttpRequest, obj: models.Model | None = None, **kwargs: Any
    ) -> int:
        return int(obj is None)

    @admin.display(description=_("addresses"))
    def size(self, pool: Pool) -> str:
        if pool.pk:
            return marks.count(pool.size)
        return marks.NOTHING


class SubnetList(LedgerList):
    """The page's subnets with what their columns need, in a number of queries that does not
    grow."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        """Columns of the table, or figures of the usage."""
        return by_figures(Subnet, super().get_ordering(request, queryset))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown: list[Any] = list(self.result_list)  # type: ignore[has-type]
        measured = usage(shown)
        for subnet, depth in zip(shown, self._depths(shown), strict=True):
            subnet.measured, subnet.depth = measured[subnet.pk], depth
        self.result_list = shown

    def _depths(self, shown: Sequence[Subnet]) -> list[int]:
        """In how many of the listed subnets each one lies. Only in tree order does that make
        sense."""
        if not shown or ORDER_VAR in self.params:
            return [0] * len(shown)
        above = list(self._above(shown[0]))
        depths = []
        for subnet in shown:
            while above and not _contains(above[-1], subnet):
                above.pop()
            depths.append(len(above))
            above.append(subnet)
        return depths

    def _above(self, first: Subnet) -> QuerySet[Subnet]:
        """Those of earlier pages that contain the page's first one, widest first."""
        around = self.queryset.filter(
            vrf=first.vrf_id, network__in=list(addresses.supernets(first.network))
        )
        return around.exclude(pk=first.pk).order_by("network")


def _contains(outer: Subnet, inner: Subnet) -> bool:
    return outer.vrf_id == inner.vrf_id and addresses.inside(inner.network, outer.network)


@admin.register(Subnet)
class SubnetAdmin(LedgerAdmin):
    list_display = (
        *("tree", "name", "vrf", "vlan_id", "gateway", "site"),
        *("static_bar", "dhcp_bar", "free"),
    )
    list_select_related = ("vrf",)
    list_filter = (VRFFilter, SiteFilter, VLANFilter)
    search_fields = ("name",)
    search_help_text = _("Address, network, name or VLAN")
    inlines = (PoolInline,)
    parts = Parts(
        _("Pools"),
        Pool,
        "subnet_id",
        lambda pool: f"{pool.first}-{pool.last}",
        lambda pool: f"{pool.first}-{pool.last} ({pool.get_kind_display()})",
    )
    actions = ("show_next_free",)
    import_kind = "subnets"
    actions_detail = ("show_page", "reserve_next_free", "show_addresses")
    actions_row = ("show_page", "reserve_next_free", "show_addresses")
    fieldsets = (
        (None, {"fields": ("network", "name", "description", "vrf", "vlan_id", "site")}),
        (_("What its machines are told"), {"fields": ("gateway", "dns_servers", "domain")}),
    )
    delete_selected_confirmation_template = "admin/ipam/subnet/delete_selected_confirmation.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SubnetList

    def get_ordering(self, request: HttpRequest) -> list[OrderBy | str]:
        return [F("vrf__name").asc(nulls_first=True), "network"]

    def get_fieldsets(self, request: HttpRequest, obj: Subnet | None = None) -> list:
        # A subnet stays in its VRF (rules.check_subnet).
        (name, basics), *rest = super().get_fieldsets(request, obj)
        shown = list(basics["fields"])
        if obj:
            shown.remove("vrf")
        return [(name, {"fields": shown}), *rest]

    def facts(self, obj: Subnet) -> Facts:
        return [
            (_("Static addresses"), marks.static_bar(_measured(obj).static)),
            (_("DHCP"), marks.dhcp_bar(_measured(obj).dhcp)),
            (_("Addresses"), numbers(obj)),
            (_("VRF"), marks.link(obj.vrf, otherwise=gettext("Global"))),
            (_("Parent"), marks.link(obj.parent)),
            (_("Children"), _children(obj)),
            (_("Created"), when(obj.created_at)),
            (_("Updated"), when(obj.updated_at)),
        ]

    # --- columns ----------------------------------------------------------------------------------

    @admin.display(description=_("network"), ordering="network")
    def tree(self, subnet: Any) -> SafeString:
        depth = min(subnet.depth, DEEPEST)
        return format_html('<span class="ipm-tree ipm-d{}">{}</span>', depth, subnet.network)

    @admin.display(description=_("static"), ordering="static_percent")
    def static_bar(self, subnet: Subnet) -> SafeString:
        return marks.static_bar(_measured(subnet).static)

    @admin.display(description=_("DHCP"), ordering="dhcp_percent")
    def dhcp_bar(self, subnet: Subnet) -> SafeString:
        return marks.dhcp_bar(_measured(subnet).dhcp)

    @admin.display(description=_("free"), ordering="static_free")
    def free(self, subnet: Subnet) -> SafeString:
        """How many static addresses can be handed out."""
        share = _measured(subnet).static
        if not share.total:
            return marks.NOTHING
        url, title = marks.next_free_url(subnet.pk), gettext("free static addresses")
        return format_html(
            '<a class="ipm-link" href="{}" title="{}">{}</a>',
            url,
            title,
            marks.count(share.free),
        )

    # --- saving -----------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Subnet, form: ModelForm, change: bool) -> None:
        pools = Pool.objects.filter(subnet=obj.pk, kind="static")
        request.pools_before = list(pools)  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        for warning in warnings(form.instance, request.pools_before):  # type: ignore[attr-defined]
            self.message_user(request, warning, messages.WARNING)

    # --- actions ----------------------------------------------------------------------------------

    @action(description=_("Map"), url_path="page", icon="grid_view", permissions=["view"])
    def show_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page of the subnet that is for reading."""
        url = "admin:network"  # of a room above
        return self._lead_to(request, object_id, lambda subnet: reverse(url, args=[subnet.pk]))

    @action(
        description=_("Next free IP"),
        url_path="next-free",
        icon="my_location",
        permissions=["view"],
    )
    def reserve_next_free(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._lead_to(request, object_id, lambda subnet: marks.next_free_url(subnet.pk))

    @action(
        description=_("Addresses"),
        url_path="addresses",
        icon="format_list_numbered",
        permissions=["view"],
    )
    def show_addresses(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._lead_to(request, object_id, marks.below)

    def _lead_to(
        self, request: HttpRequest, object_id: str, url: Callable[[Subnet], str]
    ) -> HttpResponse:
        subnet = self.get_object(request, object_id)
        if subnet is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return HttpResponseRedirect(url(subnet))

    @admin.action(description=_("Show the next free IP"), permissions=["view"])
    def show_next_free(self, request: HttpRequest, queryset: QuerySet[Subnet]) -> None:
        for subnet in queryset[:NAMED]:
            free = next_free(subnet)
            if free is None:
                self.message_user(request, _no_free_address(subnet), messages.WARNING)
                continue
            more = _show(marks.next_free_url(subnet.pk))
            found = gettext("{}: the next free address is {}. {}")
            self.message_user(request, format_html(found, subnet, free, more), messages.SUCCESS)
        left = queryset.count() - NAMED
        if left > 0:
            text = gettext("%d more selected subnets are not shown.") % left
            self.message_user(request, text, messages.WARNING)

    # --- deleting ---------------------------------------------------------------------------------

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        subnet = self.get_object(request, object_id)
        if subnet is None or not IPAddress.objects.filter(subnet=subnet).live().exists():
            return super().delete_view(request, object_id, extra_context)
        if not self.has_delete_permission(request, subnet):
            raise PermissionDenied
        if request.method == "POST":
            return self._delete_by_force(request, subnet)
        return TemplateResponse(
            request, "admin/ipam/subnet/in_use.html", self._in_use(request, subnet)
        )

    def _delete_by_force(self, request: HttpRequest, subnet: Subnet) -> HttpResponse:
        if not (request.user.is_superuser and request.POST.get("force") == "yes"):
            raise PermissionDenied
        name, key = str(subnet), subnet.pk
        with transaction.atomic():
            self.log_deletions(request, [subnet])
            subnet.delete(force=True)
        return self.response_delete(request, name, key)

    def _in_use(self, request: HttpRequest, subnet: Subnet) -> dict[str, Any]:
        """The page that says why the subnet stays, and what force would do."""
        live = (
            IPAddress.objects.filter(subnet=subnet)
            .live()
            .select_related("server")
            .order_by("ip_address")
        )
        count = live.count()
        return {
            **self.admin_site.each_context(request),
            "title": gettext("%s is in use") % subnet,
            "opts": self.opts,
            "subnet": subnet,
            "live": live[:NAMED],
            "count": count,
            "more": max(0, count - NAMED),
            "list_url": marks.of_subnet(subnet.pk),
            "subnet_url": self.page("change", subnet.pk),
            "pools": subnet.pools.all(),
            "free_rows": IPAddress.objects.filter(subnet=subnet, status="available").count(),
            "heir": subnet.parent,
        }

    def get_deleted_objects(self, objs: Iterable[Subnet], request: HttpRequest) -> tuple:
        """Several at once: all of them go, or none does while one is in use."""
        to_delete, model_count, perms_needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, model_count, perms_needed, [*protected, *refusals(objs)]


def refusals(subnets: Iterable[Subnet]) -> list[str]:
    """Why some of the subnets cannot be deleted."""
    found = []
    for subnet in subnets:
        try:
            with transaction.atomic():  # it locks the addresses that it looks at
                rules.refuse_in_use(subnet)
        except Conflict as error:
            found.append(error.message)
    return found


def warnings(subnet: Subnet, pools_before: Sequence[Pool]) -> list[str]:
    """What a person should know after a subnet and its pools were saved."""
    found = []
    pool = subnet.gateway and Pool.objects.covering(subnet.gateway, subnet)
    if pool:
        text = gettext(
            "The gateway %(gateway)s is in the static pool %(pool)s. "
            "It is never handed out and has no row."
        )
        found.append(text % {"gateway": subnet.gateway, "pool": pool})
    left = _left_outside(subnet, pools_before)
    if left:
        text = ngettext(
            "{} live address of the changed pools is now outside the static pools "
            "and is not changed. {}",
            "{} live addresses of the changed pools are now outside the static pools "
            "and are not changed. {}",
            left,
        )
        more = _show(marks.of_subnet(subnet.pk, ip_type__exact="dhcp"))
        found.append(format_html(text, left, more))
    return found


def _no_free_address(subnet: Subnet) -> SafeString:
    """The sentence with links to the subnets inside that have free addresses."""
    sentence = gettext("%s has no free address.") % subnet
    children = marks.free_children(subnet)
    if not children:
        return format_html("{}", sentence)
    return format_html(
        "{} {} {}", sentence, gettext("Subnets inside it have free addresses:"), children
    )


def _show(url: str) -> SafeString:
    return format_html('<a class="ipm-link" href="{}">{}</a>', url, gettext("Show"))


def _left_outside(subnet: Subnet, pools_before: Sequence[Pool]) -> int:
    """How many live addresses were in a static pool before and are in none now."""
    before = Q(pk__in=[])
    for pool in pools_before:
        before |= Q(ip_address__range=(pool.first, pool.last))
    return IPAddress.objects.filter(before, subnet=subnet, ip_type="dhcp").live().count()


def numbers(subnet: Subnet) -> SafeString:
    """How many addresses there are of each status; each number leads to them."""
    measured = _measured(subnet)
    parts = []
    for status, label in IPAddress.Status.choices:
        number = marks.count(getattr(measured, status))
        parts.append((number, label, marks.of_subnet(subnet.pk, status__exact=status)))
    return format_html_join(" · ", '<a class="ipm-link" href="{2}">{0} {1}</a>', parts)


def _children(subnet: Subnet) -> SafeString:
    children = subnet.children
    more = ""
    if len(children) > NAMED:
        more = gettext("and %d more") % (len(children) - NAMED)
    return format_html("{} {}", marks.links(children[:NAMED]), more)


def _measured(subnet: Any) -> Usage:
    """Its usage, which the list has fetched for the whole page."""
    if not hasattr(subnet, "measured"):
        subnet.measured = usage([subnet])[subnet.pk]
    return subnet.measured
