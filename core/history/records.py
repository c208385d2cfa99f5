"""The columns that every table of history has, and how they are filled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor
from django.dispatch import receiver
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords
from simple_history.signals import pre_create_historical_record

from core.history import origin, writer


class ChangeRecord(models.Model):
    """What a line of history says of the change that it belongs to. NULL: from before there was
    such a column; on SQLite, raw SQL has no change id either."""

    history_source = models.CharField(_("source"), max_length=10, null=True, editable=False)
    history_actor = models.CharField(_("by"), max_length=150, null=True, editable=False)
    history_change = models.CharField(_("change"), max_length=64, null=True, editable=False)

    class Meta:
        abstract = True


class _UserOrNone(ForwardManyToOneDescriptor):
    """A user who was deleted since is None."""

    def get_object(self, instance: Any) -> Any:
        try:
            return super().get_object(instance)
        except ObjectDoesNotExist:
            return None


class UserOfLine(models.ForeignKey):
    """The user of a line, who stays named when the account is deleted: no line ever changes."""

    forward_related_accessor_class = _UserOrNone

    def deconstruct(self) -> Any:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, options


class History(HistoricalRecords):
    """The history of a model, with the columns of ChangeRecord. Django's signals write its lines
    and `note_history`; triggers those of raw SQL."""

    def __init__(self, **options: Any) -> None:
        super().__init__(bases=[ChangeRecord], user_db_constraint=False, **options)

    def finalize(self, sender: Any, **kwargs: Any) -> None:
        super().finalize(sender, **kwargs)
        if hasattr(sender._meta, "simple_history_manager_attribute"):
            writer.DELETED_WITH_ORIGIN.add(sender._meta.db_table)

    def _get_history_user_fields(self) -> dict[str, models.Field]:
        (user,) = super()._get_history_user_fields().values()
        field = UserOfLine(
            user.remote_field.model,
            models.DO_NOTHING,
            null=True,
            related_name=self.user_related_name,
            db_constraint=False,
        )
        return {"history_user": field}


class DatabaseHistory(History):
    """A history that triggers write, whoever changes the row: a save, a bulk write, a row between
    two others, raw SQL. `masked` names columns that history keeps as the value of another one."""

    def __init__(self, *, masked: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.masked = dict(masked or {})

    def finalize(self, sender: Any, **kwargs: Any) -> None:
        known = hasattr(sender._meta, "simple_history_manager_attribute")
        super().finalize(sender, **kwargs)
        if known or not hasattr(sender._meta, "simple_history_manager_attribute"):
            return
        writer.WRITTEN_WITH_ORIGIN[sender._meta.db_table] = sender
        sender.history_masks = self.masked
        sender.save_base = _in_transaction(sender.save_base)

    def post_save(self, *args: Any, **kwargs: Any) -> None:
        """The trigger has written the line."""

    def post_delete(self, *args: Any, **kwargs: Any) -> None:
        """The trigger has written the line."""


def _in_transaction(save_base: Any) -> Any:
    """A row and its line are written together, with the origin that the trigger reads."""

    def save(self: models.Model, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic(using=kwargs.get("using"), savepoint=False):
            save_base(self, *args, **kwargs)

    save.alters_data = True  # type: ignore[attr-defined]
    return save


@receiver(pre_create_historical_record)
def fill_origin(history_instance: ChangeRecord, **kwargs: Any) -> None:
    """Fill the columns of a line that a single save or deletion writes."""
    now = origin.current()
    history_instance.history_source = now.source
    history_instance.history_actor = now.actor
    history_instance.history_change = now.change
    if reason := origin.reason():
        history_instance.history_change_reason = reason  # type: ignore[attr-defined]


def who(record: Any) -> str:
    """Who made the change of a line of history, in words; empty when nobody knows."""
    if record.history_source == "sql":
        return record.history_change_reason or ""
    return origin.described(_username(record), record.history_actor or "") or (
        record.history_change_reason or ""
    )


def _username(record: Any) -> str:
    """The name of the line's user, also of one who was deleted since."""
    if record.history_user_id is None:
        return ""
    return str(record.history_user or _name_of_deleted(record.history_user_id))


@lru_cache(maxsize=1000)
def _name_of_deleted(user_id: int) -> str:
    """What the last line of a deleted user's own history says; no account gets the number anew."""
    users: Any = get_user_model()
    lines = users.history.filter(id=user_id).order_by("-history_id")
    return lines.values_list("username", flat=True).first() or f"user {user_id}"


SOURCES = {
    "web": _("web"),
    "api": _("API"),
    "command": _("command"),
    "import": _("import"),
    "worker": _("worker"),
    "agent": _("agent"),
    "sql": _("SQL"),
    "upgrade": _("upgrade"),
}
