"""Two people in one form: the later one is told what the other has changed, and loses nothing of
what was typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core.history.records import who
from ipam.admin.pickers import is_key

FIELD = "_seen"  # what the form was made of: the newest lines of history, as in "812.77"


class NoticesOthers:
    """A change form that is refused, once, when somebody else has saved the row since it was
    opened.

    Below `ShowsRefusals`, so that question and write are one transaction.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict | None = None,
    ) -> HttpResponse:
        is_first_try = request.method == "POST" and not hasattr(request, "refusal")
        if is_first_try and object_id and is_key(object_id):
            self._refuse_stale(object_id, request.POST.get(FIELD, ""))
        view = super().changeform_view  # type: ignore[misc]
        return view(request, object_id, form_url, extra_context)

    def seen(self, object_id: Any) -> str:
        """The newest lines of history of the row and its parts."""
        newest = []
        for history in self._histories(object_id):
            found = history.aggregate(newest=Max("history_id"))["newest"]
            newest.append(str(found or 0))
        return ".".join(newest)

    def _histories(self, object_id: Any) -> Iterator[QuerySet]:
        yield self.model.history.filter(id=object_id)  # type: ignore[attr-defined]
        if parts := self.parts:  # type: ignore[attr-defined]
            yield parts.model.history.filter(**{parts.key: object_id})

    def _refuse_stale(self, object_id: str, seen: str) -> None:
        """Raise ValidationError with who changed what."""
        numbers = seen.split(".")
        if not all(map(is_key, numbers)):
            return  # no browser sent this
        if hasattr(self.model, "lock"):  # type: ignore[attr-defined]
            self.model().lock()  # type: ignore[attr-defined]  # until the write
        newer = []
        for history, number in zip(self._histories(object_id), numbers, strict=False):
            after = history.filter(history_id__gt=number).order_by("history_id")
            newer.append(list(after.select_related("history_user")))
        own, *of_parts = newer
        changes = self._changes(own, numbers[0]) + self._changes_of_parts(of_parts)
        if changes:
            text = _(
                "%(who)s changed this since you opened it (%(what)s). "
                "What you typed is still here. Save again to overwrite their change."
            )
            who = _authors(chain.from_iterable(newer))
            raise ValidationError(text % {"who": who, "what": "; ".join(changes)})

    def _changes(self, newer: list[Any], number: str) -> list[str]:
        """The row's own changes in words, without bookkeeping columns."""
        if not newer:
            return []
        before = self.model.history.filter(history_id=number).first()  # type: ignore[attr-defined]
        if not before:
            return [_("all of it")]
        helper_of = self.get_historical_record_context_helper  # type: ignore[attr-defined]
        helper = helper_of(None, newer[-1])
        changes = helper.context_for_delta_changes(newer[-1].diff_against(before))
        return ["{field}: {old} → {new}".format(**change) for change in changes]

    def _changes_of_parts(self, newer: list[list[Any]]) -> list[str]:
        if not any(newer):
            return []
        parts = self.parts  # type: ignore[attr-defined]
        names = sorted(set(map(parts.name, chain.from_iterable(newer))))
        return [f"{parts.title}: {', '.join(names)}"]


def _authors(records: Iterable[Any]) -> str:
    """The users, and the database roles of changes by SQL."""
    names: dict[str, None] = {}
    for record in records:
        names[who(record)] = None
    return ", ".join(filter(None, names)) or _("Somebody")
