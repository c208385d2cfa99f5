"""Boot once: offered a few times within a time limit, then over, whatever the machine does.

waiting -> offered -> done        the files were fetched, or the installed system called back
                   -> given_up    offered as often as allowed, and no word
                   -> timed_out   no word within the time limit
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from ipam.models import Server
from pxe.boot.records import Asker
from pxe.events.journal import note_end
from pxe.models import BootAssignment, BootFile

State = BootAssignment.State


def verdict(assignment: BootAssignment, now: datetime) -> State | None:
    """How an open assignment ends if it is asked for again now; None while it may be offered."""
    if assignment.mode != BootAssignment.Mode.ONCE:
        return None
    first = assignment.first_offered_at
    if first and now >= first + timedelta(minutes=assignment.time_limit):
        return State.TIMED_OUT
    return State.GIVEN_UP if assignment.attempts >= assignment.max_attempts else None


def offer(assignment: BootAssignment, now: datetime) -> None:
    """Count an attempt. The row is ours until the transaction ends."""
    if assignment.mode == BootAssignment.Mode.ONCE:
        assignment.attempts += 1
        assignment.state = State.OFFERED
        assignment.first_offered_at = assignment.first_offered_at or now
        assignment.last_offered_at = now
        _write(assignment)


def end(assignment: BootAssignment, state: State, now: datetime) -> None:
    assignment.state = state
    assignment.ended_at = now
    _write(assignment)


def ends_with_file(assignment: BootAssignment, file: BootFile) -> bool:
    """Whether this file is the last one that the machine needed."""
    if not _waits_for_start(assignment) or assignment.image is None:
        return False
    needed = [
        assignment.image.kernel,
        *(row.file for row in assignment.image.initrd_rows.select_related("file")),
    ]
    return needed[-1] == file


def ends_unseen(assignment: BootAssignment) -> bool:
    """Whether the last file comes from elsewhere, so that the offer is all that we see."""
    image = assignment.image
    if not _waits_for_start(assignment) or image is None:
        return False
    needed = [image.kernel, *(row.file for row in image.initrd_rows.all())]
    return image.kind == "chain" or needed[-1] is None or bool(needed[-1].url)


def _waits_for_start(assignment: BootAssignment) -> bool:
    started = assignment.ends_with == BootAssignment.EndsWith.START
    return assignment.mode == BootAssignment.Mode.ONCE and assignment.is_open and started


def finish(assignment: BootAssignment, server: Server, asker: Asker) -> None:
    """It has done what it was for."""
    end(assignment, State.DONE, timezone.now())
    note_end(assignment, server, asker, reason(assignment))


def reason(assignment: BootAssignment) -> str:
    """Why it ended, or where it stands, for the timeline."""
    facts = {
        "attempts": assignment.attempts,
        "limit": assignment.time_limit,
        "max": assignment.max_attempts,
    }
    if assignment.state == State.GIVEN_UP:
        return (
            _(
                "The image was offered %(attempts)d times and nobody called back: the local disk from now on."
            )
            % facts
        )
    if assignment.state == State.TIMED_OUT:
        return _("Nobody called back within %(limit)d minutes: the local disk from now on.") % facts
    if assignment.state == State.DONE and assignment.ends_with == BootAssignment.EndsWith.START:
        return _("Its files have been fetched: the local disk from now on.")
    if assignment.state == State.DONE:
        return _("The installed system has called back: the local disk from now on.")
    return _("Attempt %(attempts)d of %(max)d.") % facts


def _write(assignment: BootAssignment) -> None:
    """Not `save()`: its checks are for people, and an image disabled meanwhile must not keep this
    from ending."""
    columns = ("state", "attempts", "first_offered_at", "last_offered_at", "ended_at")
    BootAssignment.objects.filter(pk=assignment.pk).update(
        **{name: getattr(assignment, name) for name in columns}
    )
