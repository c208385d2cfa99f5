"""The Django app `changes`."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ChangesConfig(AppConfig):
    name = "changes"
    verbose_name = _("Changes")

    def ready(self) -> None:
        from changes import (  # noqa: F401  (the first registers itself)
            health_checks,
            indexes,
            past_indexes,
        )
        from changes.chain import pruning
        from core.history.past import moments

        post_migrate.connect(indexes.install, sender=self)
        post_migrate.connect(past_indexes.install, sender=self)
        moments.register_horizon(pruning.horizon)
