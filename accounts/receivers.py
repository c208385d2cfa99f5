"""What follows from a login, and from the end of a token or user."""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import sessions
from accounts.models import KnownSource, Revocation
from api.models import Token
from core.proxies import client_network


@receiver(user_logged_in)
def note_session(request: HttpRequest, **kwargs: Any) -> None:
    sessions.note_login(request)


@receiver(user_logged_in)
def remember_source(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """A complete login makes its source known, which brakes on guessing do not hold back."""
    network = client_network(request)
    if network:
        KnownSource.objects.update_or_create(
            user=user, network=network, defaults={"last_login": timezone.now()}
        )


@receiver(post_delete, sender=Token)
def note_revoked_token(instance: Token, **kwargs: Any) -> None:
    _revoke(Revocation.Kind.TOKEN, instance.digest, instance.name)


@receiver(post_delete, sender=User)
def note_deleted_user(instance: User, **kwargs: Any) -> None:
    _revoke(Revocation.Kind.USER, instance.username, instance.username)


@receiver([post_save], sender=Token)
def note_new_token(instance: Token, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if created and not raw:
        Revocation.objects.filter(kind=Revocation.Kind.TOKEN, key=instance.digest).delete()


@receiver([post_save], sender=User)
def note_new_user(instance: User, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if created and not raw:
        Revocation.objects.filter(kind=Revocation.Kind.USER, key=instance.username).delete()


def _revoke(kind: str, key: str, name: str) -> None:
    facts = {"name": name, "at": timezone.now()}
    Revocation.objects.update_or_create(kind=kind, key=key, defaults=facts)
