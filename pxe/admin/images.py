"""The admin of boot files, answer files and boot images."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminFileFieldWidget

from core.errors import IPManagerError
from core.local_time import when
from ipam.admin import marks
from ipam.admin.base import Facts, LedgerAdmin, LedgerForm, LedgerInline
from pxe import files
from pxe.admin.searches import search
from pxe.boot import validate
from pxe.models import BootAnswers, BootFile, BootImage, BootInitrd


class FileForm(LedgerForm):
    upload = forms.FileField(
        label=_("Upload"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=_(
            "Or copy the file below the directory of boot files yourself, and enter its name here."
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Store the upload, or measure the file that is already in its place: the row holds size
        and checksum."""
        super().clean()
        cleaned = self.cleaned_data
        if cleaned.get("upload") and cleaned.get("url"):
            self.add_error("upload", gettext("Upload a file or give a URL, not both."))
        elif not self.errors and not cleaned.get("url"):
            self._store_or_measure(cleaned)
        return cleaned

    def _store_or_measure(self, cleaned: dict[str, Any]) -> None:
        self.instance.name = cleaned.get("name", self.instance.name)
        try:
            if cleaned.get("upload"):
                # Validate the row first: no file is stored for a row that is refused.
                self.instance.full_clean(exclude=["url"])
                files.store(self.instance, cleaned["upload"].chunks())
            else:
                files.measure(self.instance)
        except ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]
        except IPManagerError as error:
            remedy = gettext("Upload the file, or copy it to its place first.")
            self.add_error("upload", f"{error} {remedy}")


@admin.register(BootFile)
class FileAdmin(LedgerAdmin):
    form = FileForm
    list_display = ("name", "where", "size_text", "checksum", "used_by")
    search_fields = ("name",)
    fieldsets = ((None, {"fields": ("name", "upload", "url")}),)

    def get_readonly_fields(
        self, request: HttpRequest, obj: BootFile | None = None
    ) -> tuple[str, ...]:
        return ("name",) if obj else ()  # the name is the path of the file on disk

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        uses = Count("kernel_of", distinct=True) + Count("initrd_rows", distinct=True)
        return super().get_queryset(request).annotate(uses=uses)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return search(queryset, search_term, "name"), False

    def facts(self, obj: BootFile) -> Facts:
        return [
            (_("Size"), self.size_text(obj)),
            (_("SHA-256"), obj.sha256 or marks.NOTHING),
            (_("Updated"), when(obj.updated_at)),
        ]

    @admin.display(description=_("kept"))
    def where(self, file: BootFile) -> str:
        return file.url or gettext("here")

    @admin.display(description=_("size"), ordering="size")
    def size_text(self, file: BootFile) -> str | SafeString:
        if file.size is None:
            return marks.NOTHING
        return filesizeformat(file.size)

    @admin.display(description=_("SHA-256"))
    def checksum(self, file: BootFile) -> SafeString:
        if not file.sha256:
            return marks.NOTHING
        return format_html('<code title="{}">{}…</code>', file.sha256, file.sha256[:12])

    @admin.display(description=_("images"), ordering="uses")
    def used_by(self, file: Any) -> int:
        return file.uses


@admin.register(BootAnswers)
class AnswersAdmin(LedgerAdmin):
    """The content is shown only to users who may change it: it may hold secrets."""

    list_display = ("name", "kind", "image_count", "updated_at")
    search_fields = ("name",)

    def get_fieldsets(self, request: HttpRequest, obj: BootAnswers | None = None) -> Any:
        fields: tuple[str, ...] = ("name", "kind")
        if self.has_change_permission(request, obj):
            fields += ("text", "password_hash", "ssh_key")
        return [(None, {"fields": fields})]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(image_total=Count("images"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return search(queryset, search_term, "name"), False

    @admin.display(description=_("images"), ordering="image_total")
    def image_count(self, given: Any) -> int:
        return given.image_total


class InitrdInline(LedgerInline):
    model = BootInitrd
    fields = ("file", "position")
    autocomplete_fields = ("file",)


@admin.register(BootImage)
class ImageAdmin(LedgerAdmin):
    list_display = ("name", "kind", "arch", "state", "position", "what", "description")
    list_filter = (
        ("enabled", BooleanRadioFilter),
        ("arch", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
    )
    search_fields = ("name",)
    search_help_text = _("Name, description or command line")
    autocomplete_fields = ("kernel", "answers")
    inlines = (InitrdInline,)
    fieldsets = (
        (None, {"fields": ("name", "description", "kind", "arch", "enabled", "position")}),
        (_("Kernel"), {"fields": ("kernel", "cmdline", "answers")}),
        (_("Chain"), {"fields": ("chain_url",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_files()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return search(queryset, search_term, "name", "description", "cmdline"), False

    def facts(self, obj: BootImage) -> Facts:
        return [(_("State"), self.state(obj)), (_("Updated"), when(obj.updated_at))]

    @admin.display(description=_("state"), ordering="enabled")
    def state(self, image: BootImage) -> SafeString:
        problem = validate.problem(image)
        if problem:
            left_out = marks.badge("no", gettext("left out"))
            return format_html('<span title="{}">{}</span>', problem, left_out)
        if image.enabled:
            return marks.badge("yes", gettext("enabled"))
        return marks.badge("unknown", gettext("disabled"))

    @admin.display(description=_("boots"))
    def what(self, image: BootImage) -> str | SafeString:
        if image.kind == "chain":
            return image.chain_url or marks.NOTHING
        files = [image.kernel, *image.initrds]
        return ", ".join(str(file) for file in files if file) or marks.NOTHING
