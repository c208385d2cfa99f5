"""The life of a boot-once assignment: offered a few times within a time limit, then over.

waiting -> offered -> done        the files were fetched, or the installed system called back
                   -> given_up    offered as often as allowed, without a call-back
                   -> timed_out   no call-back within the time limit

Anyone can ask in the name of a MAC address. Only offers to an address that the ledger or a lease
knows as the server's count and can end the assignment. At any other address the image is offered as
often and as long, counted for that address by its boot events, and nothing changes for the
server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Count, Min
from django.utils import timezone
from django.utils.translation import gettext as _

from ipam.addresses import Address
from ipam.models import Server
from pxe.boot.records import BootClient
from pxe.events.journal import log_end
from pxe.models import BootAssignment, BootEvent, BootFile, BootImage, BootInitrd

State = BootAssignment.State


def final_state(assignment: BootAssignment, now: datetime) -> State | None:
    """The state in which an open assignment ends at this request; None while it may be offered."""
    if assignment.mode != BootAssignment.Mode.ONCE:
        return None
    first = assignment.first_offered_at
    if first and now >= first + timedelta(minutes=assignment.time_limit):
        return State.TIMED_OUT
    if assignment.attempts >= assignment.max_attempts:
        return State.GIVEN_UP
    return None


def is_over_at(assignment: BootAssignment, source: Address | None, now: datetime) -> bool:
    """Whether the assignment was offered often or long enough at an address that is not known as
    the server's."""
    if assignment.mode != BootAssignment.Mode.ONCE:
        return False
    offers = BootEvent.objects.offers_at(assignment, source)
    facts = offers.aggregate(times=Count("pk"), first=Min("at"))
    if facts["times"] >= assignment.max_attempts:
        return True
    first = facts["first"]
    return first is not None and now >= first + timedelta(minutes=assignment.time_limit)


def offer(assignment: BootAssignment, now: datetime) -> None:
    """Count an attempt. The caller has locked the row."""
    if assignment.mode == BootAssignment.Mode.ONCE:
        assignment.attempts += 1
        assignment.state = State.OFFERED
        assignment.first_offered_at = assignment.first_offered_at or now
        assignment.last_offered_at = now
        _write(assignment)


def end(assignment: BootAssignment, state: State, now: datetime) -> None:
    """End the assignment in this state."""
    assignment.state = state
    assignment.ended_at = now
    _write(assignment)


def ends_with_file(assignment: BootAssignment, file: BootFile) -> bool:
    """Whether this file is the last one that the machine needs."""
    if not _ends_with_start(assignment):
        return False
    assert assignment.image
    initrds = assignment.image.initrd_rows.select_related("file")
    return _last_file(assignment.image, initrds) == file


def ends_unseen(assignment: BootAssignment) -> bool:
    """Whether the last file comes from another server, so that the offer is all that we see."""
    if not _ends_with_start(assignment):
        return False
    assert assignment.image
    last = _last_file(assignment.image, assignment.image.initrd_rows.all())
    return assignment.image.kind == "chain" or last is None or bool(last.url)


def _ends_with_start(assignment: BootAssignment) -> bool:
    return all(
        (
            assignment.is_open,
            assignment.mode == BootAssignment.Mode.ONCE,
            assignment.ends_with == BootAssignment.EndsWith.START,
            assignment.image is not None,
        )
    )


def _last_file(image: BootImage, initrds: Iterable[BootInitrd]) -> BootFile | None:
    """The file that a machine fetches last: the last initrd, or else the kernel."""
    files = [image.kernel, *(row.file for row in initrds)]
    return files[-1]


def finish(assignment: BootAssignment, server: Server, client: BootClient) -> None:
    """End an assignment that has served its purpose."""
    end(assignment, State.DONE, timezone.now())
    log_end(assignment, server, client, reason(assignment))


def reason(assignment: BootAssignment) -> str:
    """Why the assignment ended, or where it stands, in one sentence."""
    if assignment.mode == BootAssignment.Mode.ALWAYS and assignment.is_open:
        return _("It boots this image always.")
    text = {
        State.GIVEN_UP: _(
            "The image was offered %(attempts)d times without a call-back: "
            "the local disk from now on."
        ),
        State.TIMED_OUT: _("No call-back within %(limit)d minutes: the local disk from now on."),
        State.DONE: _("The installed system has called back: the local disk from now on."),
    }.get(State(assignment.state), _("Attempt %(attempts)d of %(max)d."))
    if assignment.state == State.DONE and assignment.ends_with == BootAssignment.EndsWith.START:
        text = _("All files have been fetched: the local disk from now on.")
    return text % {
        "attempts": assignment.attempts,
        "limit": assignment.time_limit,
        "max": assignment.max_attempts,
    }


def _write(assignment: BootAssignment) -> None:
    """Bypass `save()`: its rules are for people, and an image that was disabled meanwhile must not
    keep the assignment from ending."""
    columns = ("state", "attempts", "first_offered_at", "last_offered_at", "ended_at")
    values = {name: getattr(assignment, name) for name in columns}
    BootAssignment.objects.filter(pk=assignment.pk).update(**values)
