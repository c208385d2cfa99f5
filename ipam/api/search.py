"""One search over everything: an address, a network, a MAC, a name or a part of one."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import Right, confines, may
from ipam.api.serializers import ServerDetails, SubnetDetails
from ipam.models import IPAddress, Server, Subnet

FEW = 20  # of each kind
LONGEST = 200


class AddressDetails(serializers.ModelSerializer):
    ip_address = serializers.CharField()
    mac_address = serializers.CharField(allow_null=True)

    class Meta:
        model = IPAddress
        fields = ["id", "vrf", "ip_address", "status", "hostname", "mac_address", "vm_id"]


class Found(serializers.Serializer):
    more = serializers.BooleanField(help_text="There are more than these; ask the list itself.")


class FoundSubnets(Found):
    results = SubnetDetails(many=True)


class FoundServers(Found):
    results = ServerDetails(many=True)


class FoundAddresses(Found):
    results = AddressDetails(many=True)


class FoundSerializer(serializers.Serializer):
    """The best of each kind that the caller may see."""

    subnets = FoundSubnets(required=False)
    servers = FoundServers(required=False)
    ip_addresses = FoundAddresses(required=False)


KINDS: dict[str, tuple[Any, Any, str, tuple[str, ...]]] = {
    "subnets": (Subnet, SubnetDetails, "ipam.view_subnet", ("network", "pk")),
    "servers": (Server, ServerDetails, "ipam.view_server", ("hostname", "pk")),
    "ip_addresses": (IPAddress, AddressDetails, "ipam.view_ipaddress", ("ip_address", "pk")),
}


class MaySearch(BasePermission):
    """Whoever may see one kind of rows may search in it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return any(
            may(request, Right("read", permission))
            for _model, _shape, permission, _order in KINDS.values()
        )


class Search(APIView):
    permission_classes = [MaySearch]

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, required=True, description="At most 200 characters.")
        ],
        responses=FoundSerializer,
        tags=["search"],
    )
    def get(self, request: Request) -> Response:
        """An IP address finds the subnets around it, a network what lies in it; else a MAC or a
        part of a name."""
        text = request.query_params.get("q", "").strip()
        if not 0 < len(text) <= LONGEST:
            raise exceptions.ValidationError({"q": [_("Give 1 to %d characters.") % LONGEST]})
        allowed = {
            name: kind for name, kind in KINDS.items() if may(request, Right("read", kind[2]))
        }
        return Response({name: _found(request, text, *kind) for name, kind in allowed.items()})


def _found(
    request: Request, text: str, model: Any, shape: Any, permission: str, order: tuple[str, ...]
) -> Any:
    rows, networks = model.objects.matching(text), confines(request)
    found = list((rows.confined(networks) if networks else rows).order_by(*order)[: FEW + 1])
    return {"results": shape(found[:FEW], many=True).data, "more": len(found) > FEW}
