"""Boot files, uploaded or named; boot images made of them."""

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
from ipam.admin import marks
from ipam.admin.base import Facts, LedgerAdmin, LedgerForm, LedgerInline, when
from pxe import files
from pxe.admin.searches import having
from pxe.boot import validate
from pxe.models import BootAnswers, BootFile, BootImage, BootInitrd


class FileForm(LedgerForm):
    upload = forms.FileField(
        label=_("Upload"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=_(
            "Or put the file below the directory of boot files yourself, and give its name here."
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Put the content in place, or look at what lies there: its size and checksum belong to the
        row."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("upload") and cleaned.get("url"):
            self.add_error("upload", gettext("Upload a file or give a URL, not both."))
        elif not self.errors and not cleaned.get("url"):
            self._take(cleaned)
        return cleaned

    def _take(self, cleaned: dict[str, Any]) -> None:
        self.instance.name = cleaned.get("name", self.instance.name)
        try:
            if cleaned.get("upload"):
                self.instance.full_clean(
                    exclude=["url"]
                )  # nothing is written for a row that will be refused
                files.keep(self.instance, cleaned["upload"].chunks())
            else:
                files.measure(self.instance)
        except ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]
        except IPManagerError as error:
            self.add_error(
                "upload", f"{error} {gettext('Upload it, or put it into its place first.')}"
            )


@admin.register(BootFile)
class FileAdmin(LedgerAdmin):
    icon = "draft"
    form = FileForm
    list_display = ("name", "where", "size_text", "checksum", "used_by")
    search_fields = ("name",)
    fieldsets = ((None, {"fields": ("name", "upload", "url")}),)

    def get_readonly_fields(
        self, request: HttpRequest, obj: BootFile | None = None
    ) -> tuple[str, ...]:
        return ("name",) if obj else ()  # its place on the disk

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        uses = Count("kernel_of", distinct=True) + Count("initrd_rows", distinct=True)
        return super().get_queryset(request).annotate(uses=uses)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return having(queryset, search_term, "name"), False

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
        return filesizeformat(file.size) if file.size is not None else marks.NOTHING

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
    """Only who may change an answer file sees what is in it: it may hold what opens the
    machines."""

    icon = "quiz"
    list_display = ("name", "kind", "image_count", "updated_at")
    search_fields = ("name",)

    def get_fieldsets(self, request: HttpRequest, obj: BootAnswers | None = None) -> Any:
        secrets = (
            ("text", "password_hash", "ssh_key") if self.has_change_permission(request, obj) else ()
        )
        return [(None, {"fields": ("name", "kind", *secrets)})]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(image_total=Count("images"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return having(queryset, search_term, "name"), False

    @admin.display(description=_("images"), ordering="image_total")
    def image_count(self, given: Any) -> int:
        return given.image_total


class InitrdInline(LedgerInline):
    model = BootInitrd
    fields = ("file", "position")
    autocomplete_fields = ("file",)


@admin.register(BootImage)
class ImageAdmin(LedgerAdmin):
    icon = "album"
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
        return having(queryset, search_term, "name", "description", "cmdline"), False

    def facts(self, obj: BootImage) -> Facts:
        return [(_("State"), self.state(obj)), (_("Updated"), when(obj.updated_at))]

    @admin.display(description=_("state"), ordering="enabled")
    def state(self, image: BootImage) -> SafeString:
        if complaint := validate.complaint(image):
            return format_html(
                '<span title="{0}">{1}</span>', complaint, marks.badge("no", gettext("left out"))
            )
        return (
            marks.badge("yes", gettext("enabled"))
            if image.enabled
            else marks.badge("unknown", gettext("disabled"))
        )

    @admin.display(description=_("boots"))
    def what(self, image: BootImage) -> str | SafeString:
        parts = (
            [image.chain_url]
            if image.kind == "chain"
            else [str(image.kernel or ""), *map(str, image.initrds)]
        )
        return ", ".join(filter(None, parts)) or marks.NOTHING
