"""Take a machine back: its server with all addresses and boot assignments, and its service ports.
What remains is history, which says why."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import NotFound
from ipam.models import Server
from ipam.querysets import lock_ledger
from machines.models import Machine, MachineService
from registry.models import Service
from registry.services.manual_edits import delete_services

logger = logging.getLogger("machines")
MOST_AT_ONCE = 100  # expired machines of one round


def remove(machine_id: int, reason: str = "machine deleted") -> None:
    """Delete the machine and everything that came with it, all or nothing. Raises NotFound."""
    with transaction.atomic():
        lock_ledger()
        rows = Server.objects.select_for_update(of=("self",))
        server = rows.filter(machine=machine_id).first()
        if server is None:
            raise NotFound(_("There is no such machine."))
        _retire(server, reason)


def _retire(server: Server, reason: str) -> None:
    """Delete the server and its interfaces, as planned: a sync need not suspect a mistake."""
    for row in (*server.interfaces.all(), server):
        row.retired = row._change_reason = reason
        row.delete()


def release_services(machine: Machine) -> None:
    """Deregister the services that came with the machine."""
    delete_services(Service.objects.filter(machine_row__machine=machine))


def remove_expired() -> list[str]:
    """Remove machines whose time to live has ended, each in its own transaction; their names."""
    ids = list(Machine.objects.expired().values_list("pk", flat=True)[:MOST_AT_ONCE])
    removed = []
    for machine_id in ids:
        if name := _remove_if_expired(machine_id):
            logger.info("%s: its time to live has ended, so it was taken back", name)
            removed.append(name)
    return removed


def _remove_if_expired(machine_id: int) -> str:
    """The machine's name; empty when it has been renewed or removed meanwhile."""
    with transaction.atomic():
        lock_ledger()
        rows = Machine.objects.expired().select_for_update(of=("self",)).select_related("server")
        machine = rows.filter(pk=machine_id).first()
        if machine is None:
            return ""
        name = machine.server.hostname
        _retire(machine.server, f"expired at {machine.expires_at:%Y-%m-%d %H:%M:%S} UTC")
    return name


def remove_leftovers() -> None:
    """Deregister services whose machine was deleted by raw SQL."""
    Machine.objects.without_server().delete()
    left = MachineService.objects.left_behind().values("service")
    delete_services(Service.objects.filter(pk__in=left))
