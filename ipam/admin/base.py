"""What all screens of the ledger share: our fields' widgets, history, and refusals shown where they
belong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import display_for_field
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from simple_history.admin import SimpleHistoryAdmin
from simple_history.models import HistoricalChanges, ModelChange
from simple_history.template_utils import HistoricalRecordContextHelper
from unfold.admin import TabularInline
from unfold.forms import AdminForm, Fieldline, PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextInputWidget

from core.errors import IPManagerError
from core.local_time import when
from ipam.admin.lists import LedgerList as LedgerList
from ipam.admin.lists import ListAdmin
from ipam.admin.marks import NOTHING
from ipam.admin.pickers import PicksRows, is_key
from ipam.admin.revert import Version
from ipam.admin.stale import NoticesOthers
from ipam.fields import AddressField, AddressListField, MACField, NetworkField

Facts = list[tuple[Any, Any]]
RECENT = 50  # lines of history of a row's parts

REFUSALS = (ValidationError, IPManagerError)
TEXT = {"widget": UnfoldAdminTextInputWidget}
WIDGETS = dict.fromkeys((AddressField, AddressListField, MACField, NetworkField), TEXT)


@dataclass(frozen=True)
class Refusal:
    """Why a row could not be written, and in which form (None: the main one) its values were
    typed."""

    error: ValidationError
    prefix: str | None

    @classmethod
    def of(cls, error: ValidationError | IPManagerError) -> Refusal:
        prefix = getattr(error, "prefix", None)
        # A verb's Conflict hides the field that its cause names.
        for source in (error, error.__cause__):
            if isinstance(source, ValidationError):
                return cls(source, prefix)
        return cls(ValidationError(str(error)), prefix)


@dataclass(frozen=True)
class Parts:
    """Rows that are edited with another one, and told in its history."""

    title: Any
    model: Any
    key: str  # the column that holds the other row's key
    name: Callable[[Any], str]
    details: Callable[[Any], str]  # all that is worth a comparison


@contextmanager
def typed_in(prefix: str | None) -> Iterator[None]:
    """Mark what is refused in this block as typed in the form with this prefix."""
    try:
        yield
    except REFUSALS as error:
        error.prefix = prefix  # type: ignore[union-attr]
        raise


def sentences(error: ValidationError | IPManagerError) -> str:
    """A refusal as text for a message."""
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return str(error)


class LedgerForm(forms.ModelForm):
    """A form that also shows what was refused while it was being saved, after every check had
    passed."""

    refusal: Refusal | None = None
    # Whether its row's rules need the state that saving the other rows brings about.
    checked_when_saved = False

    def _post_clean(self) -> None:
        if self.checked_when_saved:
            self._clean_fields_only()
        else:
            super()._post_clean()  # type: ignore[misc]
        if self.refusal and self.refusal.prefix == self.prefix:
            self.add_error(None, self.refusal.error)

    def _clean_fields_only(self) -> None:
        self.instance = forms.models.construct_instance(
            self, self.instance, self._meta.fields, self._meta.exclude
        )
        excluded = self._get_validation_exclusions()  # type: ignore[attr-defined]
        for name, field in self.fields.items():
            if isinstance(field, forms.models.InlineForeignKeyField):
                excluded.add(name)
        try:
            self.instance.clean_fields(excluded)
        except ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]

    def add_error(self, field: str | None, error: Any) -> None:
        """Like Django's, but an error of a field that the form does not show is put above the
        form."""
        if field is not None or not hasattr(error, "error_dict"):
            super().add_error(field, error)
            return
        for name, errors in error.error_dict.items():
            shown = name in self.fields
            super().add_error(name if shown else None, errors)


class LedgerFormSet(PaginationInlineFormSet):
    """Rows below the main form; each is told what was refused of it."""

    def save_new(self, form: forms.ModelForm, commit: bool = True) -> models.Model:
        with typed_in(form.prefix):
            return super().save_new(form, commit)

    def save_existing(
        self, form: forms.ModelForm, obj: models.Model, commit: bool = True
    ) -> models.Model:
        with typed_in(form.prefix):
            return super().save_existing(form, obj, commit)


class NamesTheGlobalSpace:
    """A form calls the empty choice of a VRF the global address space."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
        if db_field.name == "vrf" and field:
            field.empty_label, field.help_text = _("Global"), ""
        return field


class LedgerInline(PicksRows, TabularInline):
    form = LedgerForm
    formset = LedgerFormSet
    formfield_overrides = WIDGETS
    extra = 0
    hide_title = True  # its fields say the same

    def get_formset(
        self, request: HttpRequest, obj: models.Model | None = None, **kwargs: Any
    ) -> type[LedgerFormSet]:
        formset = super().get_formset(request, obj, **kwargs)
        formset.form.refusal = getattr(request, "refusal", None)
        for field in formset.form.base_fields.values():  # the column's head is no label
            field.widget.attrs.setdefault("aria-label", capfirst(field.label or ""))
        return formset


class ReadableChange(HistoricalRecordContextHelper):
    """A line of history in words: choices by their names, empty values as a dash, no
    bookkeeping."""

    BOOKKEEPING = ("updated_at", "freed_at")

    def context_for_delta_changes(self, delta: Any) -> list[dict[str, Any]]:
        shown = [change for change in delta.changes if change.field not in self.BOOKKEEPING]
        return super().context_for_delta_changes(replace(delta, changes=shown))

    def prepare_delta_change_value(self, change: ModelChange, value: Any) -> Any:
        if isinstance(value, bool):
            return (_("No"), _("Yes"))[value]
        field = self.model._meta.get_field(change.field)
        return display_for_field(value, field, NOTHING) or NOTHING


def extend(model: type[models.Model], mixin: type) -> None:
    """Let an app above the ledger add to the screens of one of its models; of several, each finds
    the others' there."""
    present = type(admin.site.get_model_admin(model))
    admin.site.unregister(model)
    admin.site.register(model, type(mixin.__name__, (mixin, present), {}))


class ShowsRefusals:
    """A screen whose rows may be refused while they are written: the form comes back with the
    reason."""

    def get_form(
        self,
        request: HttpRequest,
        obj: models.Model | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change, **kwargs)  # type: ignore[misc]
        form.refusal = getattr(request, "refusal", None)
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict | None = None,
    ) -> HttpResponse:
        view = super().changeform_view  # type: ignore[misc]
        return self._answer(request, lambda: view(request, object_id, form_url, extra_context))

    def _answer(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """The view's answer. When something is refused while it writes, all of it is undone and the
        form comes back with the reason: the same view once more, whose form now knows the
        refusal."""
        if request.method != "POST":
            return view()
        try:
            with transaction.atomic():
                return view()
        except REFUSALS as error:
            request.refusal = Refusal.of(error)  # type: ignore[attr-defined]
            return view()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict | None = None
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changelist_view(request, extra_context)  # type: ignore[misc]
        try:
            with transaction.atomic():
                return super().changelist_view(request, extra_context)  # type: ignore[misc]
        except REFUSALS as error:
            messages.error(request, sentences(error))
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)  # type: ignore[misc]
        except REFUSALS as error:
            messages.error(request, sentences(error))
            return HttpResponseRedirect(self.page("change", object_id))

    def page(self, name: str, *args: Any) -> str:
        """The address of one of this model's pages: `changelist`, `add`, `change`, `history`,
        `delete`."""
        opts = self.opts  # type: ignore[attr-defined]
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=args)


class LedgerAdmin(NamesTheGlobalSpace, ShowsRefusals, NoticesOthers, SimpleHistoryAdmin, ListAdmin):
    form = LedgerForm
    formfield_overrides = WIDGETS
    warn_unsaved_form = True
    view_on_site = False  # a row's page is this one
    readonly_fields: Sequence[str] = ("created_at", "updated_at")
    change_form_before_template = "admin/ipam/facts.html"
    list_before_template = "admin/changes/picker_before_list.html"
    parts: Parts | None = None

    def facts(self, obj: Any) -> Facts:
        """What the page says of a row before its form begins, as pairs of a label and a value."""
        return []

    def render_change_form(
        self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= {"facts": [], "seen": ""}
        if original := context.get("original"):
            # Read again: a form that was refused has left what was typed in its row.
            row = self.get_queryset(request).get(pk=original.pk)
            context |= {"facts": self.facts(row), "seen": self.seen(row.pk)}
        return super().render_change_form(request, context, *args, **kwargs)

    def history_form_view(
        self,
        request: HttpRequest,
        object_id: str,
        version_id: str,
        extra_context: dict | None = None,
    ) -> HttpResponse:
        if not (is_key(object_id) and is_key(version_id)):
            raise Http404
        if request.method == "POST" and self.revert_disabled(request):
            raise PermissionDenied
        version = self._version(object_id, version_id)
        request.reverts = version  # type: ignore[attr-defined]
        request.undeletes = version.is_deleted  # type: ignore[attr-defined]
        extra_context = {**(extra_context or {}), **self._difference(request, version)}
        # Unfold puts its own in place when the first change form is opened; this may come earlier.
        helpers.AdminForm, helpers.Fieldline = AdminForm, Fieldline  # type: ignore[misc]
        view = super().history_form_view
        return self._answer(request, lambda: view(request, object_id, version_id, extra_context))

    def _version(self, object_id: str, version_id: str) -> Version:
        """The older state that the page shows. Raises Http404."""
        history = self.model.history
        record = get_object_or_404(history, id=object_id, history_id=version_id)
        return Version(record, self.parts)

    def _difference(self, request: HttpRequest, version: Version) -> dict[str, Any]:
        """What reverting to a version would change, for its page."""
        context = {"record": version.record, "is_deleted": version.is_deleted, "changes": []}
        if version.is_deleted:
            return context
        helper = self.get_historical_record_context_helper(request, version.record)
        delta = version.record.diff_against(version.newest(), foreign_keys_are_objs=True)
        context["changes"] = helper.context_for_delta_changes(delta)
        if self.parts:
            now, then = map(self._names, (version.parts_now(), version.parts_then()))
            if now != then:
                change = {"field": self.parts.title, "old": now, "new": then}
                context["changes"].append(change)
        return context

    def _names(self, parts: Iterable[models.Model]) -> str:
        assert self.parts
        return ", ".join(sorted(map(self.parts.details, parts))) or NOTHING

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        version = getattr(request, "reverts", None)
        if version is None:
            return super().response_change(request, obj)
        values = {
            "name": self.opts.verbose_name,
            "row": obj,
            "when": when(version.record.history_date),
        }
        if request.undeletes:  # type: ignore[attr-defined]
            text = _("The %(name)s “%(row)s” was undeleted, as it was at %(when)s.")
        else:
            text = _("The %(name)s “%(row)s” was reverted to its state of %(when)s.")
        self.message_user(request, text % values, messages.SUCCESS)
        return HttpResponseRedirect(self.page("change", obj.pk))

    def revert_disabled(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Reverting writes, and may create a deleted row again: it needs both rights."""
        return not (self.has_change_permission(request) and self.has_add_permission(request))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write nothing where nothing was typed, so that no empty line of history appears. A form
        that reverts to an older state is filled with that state, and is always written."""
        version = getattr(request, "reverts", None)
        if not change or form.has_changed() or version:
            super().save_model(request, obj, form, change)
        if version:
            version.restore_parts()

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        if not is_key(object_id):
            raise Http404
        context = dict(extra_context or {})
        if self.parts:
            context["parts"] = self._parts(request, object_id)
            context["parts_title"] = self.parts.title
        return super().history_view(request, object_id, context)

    def _parts(self, request: HttpRequest, object_id: str) -> list[Any]:
        """The newest history of the rows that belong to this one, each with what it changed."""
        assert self.parts
        history = self.parts.model.history.filter(**{self.parts.key: object_id})
        records = list(
            history.select_related("history_user").order_by("-history_date", "-history_id")[:RECENT]
        )
        newer: dict[int, Any] = {}
        for record in records:
            if later := newer.get(record.id):
                changes = ReadableChange(self.parts.model, later).context_for_delta_changes(
                    later.diff_against(record)
                )
                later.history_delta_changes = changes
            newer[record.id] = record
            record.name = self.parts.name(record)
        return records

    def get_historical_record_context_helper(
        self, request: HttpRequest, historical_record: HistoricalChanges
    ) -> ReadableChange:
        return ReadableChange(self.model, historical_record)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Our own searches: they know what an address is. `search_fields` only makes the search box
        appear."""
        return queryset.matching(search_term), False  # type: ignore[attr-defined]
