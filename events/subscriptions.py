"""Which events somebody wants to be told of, and which of them they may see."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from events.kinds import KINDS, view_permission

TEST = "test"  # the kind of an event that a test button makes: it goes to one receiver only
_KIND = re.compile(r"\*|[a-z_]{1,20}(\.[a-z_]{1,20}){0,3}(\.\*)?", re.ASCII)
MOST = 100  # kinds or networks of one subscription


class Subscription(models.Model):
    """Kinds, networks and a site; whatever is empty does not narrow the choice."""

    kinds = models.JSONField(
        _("kinds"),
        default=list,
        blank=True,
        help_text=_("Kinds of events, as in address.allocated or address.*; empty means all."),
    )
    subnets = models.JSONField(
        _("subnets"),
        default=list,
        blank=True,
        help_text=_(
            "Networks of the global address space: only what lies in them is told. Empty means "
            "everything."
        ),
    )
    site = models.CharField(
        _("site"),
        max_length=100,
        blank=True,
        default="",
        help_text=_("Only what belongs to this site; empty means all sites."),
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        for name, cleaned in (("kinds", _cleaned_kinds), ("subnets", _cleaned_subnets)):
            try:
                setattr(self, name, cleaned(getattr(self, name)))
            except ValueError as error:
                errors[name] = str(error)
        if errors:
            raise ValidationError(errors)

    def choose(self, user: Any, events: Iterable[Any]) -> list[Any]:
        """The events that are wanted and that the user may see."""
        wanted = filter(self.wants, events)
        return list(filter(partial(may_view, user), wanted))

    def wants(self, event: Any) -> bool:
        """Whether the event is one of those that were chosen."""
        if event.kind == TEST or self.site not in ("", event.site):
            return False
        return self._names(event.kind) and self._covers(event)

    def _names(self, kind: str) -> bool:
        return any(covers_kind(pattern, kind) for pattern in self.kinds or ["*"])

    def _covers(self, event: Any) -> bool:
        if not self.subnets:
            return True
        place = event.ip_address or event.network
        if place is None or event.vrf_id is not None:
            return False
        from api.confinement import lies_in  # with all of the API, which an idle worker needs not

        return lies_in(place, list(map(ipaddress.ip_network, self.subnets)))


def covers_kind(pattern: str, kind: str) -> bool:
    """Whether a kind is the one that the pattern names, or begins as in `address.*`."""
    if pattern.endswith("*"):
        return kind.startswith(pattern[:-1])
    return kind == pattern


def may_view(user: Any, event: Any) -> bool:
    """Whether the user may see what the event is about, at this moment."""
    if user is None or not user.is_active:
        return False
    if event.kind == TEST:
        return True
    if event.owner_id not in (None, user.pk) and not user.is_superuser:
        return False
    permission = view_permission(event.subject_model)
    if kind := KINDS.get(event.kind):
        permission = kind.permission or permission
    return bool(user.has_perm(permission))


def _texts(values: Any) -> list[str]:
    """The list as it is. Raises ValueError if it is something else, or too long."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(gettext("This is not a list of texts."))
    if len(values) > MOST:
        raise ValueError(gettext("These are more than %d.") % MOST)
    return values


def _cleaned_kinds(kinds: Any) -> list[str]:
    """Raises ValueError."""
    for text in _texts(kinds):
        if not _KIND.fullmatch(text):
            wrong = gettext("“%s” is not written like address.allocated or address.*.")
            raise ValueError(wrong % text[:60])
    return kinds


def _cleaned_subnets(subnets: Any) -> list[str]:
    """The networks in their usual form. Raises ValueError."""
    return [str(ipaddress.ip_network(text)) for text in _texts(subnets)]
