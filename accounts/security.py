"""Security events of accounts and tokens."""

from __future__ import annotations

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from api.models import Token
from api.security.record import Kind, record, record_seldom

FLAGS = ("is_superuser", "is_staff", "is_active")


@receiver(user_logged_in)
def note_login(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    record(Kind.LOGIN, user, user=user, request=request)


@receiver(user_logged_out)
def note_logout(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if user is not None:
        record(Kind.LOGOUT, user, user=user, request=request)


@receiver(user_login_failed)
def note_failed_login(
    credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    name = str(credentials.get("username") or "")[:150]
    record_seldom(Kind.LOGIN_FAILED, name, request=request)


@receiver(user_locked_out)
def note_locked_out(request: HttpRequest, username: str, **kwargs: Any) -> None:
    record_seldom(Kind.LOCKED_OUT, username[:150], request=request)


@receiver(pre_save, sender=User)
def remember_rights(
    instance: Any, raw: bool = False, update_fields: Any = None, **kwargs: Any
) -> None:
    """What the account is before; not for a login, which writes its time only."""
    wanted = {"password", *FLAGS}
    if raw or not wanted & set(update_fields or wanted):
        return
    rows = User.objects.filter(pk=instance.pk) if instance.pk else User.objects.none()
    instance._rights_before = rows.values("password", *FLAGS).first() or {}


@receiver(post_save, sender=User)
def note_rights(instance: Any, created: bool, **kwargs: Any) -> None:
    before = instance.__dict__.pop("_rights_before", None)
    if before is None:
        return
    if before and before["password"] != instance.password:
        record(Kind.PASSWORD_CHANGED, instance)
    changed = {flag: getattr(instance, flag) for flag in FLAGS}
    changed = {flag: now for flag, now in changed.items() if before.get(flag, False) != now}
    if changed:
        record(Kind.RIGHTS_CHANGED, instance, **changed, created=created)


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def note_membership(
    instance: Any, action: str, model: Any, pk_set: set[int] | None, **kwargs: Any
) -> None:
    """Groups of a user, rights of a user or a group."""
    if action not in ("post_add", "post_remove", "pre_clear") or pk_set == set():
        return
    verb = action.partition("_")[2]
    keys = sorted(pk_set or ())[:100]
    what = {"model": model._meta.label_lower, "keys": keys}
    record(Kind.RIGHTS_CHANGED, instance, verb=verb, **what)


@receiver(post_save, sender=Token)
def note_new_token(instance: Token, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if created and not raw:
        record(Kind.TOKEN_CREATED, instance, scopes=instance.scopes)


@receiver(post_delete, sender=Token)
def note_revoked_token(instance: Token, **kwargs: Any) -> None:
    record(Kind.TOKEN_REVOKED, instance)


@receiver(post_delete, sender=User)
def note_deleted_user(instance: Any, **kwargs: Any) -> None:
    record(Kind.RIGHTS_CHANGED, instance.get_username(), verb="delete")
