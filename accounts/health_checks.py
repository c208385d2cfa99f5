"""Health checks of access: accounts that are guessed at, tokens that expire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import LoginBrake
from api.models import Token
from core.commands import manage_command
from core.findings import BOUNDED, Finding, health_check, warning

REMIND = timedelta(days=14)  # before a token expires
REFUSED_FOR = timedelta(days=7)  # after it has
NAMED = 3  # accounts that are named one by one


@health_check(gettext_noop("logins"), "access", BOUNDED)
def accounts_under_attack() -> Iterator[Finding]:
    """No account of ours is guessed at. Names that are nobody's account are not worth a line."""
    users = get_user_model().objects.values("username")
    brakes = LoginBrake.objects.delayed().filter(name__in=users)
    for row in brakes[:NAMED]:
        yield _under_attack(row)
    more = max(0, brakes.count() - NAMED)
    if more:
        yield warning(
            _("%d more accounts are guessed at.") % more,
            view="admin:accounts_loginbrake_changelist",
        )


def _under_attack(row: LoginBrake) -> Finding:
    addresses = AccessAttempt.objects.filter(username=row.name).values("ip_address").distinct()
    facts = {
        "kind": row.get_kind_display(),
        "name": row.name,
        "failures": row.failures,
        "addresses": addresses.count(),
        "seconds": int(row.delay.total_seconds()),
    }
    return warning(
        _(
            "The %(kind)s of the account “%(name)s” is guessed at: %(failures)d wrong in a row "
            "from %(addresses)d addresses; unknown addresses wait %(seconds)d s."
        )
        % facts,
        _("If its owner cannot log in, name the address that the owner uses."),
        manage_command(f"unlock_account {row.name} --from ADDRESS"),
        view="admin:accounts_loginbrake_changelist",
    )


@health_check(gettext_noop("API tokens"), "access", BOUNDED)
def expiring_tokens() -> Iterator[Finding]:
    """No token is about to expire, or has just expired, without a successor."""
    now = timezone.now()
    since, until = now - REFUSED_FOR, now + REMIND
    tokens = Token.objects.filter(
        replaced_at=None, user__is_active=True, expiry__gt=since, expiry__lt=until
    ).order_by("expiry")
    for token in tokens[:NAMED]:
        yield _expiring(token)
    more = max(0, tokens.count() - NAMED)
    if more:
        yield warning(
            _("%d more API tokens expire soon.") % more,
            view="admin:ipmanager_token_changelist",
        )


def _expiring(token: Token) -> Finding:
    assert token.expiry is not None
    facts = {"name": token.name, "date": f"{timezone.localtime(token.expiry):%Y-%m-%d %H:%M}"}
    view = "admin:ipmanager_token_changelist"
    if token.expired:
        text = _("The API token “%(name)s” has expired at %(date)s: its callers are refused.")
        return warning(text % facts, _("Make a new one, or delete it."), view=view)
    return warning(
        _("The API token “%(name)s” expires at %(date)s.") % facts,
        _("Replace it; its old secret stays valid for a day."),
        manage_command(f"rotate_token {token.token_key}"),
        view=view,
    )
