"""Restart services: somebody requests a restart, the agent on the service's host takes the request
and reports the result.

Nothing runs here. A request carries the key of a restart action; the host's own list says which
command it means. A service can only name a key that an administrator has created."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid, IPManagerError, NotFound
from registry.models import RegistryConfig, RestartAction, RestartRequest, Service
from registry.querysets import database_now

logger = logging.getLogger("registry.restart")

LIFETIME = timedelta(minutes=5)
LONGEST_OUTPUT = 4000  # characters
AUTOMATIC = "ipmanager"  # who requests automatic restarts
Status = RestartRequest.Status


@dataclass(frozen=True)
class Requested:
    """The restart request; `again` when one was open already."""

    request: RestartRequest
    again: bool = False


def check_key(service: Service, sent: str | None) -> None:
    """A caller may name the service's own restart action and nothing else. Raises Invalid."""
    if sent is not None and sent != service.restart_script_id:
        text = _("“%(said)s” is not the restart action of %(service)s.")
        raise Invalid(
            text % {"said": sent[:63], "service": service},
            _("Send the key of its restart action, or omit it; a command is never run."),
        )


def request(service: Service, who: str, person: str = "") -> Requested:
    """Request a restart. In production another person must approve it: `person` is the owner of the
    token that `who` names.

    Raises Invalid when the service has no restart action, Conflict when it was restarted too
    often."""
    action = service.restart_script
    if action is None or not action.enabled:
        raise Invalid(
            _("%s has no restart action.") % service,
            _("Set restart_script to the key of one; see the admin."),
        )
    try:
        with transaction.atomic():
            return _request(service, action, who, person or who)
    except IntegrityError:
        return Requested(service.restart_requests.open().get(), again=True)


def _request(service: Service, action: RestartAction, who: str, person: str) -> Requested:
    # Locks the service: two requests at once are counted one after the other.
    Service.objects.select_for_update(of=("self",)).get(pk=service.pk)
    known = service.restart_requests.open().first()
    if known:
        return Requested(known, again=True)
    now = database_now()
    _check_limit(service, action, now)
    status = Status.WANTED
    if service.environment.mode == RegistryConfig.Mode.PRODUCTION:
        status = Status.PROPOSED
    row = RestartRequest(
        service=service,
        action=action,
        requested_by=who,
        person=person,
        expires_at=now + LIFETIME,
        status=status,
    )
    row.save()
    row.refresh_from_db()
    return Requested(row)


def _check_limit(service: Service, action: RestartAction, now: datetime) -> None:
    since = now - timedelta(seconds=action.period)
    if RestartRequest.objects.counted(service, since) < action.limit:
        return
    text = _("%(service)s was restarted %(limit)d times within %(period)d s.")
    raise Conflict(
        text % {"service": service, "limit": action.limit, "period": action.period},
        _("Find out why it does not stay up, or raise the limit of “%s”.") % action,
    )


def request_for_lost(services: Collection[Service]) -> None:
    """Restart services that fell silent, as often as their action allows. Development only."""
    for service in services:
        try:
            request(service, AUTOMATIC)
        except IPManagerError as error:
            logger.info("%s is not restarted: %s", service, error)


def approve(wanted: RestartRequest, who: str) -> None:
    """Approve a request, so that an agent may take it.

    Raises Conflict when it does not wait for approval, or when `who` has requested it."""
    with transaction.atomic():
        row = RestartRequest.objects.select_for_update().get(pk=wanted.pk)
        if row.status != Status.PROPOSED:
            text = _("This request does not wait for approval: %s.")
            raise Conflict(text % row.get_status_display())
        if who in (row.requested_by, row.person):
            raise Conflict(
                _("You cannot approve a restart that you have requested."),
                _("Ask another administrator."),
            )
        row.status, row.approved_by = Status.WANTED, who
        row.expires_at = database_now() + LIFETIME
        row.save()


def take(environment: str, service_ids: Collection[str], agent: str) -> list[RestartRequest]:
    """Give the open requests for these services to this agent. No other agent gets them."""
    rows = RestartRequest.objects.of_services(environment, service_ids).take(agent)
    services = Service.objects.filter(pk__in=[row.service_id for row in rows])
    services.update(status=Service.Status.RESTARTING)
    return rows


def service_of(number: int) -> Service:
    """The service of this request. Raises NotFound."""
    found = RestartRequest.objects.filter(pk=number).select_related("service__environment").first()
    if found is None:
        raise NotFound(_("There is no restart request %d.") % number)
    return found.service


def report(
    number: int, result: str, agent: str, *, exit_status: int | None = None, output: str = ""
) -> RestartRequest:
    """Store the result. Raises Conflict when this agent has not taken the request, or has reported
    already."""
    with transaction.atomic():
        row = RestartRequest.objects.select_for_update().get(pk=number)
        if row.status != Status.TAKEN or row.agent != agent:
            text = _("This request is not yours to report on: %s.")
            raise Conflict(text % row.get_status_display())
        row.status, row.exit_status = result, exit_status
        row.output = _printable(output)[-LONGEST_OUTPUT:]
        row.finished_at = database_now()
        row.save()
        if result != Status.DONE:
            still = Service.objects.filter(pk=row.service_id, status=Service.Status.RESTARTING)
            still.update(status=Service.Status.INACTIVE, inactive_since=Now())
    return row


def _printable(text: str) -> str:
    """Replace control characters, except line breaks."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
