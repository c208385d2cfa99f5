"""Edit some fields of many rows that were selected in a list: what will change, what is refused and
why, and doing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin

from changes.plans.verb import Plan, Work
from core.errors import Invalid
from ipam.admin.base import REFUSALS, sentences
from ipam.admin.pickers import is_key
from ipam.models import IPAddress, Server, Subnet
from ipmanager.networks.links import page
from ipmanager.networks.page import each
from ipmanager.plans.page import PlanPage

MOST = 500  # rows at once
# The fields that make sense for many rows.
FIELDS: dict[Any, tuple[str, ...]] = {
    Server: (
        *("device_type", "manufacturer", "location", "description"),
        *("enabled", "when_disabled"),
    ),
    Subnet: ("description", "vlan_id", "dns_servers", "domain", "site"),
    IPAddress: ("description", "hostname", "platform", "manufacturer"),
}
MODELS = {model._meta.model_name: model for model in FIELDS}


@dataclass(frozen=True)
class Edited:
    """How many rows change, which are refused, and how many say it already."""

    changed: int
    refused: list[tuple[str, str]]
    unchanged: int


class BulkEditPage(PlanPage):
    template = "admin/plans/bulk_edit.html"

    def __init__(self, request: HttpRequest, model: str, keys: Sequence[int] = ()) -> None:
        super().__init__(request)
        self.model = MODELS[model]
        self.meta = self.model._meta
        self.keys = keys or _keys(request.POST.get("keys", ""))
        self.needed = (f"ipam.view_{model}", f"ipam.change_{model}")

    def answer(self) -> HttpResponse:
        """Rows are selected in the list."""
        if self.request.method != "POST" and self.request.user.has_perms(self.needed):
            return HttpResponseRedirect(self.url())
        return super().answer()

    @cached_property
    def form(self) -> forms.Form:
        """A field for each column; an empty one empties it, if it is chosen."""
        fields = {name: _form_field(self.model, name) for name in FIELDS[self.model]}
        form_class: Any = type("BulkForm", (forms.Form,), fields)
        return form_class(self.request.POST if "set" in self.request.POST else None)

    @property
    def chosen(self) -> list[str]:
        """The fields that are to be changed."""
        asked = self.request.POST.getlist("set")
        return [name for name in FIELDS[self.model] if name in asked]

    def work(self) -> Work[Edited]:
        if not self.chosen or not self.keys:
            raise Invalid(_("Choose what to change."))
        self.form.is_valid()
        for name in self.chosen:
            for error in self.form.errors.get(name, ()):
                raise Invalid(f"{self.form.fields[name].label}: {error}")
        values = {name: self._value(name) for name in self.chosen}
        return lambda: _edit(self.model, self.keys, values)

    def _value(self, name: str) -> Any:
        """As the model takes it. Raises Invalid."""
        field: Any = self.meta.get_field(name)
        try:
            return field.clean(self.form.cleaned_data[name], None)
        except ValidationError as error:
            reason = " ".join(error.messages)
            raise Invalid(f"{field.verbose_name}: {reason}") from error

    def frame(self) -> dict[str, Any]:
        number = len(self.keys)
        names = self.meta.verbose_name if number == 1 else self.meta.verbose_name_plural
        title = _("Edit %(number)d %(names)s") % {"number": number, "names": names}
        return {**each(self.request), "title": title}

    def choices(self) -> dict[str, Any]:
        return {
            "form": self.form,
            "chosen": self.chosen,
            "keys": ",".join(map(str, self.keys)),
            "number": len(self.keys),
            "list_url": self.url(),
            "action_url": page("bulk_edit", self.meta.model_name),
        }

    def of_plan(self, plan: Plan[Edited]) -> dict[str, Any]:
        return {"edited": plan.found}

    def done(self, found: Edited) -> str:
        text = ngettext("%d row is changed.", "%d rows are changed.", found.changed)
        return text % found.changed

    def url(self) -> str:
        return page(f"ipam_{self.meta.model_name}_changelist")


def _keys(text: str) -> list[int]:
    keys = sorted(set(map(int, filter(is_key, text[: 20 * MOST].split(",")))))
    return keys[:MOST]


def _form_field(model: Any, name: str) -> Any:
    field = model._meta.get_field(name).formfield()
    field.required = False
    field.widget.attrs["id"] = f"bulk-{name}"
    return field


def _edit(model: Any, keys: Sequence[int], values: Mapping[str, Any]) -> Edited:
    """Each row as if it were saved by hand; one that is refused does not stop the others."""
    changed, refused, unchanged = 0, [], 0
    for row in _rows(model, keys):
        if all(getattr(row, name) == value for name, value in values.items()):
            unchanged += 1
        elif reason := _refusal(row, values):
            refused.append((str(row), reason))
        else:
            changed += 1
    return Edited(changed, refused, unchanged)


def _rows(model: Any, keys: Sequence[int]) -> Iterator[Any]:
    """Locked: an allocation takes a free address without the ledger's lock."""
    yield from model.objects.filter(pk__in=keys).select_for_update(of=("self",)).order_by("pk")


def _refusal(row: Any, values: Mapping[str, Any]) -> str:
    """Why the row cannot be saved; empty if it was."""
    if isinstance(row, IPAddress) and row.server_id:
        return _("It follows from its server; change it there.")
    for name, value in values.items():
        setattr(row, name, value)
    try:
        with transaction.atomic():
            row.save()
    except REFUSALS as error:
        return sentences(error)
    return ""


class EditsSeveral(ModelAdmin):
    """An action of a list that leads to the page."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        if self.has_change_permission(request) and "_popup" not in request.GET:
            found["edit_several"] = self.get_action("edit_several")
        return found

    @admin.action(description=gettext_lazy("Edit fields, with a preview"))
    def edit_several(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        if not self.has_change_permission(request):
            raise PermissionDenied
        keys = sorted(queryset.values_list("pk", flat=True)[: MOST + 1])
        if len(keys) > MOST:
            messages.error(request, _("Select %d rows at most.") % MOST)
            return None
        found = BulkEditPage(request, self.opts.model_name, keys)
        return found.page(found.before())
