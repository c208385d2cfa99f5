"""Two people in one form: the later one is told what the other has changed, and loses nothing of
what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

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
        if (
            request.method == "POST"
            and object_id
            and is_key(object_id)
            and not hasattr(request, "refusal")
        ):
            self._refuse_stale(object_id, request.POST.get(FIELD, ""))
        return super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[misc]

    def seen(self, object_id: Any) -> str:
        """What stands in the history of the row and its parts now."""
        newest = (
            history.aggregate(newest=Max("history_id"))["newest"]
            for history in self._histories(object_id)
        )
        return ".".join(str(number or 0) for number in newest)

    def _histories(self, object_id: Any) -> Iterator[QuerySet]:
        yield self.model.history.filter(id=object_id)  # type: ignore[attr-defined]
        if parts := self.parts:  # type: ignore[attr-defined]
            yield parts.model.history.filter(**{parts.key: object_id})

    def _refuse_stale(self, object_id: str, seen: str) -> None:
        """Raises ValidationError with who changed what."""
        numbers = seen.split(".")
        if not all(map(is_key, numbers)):
            return  # no browser sent this
        if hasattr(self.model, "lock"):  # type: ignore[attr-defined]
            self.model().lock()  # type: ignore[attr-defined]  # until the write
        newer = [
            list(
                history.filter(history_id__gt=number)
                .select_related("history_user")
                .order_by("history_id")
            )
            for history, number in zip(self._histories(object_id), numbers, strict=False)
        ]
        if what := [*self._told(newer[0], numbers[0]), *self._told_of_parts(newer[1:])]:
            raise ValidationError(
                _(
                    "%(who)s changed this since you opened it (%(what)s). "
                    "What you typed is still here: look at both, and save again if yours shall stand."
                )
                % {
                    "who": _who([record for records in newer for record in records]),
                    "what": "; ".join(what),
                }
            )

    def _told(self, newer: list[Any], number: str) -> list[str]:
        """The row's own changes in words; bookkeeping is none."""
        before = self.model.history.filter(history_id=number).first()  # type: ignore[attr-defined]
        if not newer or not before:
            return [_("all of it")] if newer else []
        helper = self.get_historical_record_context_helper(None, newer[-1])  # type: ignore[attr-defined]
        changes = helper.context_for_delta_changes(newer[-1].diff_against(before))
        return [f"{change['field']}: {change['old']} → {change['new']}" for change in changes]

    def _told_of_parts(self, newer: list[list[Any]]) -> list[str]:
        names = {self.parts.name(record) for records in newer for record in records}  # type: ignore[attr-defined]
        return [f"{self.parts.title}: {', '.join(sorted(names))}"] if names else []  # type: ignore[attr-defined]


def _who(records: list[Any]) -> str:
    """The users, and the database roles of those who came by SQL."""
    names = (str(record.history_user or record.history_change_reason or "") for record in records)
    return ", ".join(dict.fromkeys(filter(None, names))) or _("Somebody")
