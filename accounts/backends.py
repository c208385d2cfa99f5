"""Where the site's users come from."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.db.models import Exists, OuterRef

from accounts.models import SecondFactorGroup


class PasswordBackend(ModelBackend):
    """Django's users. One that is loaded for a session knows by the same query whether it needs a
    second factor (`needs_second_factor`)."""

    def get_user(self, user_id: int) -> Any:
        groups = SecondFactorGroup.objects.filter(group__user=OuterRef("pk"))
        users = get_user_model()._default_manager.annotate(needs_second_factor=Exists(groups))
        user = users.filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
