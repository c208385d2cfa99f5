"""Replace a token by one with a new secret, while the old one stays valid for a while."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from api.models import Token
from api.security.record import Kind, record
from core.errors import Conflict, Invalid, Reason

OVERLAP_HOURS = 24
LONGEST_OVERLAP_HOURS = 30 * 24


@transaction.atomic
def rotate(token: Token, overlap_hours: int = OVERLAP_HOURS) -> tuple[Token, str]:
    """Make a token with the same name, user, rights and lifetime; return it and its value. The old
    one expires after the overlap. If the new one was never used, because its value was lost, it is
    replaced when the old one is rotated once more. Raises Conflict, Invalid."""
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        raise Invalid(Reason(_("The overlap is 0 to %d hours.") % LONGEST_OVERLAP_HOURS))
    old = Token.objects.select_for_update().get(pk=token.pk)
    _refuse(old)
    lifetime = old.expiry - old.created if old.expiry else None
    if old.replaced_at:
        lifetime = _delete_unused_successors(old)
    fields = ("name", "scopes", "networks", "subnets", "services")
    copied = {field: getattr(old, field) for field in fields}
    new, value = Token.objects.create(old.user, expiry=lifetime, lineage=old.owner, **copied)
    _retire(old, overlap_hours)
    record(Kind.TOKEN_ROTATED, old, successor=new.token_key)
    return new, value


def _refuse(token: Token) -> None:
    if token.expired:
        raise Conflict(Reason(_("The token has expired.")), _("Create a new one."))
    bootstrap = settings.BOOTSTRAP_TOKEN
    if bootstrap and Token.objects.holding(bootstrap) == token:
        raise Conflict(
            Reason(_("This token is set by IPMANAGER_BOOTSTRAP_TOKEN.")),
            _("Change that setting and restart IPManager."),
        )


def _delete_unused_successors(token: Token) -> timedelta | None:
    """Delete the tokens that have replaced this one; return their lifetime. Raises Conflict when
    one of them is in use."""
    newer = Token.objects.filter(lineage=token.owner, created__gt=token.created)
    successors = list(newer.select_for_update().order_by("created"))
    if any(successor.last_used for successor in successors):
        text = _("The token was replaced at %s, and its successor is in use.")
        replaced_at = f"{token.replaced_at:%Y-%m-%d %H:%M %Z}"
        raise Conflict(Reason(text % replaced_at), _("Rotate the successor."))
    lifetime: timedelta | None = None
    for successor in successors:
        lifetime = successor.expiry - successor.created if successor.expiry else None
        successor.delete()
    return lifetime


def _retire(token: Token, overlap_hours: int) -> None:
    """Let the token expire after the overlap, or earlier if it does anyway."""
    now = timezone.now()
    end = now + timedelta(hours=overlap_hours)
    if token.expiry is None or end < token.expiry:
        token.expiry = end
    token.replaced_at = now
    token.save()
