"""Carry a plan out: through the rows' own save() and delete(), so that every rule holds.

Rows go before rows come back, and a row before those that refer to it. One that is refused is tried
again after the others, which may have had what it wants. Address rows follow from servers, pools
and subnets; what people decide about an address is set at last. In the end every row must be as the
plan says, or all of it is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, starmap
from operator import attrgetter, itemgetter
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from changes.undo import addresses, in_bulk
from changes.undo.items import Item
from changes.undo.kinds import State, differing, grouped, present_rows, rank, set_on
from core.errors import Conflict, IPManagerError, Reason
from ipam.models import Interface, Server, Subnet, ValidatedModel

REFUSALS = (ValidationError, IPManagerError, ProtectedError, IntegrityError)
Progress = Callable[[str, int, int], None]


class _Orphan(Exception):
    """A row that it refers to is not there, and has its own reason."""


class Refused(Exception):
    """The rules refuse it; each reason once."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = list(dict.fromkeys(reasons))
        super().__init__(" ".join(self.reasons))


def carry_out(items: Sequence[Item], progress: Progress) -> None:
    """Bring every row back. The caller holds the ledger's lock. Raises Refused."""
    is_address = grouped(items, attrgetter("is_address"))
    rows = sorted(is_address[False], key=_position)
    taken = list(filter(addresses.is_taken, is_address[True]))
    with transaction.atomic():
        _free(is_address[True])
        pending = in_bulk.done(rows, addresses.with_keys(taken), progress)
        _one_by_one(pending, progress)
        addresses.free_behind(is_address[True])
        addresses.put_back(taken)
        _check(items)


def _free(items: Iterable[Item]) -> None:
    try:
        addresses.free(list(filter(addresses.is_in_the_way, items)))
    except REFUSALS as error:
        raise Refused(reasons(error)) from error


def _position(item: Item) -> tuple[bool, int, str, Any]:
    """Deletions first, from what nothing refers to; then the rest, the other way round."""
    stays, place = item.action != "delete", rank(item.model)
    if not stays:
        place = -place
    return stays, place, item.kind.table, item.identity[-1]


def _one_by_one(pending: list[Item], progress: Progress) -> None:
    """Until all are done, or none of those left can be."""
    total, vacated = len(pending), False
    while pending:
        errors: list[tuple[Item, Exception]] = []
        for item in pending:
            progress("rows", total - len(pending) + len(errors), total)
            if error := _attempt(item):
                errors.append((item, error))
        left = list(map(itemgetter(0), errors))
        if len(left) == len(pending):
            if vacated or not _vacate(left):
                named = list(chain.from_iterable(starmap(_of, errors)))
                raise Refused(named or map(_orphaned, left))
            vacated = True
        pending = left


def _of(item: Item, error: Exception) -> Iterator[str]:
    """The sentences of the refusal, and which row they are about."""
    for sentence in reasons(error):
        text = f"{item.name}: {sentence}"
        if isinstance(sentence, Reason):
            text = Reason(text, *sentence.rows)
        yield text


def _orphaned(item: Item) -> str:
    """The reason where no other row has one."""
    return Reason(_("%s: a row that it needs is gone.") % item.name)


def _attempt(item: Item) -> Exception | None:
    try:
        with transaction.atomic():
            _DO[item.action](item)
    except REFUSALS as error:
        return error
    except ObjectDoesNotExist:
        return _Orphan()
    return None


def _delete(item: Item) -> None:
    row = item.model._base_manager.filter(pk=item.pk).first()
    if row is None:
        return  # it went with another one
    if isinstance(row, Server | Interface):
        row.retired = "undo"  # a sync need not suspect a mistake
    if isinstance(row, Subnet):
        row.delete(force=True)  # what was taken from it since has been asked for
    else:
        row.delete()


def _create(item: Item) -> None:
    row = new_row(item)
    _validate(row)
    row.save(force_insert=True)


def _validate(row: Any) -> None:
    """The ledger's own rows do it themselves when they are saved."""
    if not isinstance(row, ValidatedModel):
        row.full_clean()


def new_row(item: Item) -> Any:
    """The row that comes back, with its key, as it was."""
    if item.former is None or item.kind.masked:
        raise Conflict(Reason(_("%s: the log does not hold all of what it was.") % item.name))
    row = item.former.instance
    set_on(row, item.values)
    row._state.adding = True
    return row


def _change(item: Item) -> None:
    row = item.model._base_manager.filter(pk=item.pk).first()
    if row is None:
        raise Conflict(Reason(_("%s no longer exists.") % item.name))
    set_on(row, item.values)
    if isinstance(row, Subnet):
        row.forced = True  # as above
    _validate(row)
    row.save()


_DO: dict[str, Callable[[Item], None]] = {"delete": _delete, "create": _create, "change": _change}


def _vacate(stuck: Iterable[Item]) -> bool:
    """Take addresses away from servers and cards that want each other's; whether there were any."""
    found = False
    wanting = [item for item in stuck if item.action == "change" and item.model in in_bulk.PLACED]
    for row in present_rows(wanting).values():  # one may have gone with another row
        row.ip_address = row.mac_address = None
        found |= _attempt_save(row)
    return found


def _attempt_save(row: Any) -> bool:
    try:
        row.save()
    except REFUSALS:
        return False
    return True


# --- what has been reached ------------------------------------------------------------------------


def _check(items: Sequence[Item]) -> None:
    """Every row is as it was, in every column of the plan. Raises Refused."""
    found = []
    present = present_rows(items)
    for item in items:
        state = item.kind.state(present.get(item.key))
        if wrong := differing(item.wanted, state):
            found.append(_differs(item, state, min(wrong)))
    if found:
        raise Refused(found)


def _differs(item: Item, state: State, name: str) -> str:
    text = _("%(row)s: %(column)s would be %(now)s, and was %(then)s. It follows from other rows.")
    now, then = state.get(name), item.wanted[name]
    return Reason(text % {"row": item.name, "column": name, "now": now, "then": then})


def reasons(error: Exception) -> list[str]:
    """The sentences of a refusal, with the rows that they name."""
    if isinstance(error, _Orphan):
        return []
    if isinstance(error, ValidationError):
        return list(error.messages)
    if isinstance(error, IPManagerError):
        return [error.args[0]]
    if isinstance(error, ProtectedError):
        names = ", ".join(sorted(map(str, error.protected_objects))[:5])
        return [Reason(_("It is in use: %s.") % names, *error.protected_objects)]
    return [_("The database refuses it: %s") % error]
