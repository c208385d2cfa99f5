"""The tables of the log: the histories of all models, and the security events."""

from __future__ import annotations

from operator import attrgetter

from django.db import models

from api.security.models import SecurityEvent
from changes.lines import history_of, tracked_models
from changes.security import security_lines


def logged_models() -> list[type[models.Model]]:
    """Every model that has lines in the log, in the order of their names."""
    return sorted([*tracked_models(), SecurityEvent], key=attrgetter("_meta.label_lower"))


def all_lines(model: type[models.Model]) -> models.QuerySet:
    """The lines of a model, whoever may see them."""
    if model is SecurityEvent:
        return security_lines()
    return history_of(model)
