"""What must be true of every history, by name. Each check is pure: a history in, sentences about
its faults out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.history.calls import LOST, NEVER, NO, YES, Call, History, Line, is_vm
from tests.history.order import first_impossible

NOBODY = ""
UNKNOWN = "?"  # a call was lost: it may have got an address, or not
KEPT = ("reserve", "quarantine")


def one_owner(history: History) -> list[str]:
    """No address has two owners at once, and a released one can be had again."""
    return _by_address(history, lambda call: call.verb != "final" and not _says_exhausted(call))


def order_of_each_id(history: History) -> list[str]:
    """A VM has one address at a time, and is told of just that one."""
    return _by_id(history, lambda call: call.verb != "final")


def none_refused_while_free(history: History) -> list[str]:
    """Whoever is told "exhausted": there was a moment during the call when nothing was free."""
    return _by_address(history, lambda call: call.verb != "final") if not one_owner(history) else []


def nothing_lost(history: History) -> list[str]:
    """What the ledger says at the end follows from what callers were told."""
    return [
        *_by_address(history, lambda call: not _says_exhausted(call)),
        *_by_id(history, lambda call: True),
    ]


def nothing_twice(history: History) -> list[str]:
    """At the end every address has one row, and every VM one address."""
    ips = Counter(row.ip for row in history.rows)
    vms = Counter(row.owner for row in history.rows if is_vm(row.owner))
    return [f"{name} stands in {number} rows" for name, number in (ips + vms).items() if number > 1]


def history_tells_all(history: History) -> list[str]:
    """The ledger's own history has every allocation that was answered, passes nobody's address
    straight to a VM, and ends with what is."""
    told = {(line.ip, line.owner) for line in history.lines}
    given = {(call.ip, call.owner) for call in history.effects() if _gave(call)}
    faults = [f"no line says that {owner} had {ip}" for ip, owner in sorted(given - told)]
    newest: dict[str, Line] = {}
    for line in sorted(history.lines, key=lambda line: line.number):
        before = newest.get(line.ip)
        if before and is_vm(line.owner) and before.owner not in (line.owner, NOBODY):
            faults.append(f"{line.ip} goes from {before.owner} straight to {line.owner}")
        newest[line.ip] = line
    for row in history.rows:
        last = newest.get(row.ip) or Line(row.ip, "available", NOBODY)
        if (last.status, last.owner) != (row.status, row.owner):
            faults.append(
                f"the last line of {row.ip} says {last.status} {last.owner}; it is "
                f"{row.status} {row.owner}"
            )
    return faults


def leases_kept(history: History) -> list[str]:
    """No address is handed out while another machine has a lease of it."""
    return [
        f"{_text(call)}: another machine had a lease of it"
        for call in history.effects()
        for lease in history.leases
        if call.verb == "allocate"
        and _gave(call)
        and call.ip == lease.ip
        and lease.start <= call.start
        and call.end <= lease.end
    ]


def repeats_agree(history: History) -> list[str]:
    """All answers to one Idempotency-Key are the same."""
    told: dict[str, set[str]] = defaultdict(set)
    for call in history.calls:
        if call.key and call.answer == YES:
            told[call.key].add(call.ip)
    return [
        f"key {key} gave {' and '.join(sorted(ips))}" for key, ips in told.items() if len(ips) > 1
    ]


def answers(history: History) -> list[str]:
    """Nothing fails while all are alive; and in the windows "try later" (503) is all that a server
    says."""
    return [
        f"{_text(call)}: {call.status} {call.says}"
        for call in history.calls
        if call.answer == LOST
        and (call.status not in (0, 503) or not any(w.meets(call) for w in history.windows))
    ]


CHECKS: dict[str, Callable[[History], list[str]]] = {
    check.__name__: check
    for check in (
        one_owner,
        order_of_each_id,
        none_refused_while_free,
        nothing_lost,
        nothing_twice,
        history_tells_all,
        leases_kept,
        repeats_agree,
        answers,
    )
}


def faults(history: History) -> dict[str, list[str]]:
    """What each check that is not content has found."""
    found = {name: check(history) for name, check in CHECKS.items()}
    return {name: sentences for name, sentences in found.items() if sentences}


# --- the life of an address -----------------------------------------------------------------------


def _by_address(history: History, chosen: Callable[[Call], bool]) -> list[str]:
    calls = [call for call in history.effects() if chosen(call)]
    ghosts = sorted(
        (call.start, call.owner)
        for call in calls
        if call.verb == "allocate" and call.answer == LOST
    )
    concerning = _concerning(calls, history.pool)
    return list(_impossible(concerning, lambda ip: _address_step(ip, ghosts)))


def _concerning(calls: Iterable[Call], pool: frozenset[str]) -> dict[str, list[Call]]:
    """For each address what may have changed or seen who has it."""
    owners: dict[str, set[str]] = defaultdict(set)
    concerning: dict[str, list[Call]] = defaultdict(list)
    calls = list(calls)
    for call in calls:
        if _gave(call):
            owners[call.owner].add(call.ip)
    for call in calls:
        if call.verb == "release" and call.answer != NO:
            found: Iterable[str] = owners[call.owner]
        elif _says_exhausted(call):
            found = pool
        elif call.verb in ("release", "show") or not call.ip:
            found = ()  # the order of the id has these
        else:
            found = (call.ip,)
        for ip in found:
            concerning[ip].append(call)
    return concerning


def _address_step(ip: str, ghosts: list[tuple[float, str]]) -> Callable[[Any, Call], list[str]]:
    """The state is who has it. A lost allocation may have given it to a ghost, of whom nobody was
    told."""

    def step(owner: str, call: Call) -> list[str]:
        found = [after for after in _turns(owner, call) if after is not None]
        if call.answer == LOST:
            return found
        if not found and owner == NOBODY and _may_be_a_ghost(call):
            return [NOBODY]
        return found

    def _may_be_a_ghost(call: Call) -> bool:
        haunting = {name for start, name in ghosts if start <= call.end}
        if call.verb == "final":
            return call.owner in haunting
        return bool(haunting) and (call.answer == NO or call.verb == "release_by_ip")

    return step


def _turns(owner: str, call: Call) -> list[str | None]:
    """What the call makes of the owner; None: it cannot have happened so."""
    after = _after(owner, call)
    if call.answer == NO:
        return [owner if after is None else None]
    return [owner if after is None else after] if call.answer == LOST else [after]


def _after(owner: str, call: Call) -> str | None:
    """Whose it is when the call is granted; None when it must be refused."""
    match call.verb:
        case "allocate" if call.answer == NO:
            return NOBODY if owner == NOBODY else None  # somebody was told that all is taken
        case "allocate":
            return call.owner if owner in (NOBODY, call.owner) else None
        case "post":
            return call.owner if owner == NOBODY else None
        case "release":
            return NOBODY if owner == call.owner else owner
        case "release_by_ip":
            return NOBODY if is_vm(owner) else None
        case "free":
            return NOBODY
        case "reserve":
            return "reserve" if owner in (NOBODY, "reserve") else None
        case "quarantine":
            return "quarantine" if not is_vm(owner) else None
        case "final":
            return owner if owner == call.owner else None
    raise ValueError(call.verb)


# --- the life of a VM -----------------------------------------------------------------------------


def _by_id(history: History, chosen: Callable[[Call], bool]) -> list[str]:
    calls = [call for call in history.effects() if chosen(call)]
    taken: dict[str, list[Call]] = defaultdict(list)
    mine: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.verb in ("release_by_ip", "free"):
            taken[call.ip].append(call)
        elif is_vm(call.owner):
            mine[call.owner].append(call)
    for found in mine.values():
        had = list(_had(found))
        met = {
            ip: [call for call in taken[ip] if _meets(call, had, ip)]
            for ip in {ip for ip, _from, _to in had}
        }
        found += [call for ip in sorted(met) for call in met[ip]]
    if any(call.verb == "final" for call in calls):
        last = max(call.end for call in calls) + 1
        settled = {call.owner for call in calls if call.verb == "final"}
        for owner in mine.keys() - settled:
            mine[owner].append(Call("show", last, last, NO, owner))
    return list(_impossible(mine, lambda owner: _id_step))


def _had(calls: list[Call]) -> Iterator[tuple[str, float, float]]:
    """When the VM may have had which address: from the call that told of it until one that told
    otherwise is over."""
    for number, call in enumerate(calls):
        if call.ip:
            others = (
                later
                for later in calls[number + 1 :]
                if later.answer != LOST and later.ip != call.ip
            )
            yield (
                call.ip,
                call.start,
                next((later.end for later in others if later.start > call.end), NEVER),
            )


def _meets(call: Call, had: list[tuple[str, float, float]], ip: str) -> bool:
    """Whether the call can have taken the address while the VM had it."""
    return any(
        ip == this and call.start <= end and start <= call.returned for this, start, end in had
    )


def _id_step(ip: str, call: Call) -> list[str]:
    """The state is what the VM has: an address, nothing, or what nobody knows."""
    match call.verb, call.answer:
        case "allocate", "yes":
            return [call.ip] if ip in (NOBODY, UNKNOWN, call.ip) else []
        case "allocate", "lost":
            return [UNKNOWN if ip == NOBODY else ip]
        case (("show" | "final"), "yes"):
            return [call.ip] if ip in (UNKNOWN, call.ip) else []
        case (("allocate" | "show" | "release"), "no"):
            return [NOBODY] if ip in (NOBODY, UNKNOWN) else []
        case "release", "yes":
            return [NOBODY] if ip != NOBODY else []
        case "release", "lost":
            return [NOBODY]
        case "release_by_ip", "no":
            return [ip] if ip != call.ip else []
        case (("release_by_ip" | "free"), _):
            return [NOBODY if ip == call.ip else ip]
    return [ip]


# --- in common ------------------------------------------------------------------------------------


def _impossible(concerning: dict[str, list[Call]], step_of: Callable[[str], Any]) -> Iterator[str]:
    for name, calls in sorted(concerning.items()):
        if wrong := first_impossible(calls, step_of(name), NOBODY):
            yield f"{name}: no order explains {_text(wrong)}"


def _says_exhausted(call: Call) -> bool:
    return call.verb == "allocate" and call.answer == NO


def _gave(call: Call) -> bool:
    return call.verb in ("allocate", "post") and call.answer == YES


def _text(call: Call) -> str:
    named = " ".join(part for part in (call.owner, call.ip) if part)
    return f"[{call.start:.3f} to {call.end:.3f}] {call.verb} {named}: {call.answer}"
