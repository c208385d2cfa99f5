"""Health checks of the access of people: accounts whose password or code is guessed at."""

from __future__ import annotations

from collections.abc import Iterator

from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import LoginBrake
from core.commands import manage_command
from core.findings import BOUNDED, Finding, health_check, warning

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
