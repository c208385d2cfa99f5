"""Restarts: somebody wants one, the agent on the service's host takes it and tells what came of it.

Nothing runs here. What is passed on is the key of a restart action; which command that means, the
host's own list says. A service that registers can name a key that an administrator has made, and
nothing else."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid, IPManagerError, NotFound
from registry.models import RegistryConfig, RestartRequest, Service
from registry.querysets import database_now

logger = logging.getLogger("registry.restart")

LIFETIME = timedelta(minutes=5)
LONGEST_OUTPUT = 4000
BY_ITSELF = "ipmanager"
Status = RestartRequest.Status
RESULTS = (Status.DONE, Status.FAILED, Status.REFUSED)


@dataclass(frozen=True)
class Asked:
    """The request; `again` when one was open already."""

    request: RestartRequest
    again: bool = False


def check_key(service: Service, said: str | None) -> None:
    """What a caller names must be what an administrator has allowed for this service. Raises
    Invalid."""
    if said is not None and said != service.restart_script_id:
        raise Invalid(
            _("“%(said)s” is not the restart action of %(service)s.")
            % {"said": said[:63], "service": service},
            _("Name the key of its restart action, or nothing; commands are never sent here."),
        )


def ask(service: Service, who: str, person: str = "") -> Asked:
    """Want the service restarted. In production somebody else has to approve: `person` is who is
    behind a token's name.

    Raises Invalid when it has no restart action, Conflict when it was restarted too often.
    """
    action = service.restart_script
    if action is None or not action.enabled:
        raise Invalid(
            _("%s has no restart action.") % service,
            _("Set restart_script to the key of one; see the admin."),
        )
    try:
        with transaction.atomic():
            return _ask(service, who, person or who)
    except IntegrityError:
        return Asked(service.restart_requests.open().get(), again=True)


def _ask(service: Service, who: str, person: str) -> Asked:
    Service.objects.select_for_update().get(
        pk=service.pk
    )  # two at once are counted one after the other
    if known := service.restart_requests.open().first():
        return Asked(known, again=True)
    action, now = service.restart_script, database_now()
    assert action
    if (
        RestartRequest.objects.counted(service, now - timedelta(seconds=action.period))
        >= action.limit
    ):
        raise Conflict(
            _("%(service)s was restarted %(limit)d times within %(period)d s.")
            % {"service": service, "limit": action.limit, "period": action.period},
            _("Look why it does not stay up, or raise the limit of “%s”.") % action,
        )
    careful = service.environment.mode == RegistryConfig.Mode.PRODUCTION
    row = RestartRequest(
        service=service,
        action=action,
        requested_by=who,
        person=person,
        expires_at=now + LIFETIME,
        status=Status.PROPOSED if careful else Status.WANTED,
    )
    row.save()
    row.refresh_from_db()
    return Asked(row)


def ask_for_lost(services: Collection[Service]) -> None:
    """Where developers work, whoever falls silent is started again by itself, as often as its
    action allows."""
    for service in services:
        try:
            ask(service, BY_ITSELF)
        except IPManagerError as error:
            logger.info("%s is not restarted: %s", service, error)


def approve(request: RestartRequest, who: str) -> None:
    """Let an agent take it. Raises Conflict when it does not wait for approval, or waits for
    somebody else's."""
    with transaction.atomic():
        row = RestartRequest.objects.select_for_update().get(pk=request.pk)
        if row.status != Status.PROPOSED:
            raise Conflict(
                _("This request does not wait for approval: %s.") % row.get_status_display()
            )
        if who in (row.requested_by, row.person):
            raise Conflict(
                _("Whoever asks for a restart cannot approve it."), _("Ask somebody else.")
            )
        row.status, row.approved_by, row.expires_at = Status.WANTED, who, database_now() + LIFETIME
        row.save()


def take(environment: str, service_ids: Collection[str], agent: str) -> list[RestartRequest]:
    """What this agent shall do now for these services; nobody else is told the same."""
    rows = RestartRequest.objects.of_services(environment, service_ids).take(agent)
    Service.objects.filter(pk__in=[row.service_id for row in rows]).update(
        status=Service.Status.RESTARTING
    )
    return rows


def service_of(number: int) -> Service:
    """The service that a request is about. Raises NotFound."""
    found = RestartRequest.objects.filter(pk=number).select_related("service__environment").first()
    if found is None:
        raise NotFound(_("There is no restart request %d.") % number)
    return found.service


def report(
    number: int, result: str, agent: str, *, exit_status: int | None = None, output: str = ""
) -> RestartRequest:
    """What came of it. Raises NotFound, and Conflict when this agent has not taken it or has told
    already."""
    with transaction.atomic():
        row = RestartRequest.objects.select_for_update().get(pk=number)
        if row.status != Status.TAKEN or row.agent != agent:
            raise Conflict(
                _("This request is not yours to report on: %s.") % row.get_status_display()
            )
        row.status, row.exit_status = result, exit_status
        row.output = "".join(
            sign if sign.isprintable() or sign == "\n" else "?" for sign in output
        )[-LONGEST_OUTPUT:]
        row.finished_at = database_now()
        row.save()
        if result != Status.DONE:
            still = Service.objects.filter(pk=row.service_id, status=Service.Status.RESTARTING)
            still.update(status=Service.Status.INACTIVE, inactive_since=Now())
    return row
