"""The template tag for the rows of the admin's lists, in place of Unfold's, whose markup it keeps.

Unfold works out the heads of all columns for each row, and renders the frame and the menu of each
row by templates. Here two rows are rendered by Unfold's own template, with marks in place of their
cells and keys, and each row of the list is one of them, filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import lookup_field, quote
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.template import Context, Library
from django.template.loader import select_template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold import utils
from unfold.templatetags import unfold_list

register = Library()
register.tags.update(unfold_list.register.tags)
register.filters.update(unfold_list.register.filters)

CHECKBOX = "action_checkbox"
KEY = "9007199254740881"  # stands for a row's key in the frame of a row
CELLS = "<!-- cells of row {} -->"
Row = Any  # a model instance
_TEXT = (models.CharField, models.TextField)


@register.simple_tag(takes_context=True, name="unfold_result_list")
def result_list(context: Context, cl: Any) -> SafeString:
    """The table of a change list."""
    if not _is_plain(cl):
        values = unfold_list.result_list(context, cl)
        return _render(context, cl, {**values, "perms": context.get("perms", {})})
    return SafeString("".join(_table(context, cl)))


def _is_plain(cl: Any) -> bool:
    """Whether the list has rows, and no row has a form, a section or a handle to sort it by."""
    page = cl.model_admin
    unusual = [getattr(page, name, None) for name in ("list_sections", "ordering_field")]
    return bool(cl.result_list) and not any([cl.formset, cl.is_popup, *unusual])


def _render(context: Context, cl: Any, values: dict[str, Any]) -> SafeString:
    """Unfold's template, or a model's own."""
    app, model = cl.opts.app_label, cl.opts.model_name
    name = "change_list_results.html"
    template: Any = select_template(
        [f"admin/{app}/{model}/{name}", f"admin/{app}/{name}", f"admin/{name}"]
    )
    return template.template.render(context.new(values))


# --- the frame ------------------------------------------------------------------------------------


class Specimen(list[str]):
    """A row with a mark in place of its cells."""

    form = None

    def __init__(self, cl: Any, number: int = 0) -> None:
        super().__init__([SafeString(CELLS.format(number))])
        self.instance = type("Instance", (), {"pk": KEY, cl.pk_attname: KEY})


def _table(context: Context, cl: Any) -> Iterator[str]:
    headers = list(unfold_list.result_headers(cl))
    frame = _render(
        context,
        cl,
        {
            "cl": cl,
            "result_hidden_fields": [],
            "result_headers": headers,
            "num_sorted_fields": sum(bool(head.get("sorted")) for head in headers),
            "results": [Specimen(cl, 0), Specimen(cl, 1)],
            "actions_row": context.get("actions_row"),
            "has_add_permission": cl.model_admin.has_add_permission(context["request"]),
        },
    )
    before, rows, after = _parts(frame)
    columns = _columns(cl, headers)
    yield before
    for number, row in enumerate(cl.result_list):
        cells = "".join(column.cell(row) for column in columns)
        frame_of_row = rows[number % 2].replace(KEY, str(row.pk))
        yield frame_of_row.replace(CELLS.format(number % 2), cells)
    yield after


def _parts(frame: str) -> tuple[str, list[str], str]:
    """What comes before the two rows, the rows, and what comes after them."""
    rows, first, end = [], 0, 0
    for number in (0, 1):
        mark = frame.index(CELLS.format(number))
        start = frame.rindex("<tbody", 0, mark)
        end = frame.index("</tbody>", mark) + len("</tbody>")
        rows.append(frame[start:end])
        first = first or start
    return frame[:first], rows, frame[end:]


# --- the columns ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column: what each of its cells begins with, and what they show."""

    begin: str
    end: str
    shown: Callable[[Row], str]

    def cell(self, row: Row) -> str:
        return f"{self.begin}{self.shown(row)}{self.end}"


def _columns(cl: Any, headers: Sequence[dict[str, Any]]) -> list[Column]:
    links = cl.list_display_links
    linked, columns = True, []
    for index, name in enumerate(cl.list_display):
        is_link = links is not None and (name in links or (linked and not links))
        tag, label = "td", headers[index]["text"]
        classes = [f"field-{_coerced(name, index)}", *unfold_list.ROW_CLASSES]
        shown: Callable[[Row], str] = _shown(cl, name)
        if name == CHECKBOX:
            classes, label = unfold_list.CHECKBOX_CLASSES, _("Select record")
            shown = _checkbox(cl)
        elif _keeps_its_line(cl, name):
            classes.append("nowrap")
        if is_link:
            tag, shown = "th" if linked else "td", _linked(cl, shown)
            linked = False
        begin = format_html('<{} class="{}" data-label="{}">', tag, " ".join(classes), label)
        columns.append(Column(begin, f"</{tag}>", shown))
    return columns


def _coerced(name: Any, index: int) -> str:
    return name if isinstance(name, str) else f"{name.__name__}{index}"


def _keeps_its_line(cl: Any, name: str) -> bool:
    """Whether the column is a date or a relation of the model."""
    fields = {field.name: field for field in cl.lookup_opts.fields}
    return isinstance(fields.get(name), models.DateField | models.TimeField | models.ForeignKey)


def _checkbox(cl: Any) -> Callable[[Row], str]:
    whole = cl.model_admin.action_checkbox(Specimen(cl).instance)
    return lambda row: whole.replace(KEY, str(row.pk))


def _linked(cl: Any, shown: Callable[[Row], str]) -> Callable[[Row], str]:
    """The cell as a link to the row's page."""
    specimen = Specimen(cl).instance
    url = add_preserved_filters(
        {"preserved_filters": cl.preserved_filters, "opts": cl.opts}, cl.url_for_result(specimen)
    )
    begin = format_html('<a href="{}" class="{}">', url, " ".join(unfold_list.LINK_CLASSES))

    def link(row: Row) -> str:
        return f"{begin.replace(KEY, quote(str(row.pk)))}{shown(row)}</a>"

    return link


def _shown(cl: Any, name: Any) -> Callable[[Row], str]:
    """What the cells of a column show, as HTML."""
    page, fields = cl.model_admin, {field.name: field for field in cl.lookup_opts.get_fields()}
    empty = page.get_empty_value_display()
    function = name if callable(name) else getattr(page, name, None)
    if name not in fields and function:
        empty = getattr(function, "empty_value_display", empty)
        return partial(_of_function, function, name, empty)
    if type(fields.get(name)) in _TEXT and not fields[name].choices:
        return partial(_of_text, attrgetter(name), empty)
    return partial(_of_model, cl, name, empty)


def _of_text(read: Callable[[Row], str | None], empty: str, row: Row) -> str:
    """A field of plain text, as most are."""
    return conditional_escape(read(row) or empty)


def _of_model(cl: Any, name: str, empty: str, row: Row) -> str:
    """A field or an attribute of the row."""
    try:
        field, attribute, value = lookup_field(name, row, cl.model_admin)
    except ObjectDoesNotExist:
        return conditional_escape(empty)
    if field is None or field.auto_created:
        boolean = getattr(attribute, "boolean", False)
        return conditional_escape(utils.display_for_value(value, empty, boolean))
    if isinstance(field.remote_field, models.ManyToOneRel):
        related = getattr(row, field.name)
        return conditional_escape(empty if related is None else related)
    return conditional_escape(utils.display_for_field(value, field, empty))


def _of_function(function: Any, name: str, empty: str, row: Row) -> str:
    """What a function of the page says of the row."""
    value = function(row)
    if type(value) is SafeString:
        return value
    if label := getattr(function, "label", False):
        found = utils.display_for_label(value, empty, label)
    elif getattr(function, "dropdown", False):
        found = utils.display_for_dropdown(row, name, value, empty)
    elif getattr(function, "header", False):
        found = utils.display_for_header(value, empty)
    else:
        found = utils.display_for_value(value, empty, getattr(function, "boolean", False))
    return conditional_escape(found)
