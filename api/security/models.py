"""One thing that concerns who may do what."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SecurityEvent(models.Model):
    """A line of the log that no table's history has. It never changes."""

    class Kind(models.TextChoices):
        LOGIN = "login", _("login")
        LOGOUT = "logout", _("logout")
        LOGIN_FAILED = "login_failed", _("failed login")
        LOCKED_OUT = "locked_out", _("locked out")
        CODE_FAILED = "code_failed", _("wrong second factor")
        FACTOR_SET_UP = "factor_set_up", _("second factor set up")
        FACTOR_REMOVED = "factor_removed", _("second factor removed")
        PASSWORD_CHANGED = "password_changed", _("password changed")
        SESSION_ENDED = "session_ended", _("session ended")
        CONFIRMED = "confirmed", _("password or code confirmed")
        CONFIRMATION_FAILED = "confirmation_failed", _("confirmation failed")
        TOKEN_CREATED = "token_created", _("token created")
        TOKEN_ROTATED = "token_rotated", _("token rotated")
        TOKEN_REVOKED = "token_revoked", _("token revoked")
        TOKEN_USED = "token_used", _("token used from a new address")
        RIGHTS_CHANGED = "rights_changed", _("rights changed")
        REFUSED = "refused", _("access refused")
        BACKUP = "backup", _("backup made")
        RESTORED = "restored", _("backup restored")
        LOG_VERIFIED = "log_verified", _("log verified")
        LOG_FAILED = "log_failed", _("log does not match its seals")

    at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    user_id = models.IntegerField(_("user"), null=True)  # stays when the account is deleted
    actor = models.CharField(_("who"), max_length=150)
    source = models.CharField(_("source"), max_length=10)
    address = models.CharField(_("address"), max_length=50, default="")
    change = models.CharField(_("change"), max_length=64, default="", db_index=True)
    subject = models.CharField(_("subject"), max_length=255, default="")
    detail = models.JSONField(_("detail"), default=dict)

    class Meta:
        app_label = "ipmanager"
        db_table = "security_events"
        ordering = ["-pk"]
        verbose_name = _("security event")
        verbose_name_plural = _("security events")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["kind", "subject"], name="security_events_subject"),
            # The log asks for the newest of an address or of a user.
            models.Index(fields=["address", "at"], name="security_events_address"),
            models.Index(fields=["user_id", "at"], name="security_events_user"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject or self.actor}"
