"""One search over all kinds of rows: an address, a network, a MAC, a name or a part of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import Right, confines, may
from api.confinement import visible
from ipam.api.serializers import ServerDetails, SubnetDetails
from ipam.models import IPAddress, Server, Subnet

MAX_RESULTS = 20  # of each kind
MAX_LENGTH = 200  # of the text


class AddressDetails(serializers.ModelSerializer):
    ip_address = serializers.CharField()
    mac_address = serializers.CharField(allow_null=True)

    class Meta:
        model = IPAddress
        fields = ["id", "vrf", "ip_address", "status", "hostname", "mac_address", "vm_id"]


class FoundRows(serializers.Serializer):
    more = serializers.BooleanField(help_text="There are more than these; use the list itself.")


class FoundSubnets(FoundRows):
    results = SubnetDetails(many=True)


class FoundServers(FoundRows):
    results = ServerDetails(many=True)


class FoundAddresses(FoundRows):
    results = AddressDetails(many=True)


class FoundSerializer(serializers.Serializer):
    """The first rows of each kind that the caller may see."""

    subnets = FoundSubnets(required=False)
    servers = FoundServers(required=False)
    ip_addresses = FoundAddresses(required=False)


@dataclass(frozen=True)
class RowKind:
    """A kind of rows that the search looks through."""

    model: type[Model]
    serializer: type[serializers.ModelSerializer]
    right: Right
    ordering: tuple[str, ...]

    def find(self, request: Request, text: str) -> dict[str, Any]:
        networks = confines(request)
        rows: Any = self.model._default_manager.all()
        if networks and self.model is not Subnet:
            rows = rows.matching(text, networks)
        else:
            rows = rows.matching(text)
        rows = visible(rows, networks)
        found = list(rows.order_by(*self.ordering)[: MAX_RESULTS + 1])
        results = self.serializer(found[:MAX_RESULTS], many=True).data
        return {"results": results, "more": len(found) > MAX_RESULTS}


KINDS = {
    "subnets": RowKind(Subnet, SubnetDetails, Right("read", "ipam.view_subnet"), ("network", "pk")),
    "servers": RowKind(
        Server, ServerDetails, Right("read", "ipam.view_server"), ("hostname", "pk")
    ),
    "ip_addresses": RowKind(
        IPAddress, AddressDetails, Right("read", "ipam.view_ipaddress"), ("ip_address", "pk")
    ),
}


class MaySearch(BasePermission):
    """A caller who may see one kind of rows may search in it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return any(may(request, kind.right) for kind in KINDS.values())


class SearchView(APIView):
    permission_classes = [MaySearch]

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, required=True, description="At most 200 characters.")
        ],
        responses=FoundSerializer,
        tags=["search"],
    )
    def get(self, request: Request) -> Response:
        """An IP address finds the subnets around it, a network the rows inside it, other text a MAC
        or a part of a name."""
        text = request.query_params.get("q", "").strip()
        if not 0 < len(text) <= MAX_LENGTH:
            raise exceptions.ValidationError({"q": [_("Send 1 to %d characters.") % MAX_LENGTH]})
        found = {}
        for name, kind in KINDS.items():
            if may(request, kind.right):
                found[name] = kind.find(request, text)
        return Response(found)
