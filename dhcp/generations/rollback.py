"""Roll back to an earlier generation, and release the directory again.

Its files are put in place and dnsmasq reloads. From then on the directory is held, because the
ledger still says something else and the next sync would undo the rollback. Changes are saved and
wait until the directory is released."""

from __future__ import annotations

from operator import attrgetter

from core import files
from core.commands import manage_command
from core.errors import Conflict, NotFound
from dhcp.files import check
from dhcp.files.publish import lock
from dhcp.files.sync import PATIENCE, apply, sync
from dhcp.files.targets import DEFAULT, Target
from dhcp.generations.outcome import Outcome
from dhcp.models import DhcpServer, Generation, KeptFiles
from dhcp.nodes import lease
from dhcp.nodes.lease import Caller
from dhcp.querysets import LONG_TEXTS, holders_of, name_of
from names import render

MOST = 10  # clashes that are named


def rollback(number: int, target: Target | None = None, *, force: bool = False) -> Outcome:
    """Make its server serve what generation `number` said, and hold it there. Raises NotFound or
    Conflict; without `force` also where the ledger has given an address to a machine that dnsmasq
    does not know.

    The files of an agent's server are on the agent's host, which names them as `target`.
    """
    kept = KeptFiles.objects.filter(generation=number).select_related("generation__server").first()
    if kept is None:
        hint = manage_command("sync_dnsmasq --list")
        raise NotFound(f"generation {number} is not kept", hint=hint)
    reading = check.hosts_file(kept.hosts, None)
    complaints = reading.complaints + check.opts_file(kept.opts) + render.complaints(kept.names)
    if complaints:
        raise Conflict(f"our own check refuses generation {number}: {'; '.join(complaints)}")
    if not force and (clashes := given_away(reading.rows)):
        raise Conflict(
            f"addresses of generation {number} have other holders by now: {listed(clashes)}",
            hint="--force",
        )
    target = target or _place_of(kept.generation)
    if target.server_id != kept.generation.server_id:
        raise Conflict(f"generation {number} is of another DHCP server")
    with lock(target, PATIENCE), lease.claimed(target, Caller.PERSON) as claim:
        files.replace(target.held, str(number).encode())
        claim.hold(number)
        return apply(target, kept, claim)


def given_away(rows: list[check.Row]) -> list[str]:
    """The addresses that the ledger has given to a VM or to a server without a MAC since: dnsmasq
    has no lease of theirs that would warn it."""
    holders = holders_of(set(map(attrgetter("ip"), rows)))
    found = []
    for row in rows:
        holder = holders.get(row.ip)
        if holder is None:
            continue
        if holder.vm_id or not holder.mac_address:
            found.append(f"{row.ip} ({name_of(holder)})")
    return found


def listed(clashes: list[str]) -> str:
    text = ", ".join(clashes[:MOST])
    more = len(clashes) - MOST
    if more > 0:
        return f"{text} and {more} more"
    return text


def _place_of(generation: Generation) -> Target:
    server = generation.server
    if server and server.run_by == DhcpServer.RunBy.AGENT:
        command = manage_command(f"dnsmasq_agent --server {server.name} --rollback {generation.pk}")
        raise Conflict(
            f"{server.name} is run by an agent on its own host", hint=f"on its host: {command}"
        )
    return Target.of(server)


def release(target: Target | None = None) -> Outcome:
    """Let the ledger decide again; what has waited is applied now."""
    target = target or Target.from_settings()
    with lock(target, PATIENCE), lease.claimed(target, Caller.PERSON) as claim:
        target.held.unlink(missing_ok=True)
        claim.hold(None)
    return sync(target)


def back_to(number: int, *, force: bool = False) -> tuple[Target, Outcome]:
    """Roll back, and say whose files it was."""
    outcome = rollback(number, force=force)
    return Target.of(DhcpServer.objects.filter(pk=outcome.server_id or 0).first()), outcome


def newest(count: int, name: str | None = None) -> list[Generation]:
    """The last generations of all servers or of one, newest first, each with `kept`: whether one
    can go back to it."""
    whose = Generation.objects.all()
    if name == DEFAULT:
        whose = whose.filter(server=None)
    elif name:
        whose = whose.filter(server__name=name)
    rows = list(whose.defer(*LONG_TEXTS).select_related("server").order_by("-pk")[:count])
    kept = set(
        KeptFiles.objects.filter(generation__in=rows).values_list("generation_id", flat=True)
    )
    for row in rows:
        row.kept = row.pk in kept  # type: ignore[attr-defined]
    return rows
