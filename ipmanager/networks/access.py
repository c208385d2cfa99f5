"""Who may see what on these pages: by the permissions of the models, as everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from changes.log.rights import Reader
from dhcp.models import DhcpScope
from discovery.conflicts.models import Conflict
from ipam.admin.pickers import is_key
from ipam.models import VRF, IPAddress, Server, Sighting, Subnet

View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Sees:
    """What this reader may see besides the subnets."""

    addresses: bool
    servers: bool
    vrfs: bool
    sightings: bool
    scopes: bool
    conflicts: bool

    @classmethod
    def of(cls, request: HttpRequest) -> Sees:
        models = (IPAddress, Server, VRF, Sighting, DhcpScope, Conflict)
        return cls(*map(Reader.of(request).may_view, models))


def needs(*models: Any) -> Callable[[View], View]:
    """Refuse the page to those who may not view all of these models."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not all(map(Reader.of(request).may_view, models)):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return checked

    return decorate


def find_subnet(key: int) -> Subnet:
    """The subnet with its VRF. Raises Http404."""
    subnet = None
    if is_key(str(key)):
        subnet = Subnet.objects.select_related("vrf").filter(pk=key).first()
    if subnet is None:
        raise Http404
    return subnet
