"""Which events somebody wants to be told of, and which of them they may see."""

from __future__ import annotations

import ipaddress
import re
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
        if wrong := _wrong_kind(self.kinds):
            errors["kinds"] = wrong
        try:
            self.subnets = [str(ipaddress.ip_network(text)) for text in _texts(self.subnets)]
        except ValueError as error:
            errors["subnets"] = str(error)
        if errors:
            raise ValidationError(errors)

    def wants(self, event: Any) -> bool:
        """Whether the event is one of those that were chosen."""
        if event.kind == TEST or self.site not in ("", event.site):
            return False
        return self._names(event.kind) and self._covers(event)

    def _names(self, kind: str) -> bool:
        return not self.kinds or any(covers_kind(pattern, kind) for pattern in self.kinds)

    def _covers(self, event: Any) -> bool:
        if not self.subnets:
            return True
        place = event.ip_address or event.network
        if place is None or event.vrf_id is not None:
            return False
        from api.confinement import lies_in  # with all of the API, which an idle worker needs not

        return lies_in(place, [ipaddress.ip_network(text) for text in self.subnets])


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
    kind = KINDS.get(event.kind)
    permission = kind.permission if kind else ""
    return bool(user.has_perm(permission or view_permission(event.subject_model)))


def _texts(values: Any) -> list[str]:
    """The list as it is. Raises ValueError if it is something else, or too long."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(gettext("This is not a list of texts."))
    if len(values) > MOST:
        raise ValueError(gettext("These are more than %d.") % MOST)
    return values


def _wrong_kind(kinds: Any) -> str:
    """What is wrong with the kinds; empty if nothing is."""
    try:
        wrong = [text for text in _texts(kinds) if not _KIND.fullmatch(text)]
    except ValueError as error:
        return str(error)
    if wrong:
        text = gettext("“%s” is not written like address.allocated or address.*.")
        return text % wrong[0][:60]
    return ""
