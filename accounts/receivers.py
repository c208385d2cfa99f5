"""What follows from a login."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import sessions
from accounts.models import KnownSource
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
