"""What is known about the logins of people: sources, brakes on guessing, sessions, and the groups
whose members need a second factor."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from simple_history import register

from core.history.records import DatabaseHistory

NAME_LENGTH = 255  # as in django-axes' tables


class KnownSource(models.Model):
    """An address from which a user has logged in; of IPv6 its /64."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="known_sources")
    network = models.CharField(_("address"), max_length=50)
    last_login = models.DateTimeField(_("last login"), default=timezone.now)

    class Meta:
        verbose_name = _("known source")
        verbose_name_plural = _("known sources")
        constraints = [
            models.UniqueConstraint(fields=["user", "network"], name="known_source_user_network")
        ]

    def __str__(self) -> str:
        return self.network


class LoginBrakeQuerySet(models.QuerySet["LoginBrake"]):
    """The brakes on guessing."""

    def delayed(self) -> LoginBrakeQuerySet:
        """The accounts whose next attempt from an unknown address has to wait."""
        since = timezone.now() - LoginBrake.FORGOTTEN
        return self.filter(
            source="", failures__gt=LoginBrake.FREE, last_failed_at__gt=since
        ).order_by("-failures")


class LoginBrake(models.Model):
    """Wrong passwords or codes for one account in a row, and until when no other is looked at.

    One row counts the attempts from all addresses that are not known for the account (`source` is
    empty), one those from each known source. The account need not exist."""

    class Kind(models.TextChoices):
        PASSWORD = "password", _("password")
        CODE = "code", _("code")

    FREE = 10  # failures without a delay
    LONGEST = timedelta(minutes=15)
    FORGOTTEN = timedelta(days=1)  # after the last failure

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    name = models.CharField(_("account"), max_length=NAME_LENGTH)
    source = models.CharField(_("source"), max_length=50, default="", blank=True)
    failures = models.PositiveIntegerField(_("wrong attempts"), default=0)
    last_failed_at = models.DateTimeField(_("last attempt"), default=timezone.now, db_index=True)
    blocked_until = models.DateTimeField(_("next attempt from"), default=timezone.now)

    objects = LoginBrakeQuerySet.as_manager()

    class Meta:
        verbose_name = _("brake on guessing")
        verbose_name_plural = _("brakes on guessing")
        ordering = ["-last_failed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "name", "source"], name="login_brake_kind_name_source"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def delay(self) -> timedelta:
        """The pause after the last failure: none for the first ten, then 2, 4, 8, ... seconds, at
        most a quarter of an hour."""
        doublings = self.failures - self.FREE
        if doublings <= 0:
            return timedelta(0)
        return min(timedelta(seconds=2 ** min(doublings, 20)), self.LONGEST)


class Session(AbstractBaseSession):
    """A session of a browser; `session_key` is a digest (accounts/session_store.py)."""

    # No constraint in the database: a session is written after its user was deleted by SQL, too.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        db_constraint=False,
        related_name="sessions",
        verbose_name=_("user"),
    )
    address = models.GenericIPAddressField(_("address"), null=True)
    user_agent = models.CharField(_("browser"), max_length=200, default="")
    logged_in_at = models.DateTimeField(_("logged in"), null=True)
    last_seen = models.DateTimeField(_("last seen"), default=timezone.now)

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        ordering = ["-last_seen"]

    def __str__(self) -> str:
        return f"{self.user} · {self.address or '–'}"

    @classmethod
    def get_session_store_class(cls):  # type: ignore[no-untyped-def]
        from accounts.session_store import SessionStore

        return SessionStore


class SecondFactorGroup(models.Model):
    """A group whose members have to use a second factor at login."""

    group = models.OneToOneField(
        Group, models.CASCADE, primary_key=True, related_name="second_factor"
    )

    history = DatabaseHistory(table_name="accounts_secondfactorgroup_history")

    def __str__(self) -> str:
        return str(self.group)


class Revocation(models.Model):
    """A token or user that was deleted. A restored backup does not bring it back unasked."""

    class Kind(models.TextChoices):
        TOKEN = "token"  # noqa: S105  (a word)
        USER = "user"

    kind = models.CharField(max_length=10, choices=Kind)
    key = models.CharField(max_length=150)  # a token's digest, a user's name
    name = models.CharField(max_length=150, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="revocation_kind_key")]

    def __str__(self) -> str:
        return self.name


# --- the history of what other packages keep: who may do what, never a secret ---------------------

_CLOCKS_OF_DEVICES = (
    "last_used_at",
    "throttling_failure_timestamp",
    "throttling_failure_count",
)
_KEPT_FOR_ITSELF = {
    User: ("password", "last_login"),
    Group: (),
    User.groups.through: (),
    User.user_permissions.through: (),
    Group.permissions.through: (),
    TOTPDevice: (*_CLOCKS_OF_DEVICES, "key", "last_t", "drift"),
    StaticDevice: _CLOCKS_OF_DEVICES,
}

for _model, _left_out in _KEPT_FOR_ITSELF.items():
    register(
        _model,
        app="accounts",
        records_class=DatabaseHistory,
        table_name=f"{_model._meta.db_table}_history",
        excluded_fields=[*_left_out],
    )
