"""Previews that carry a change out and take it back, so that they show just what applying does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import transaction
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dhcp.admin.generations import coloured
from dhcp.files import candidate
from dhcp.files.difference import difference
from dhcp.files.records import Files
from dhcp.files.targets import Target
from dhcp.servers import ServerSelector
from ipam.models import Subnet

T = TypeVar("T")


@dataclass(frozen=True)
class Effect(Generic[T]):
    """What a change does: what its work has found, and what dnsmasq would be told."""

    found: T
    diff: SafeString | str
    shows_diff: bool


def effect(request: HttpRequest, subnet: Subnet, work: Callable[[Subnet], T]) -> Effect[T]:
    """Do the work on a subnet and take it back. Raises what the work raises."""
    return taken_back(request, subnet, lambda: work(Subnet.objects.get(pk=subnet.pk)))


def taken_back(request: HttpRequest, served: Subnet | None, work: Callable[[], T]) -> Effect[T]:
    """Do the work and take it back; its files are those of the DHCP server of this subnet, or the
    default one's. Raises what the work raises."""
    target = _target(request, served)
    with transaction.atomic():
        before = _files(target)
        found = work()
        after = _files(target)
        transaction.set_rollback(True)
    return Effect(found, _diff(before, after), target is not None)


def _target(request: HttpRequest, subnet: Subnet | None) -> Target | None:
    """The files of the DHCP server that serves it; None if they are elsewhere, or not shown."""
    selector = ServerSelector.load()
    server = selector.servers.get(selector.server_id_for(subnet) or 0)
    is_elsewhere = server is not None and server.run_by == server.RunBy.AGENT
    if is_elsewhere or not request.user.has_perm("dhcp.view_generation"):
        return None
    return Target.of(server)


def _files(target: Target | None) -> Files:
    if target is None:
        return Files()
    return candidate.build(target).new


def _diff(before: Files, after: Files) -> SafeString | str:
    """What dnsmasq will be told."""
    kinds = (
        (before.conf or b"", after.conf or b""),
        (before.opts, after.opts),
        (before.hosts, after.hosts),
        (before.names, after.names),
    )
    names = (_("now"), _("then"))
    texts = [difference(old, new, names) for old, new in kinds]
    return coloured("\n".join(filter(None, texts)))
