"""A server that is deleted elsewhere, in the admin or by its own route, takes the service ports of
its machine along."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from machines.models import Machine
from machines.remove import release_services


@receiver(pre_delete, sender=Machine)
def machine_leaves(instance: Machine, **kwargs: Any) -> None:
    release_services(instance)
