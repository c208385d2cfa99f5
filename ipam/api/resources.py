"""The REST resources of the ledger: each action checks the shape, calls a function of `ipam` and
returns the row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import BaseSerializer

from api.access import Right, confines, is_admin
from api.bulk import BULK_RESULT, RowData, RowsRefused, for_each_row, invalid, row_with_key
from api.confinement import visible
from api.known_fields import checked, refuse_body
from api.resources import Resource, StrictFilterBackend
from core.errors import Invalid, Reason
from ipam import allocate as verbs
from ipam import available_prefix
from ipam.addresses import Network
from ipam.api import filters, past_names
from ipam.api import serializers as shapes
from ipam.api.bulk import make_addresses, make_servers
from ipam.api.export import Export
from ipam.api.sightings import Sightings
from ipam.api.usage import (
    DaysSerializer,
    PoolUsageSerializer,
    ShowsUsage,
    UsageOrderingFilter,
    UsageSerializer,
    of_pool,
    of_subnet,
)
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet
from ipam.querysets import lock_ledger
from ipam.sightings import in_use
from ipam.usage import history, pool_usage, usage
from ipam.usage.children import children_with_free
from ipam.usage.ranking import FIGURES

JSON = dict[str, Any]
CHANGE_ADDRESS = "ipam.change_ipaddress"
DAYS = OpenApiParameter("days", int, description="So many days of the past; 90 unless asked.")


class VRFs(Resource):
    """Address spaces of their own."""

    queryset = VRF.objects.order_by("name")
    serializer_class = as_of_class = shapes.VRFSerializer
    filterset_class = filters.VRFFilters
    ordering_fields = ["name", "created_at", "updated_at"]
    scope = "subnets"


class Subnets(ShowsUsage, Export, Resource):
    """Networks and what their machines need to know."""

    exported = "subnets"
    queryset = Subnet.objects.prefetch_related("pools").order_by("network", "pk")
    serializer_class = shapes.MeasuredSubnetSerializer
    plain_class = as_of_class = shapes.SubnetSerializer
    computed_now = FIGURES[Subnet]
    filterset_class = filters.SubnetFilters
    filter_backends = [StrictFilterBackend, UsageOrderingFilter]
    ordering_fields = [
        *("network", "name", "vlan_id", "site", "created_at", "updated_at"),
        *FIGURES[Subnet],
    ]
    scope = "subnets"
    rights = {
        "next_free": Right("read", "ipam.view_ipaddress"),
        "allocate": Right("allocate", CHANGE_ADDRESS),
        "usage": Right("read", "ipam.view_subnet"),
        "next_free_subnet": Right("read", "ipam.view_subnet"),
        "carve": Right("subnets", "ipam.add_subnet"),
    }
    parameters = {
        **Resource.parameters,
        "destroy": ("force",),
        "next_free": ("pool", "not_before"),
        "next_free_subnet": ("length",),
        "usage": ("days",),
    }

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "force",
                bool,
                description="Keep addresses in use in the parent. Administrators only.",
            )
        ]
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Refused with 409 and the addresses while some are in use."""
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, instance: Subnet) -> None:
        force = self.request.query_params.get("force", "").lower() in ("1", "true")
        if force and not is_admin(self.request):
            raise exceptions.PermissionDenied(_("Only administrators may delete by force."))
        instance.delete(force=force)

    @extend_schema(
        parameters=[
            OpenApiParameter("pool", int, description="Only from this pool of the subnet."),
            OpenApiParameter("not_before", str, description="Only this address and higher ones."),
        ],
        responses=shapes.NextFreeSerializer,
    )
    @action(detail=True, url_path="next-free", filterset_class=None)
    def next_free(self, request: Request, pk: str | None = None) -> Response:
        """The address that would be allocated now. It is not reserved."""
        subnet = self.get_object()
        where = checked(shapes.WhereSerializer, request, request.query_params)
        _check_pool(subnet, where.get("pool"))
        address = verbs.next_free(subnet, **where)
        body: dict[str, Any] = {"ip_address": _text(address)}
        if address is None and (children := children_with_free(subnet)):
            body["children"] = [child.as_dict() for child in children]
        return Response(body)

    @extend_schema(
        request=shapes.AllocateSerializer,
        responses={200: shapes.IPAddressSerializer, 201: shapes.IPAddressSerializer},
        description="Allocate an address: 201, or 200 when this VM has it already; 409 when none "
        "is free.",
    )
    @next_free.mapping.post
    def allocate(self, request: Request, pk: str | None = None) -> Response:
        subnet, asked = self.get_object(), checked(shapes.AllocateSerializer, request)
        _check_pool(subnet, asked.get("pool"))
        given = verbs.allocate(subnet, **asked)
        row = IPAddress.objects.select_related("subnet", "server").get(pk=given.row.pk)
        return Response(shapes.IPAddressSerializer(row).data, status=200 if given.existing else 201)

    @extend_schema(parameters=[DAYS], responses=UsageSerializer)
    @action(detail=True, filterset_class=None)
    def usage(self, request: Request, pk: str | None = None) -> Response:
        """How full it is, was on each of the last days, and when it will be full."""
        subnet, number = self.get_object(), _days(request)
        past = history.days(subnet.pk, number=number)
        return Response(of_subnet(usage([subnet])[subnet.pk], past))

    @extend_schema(
        parameters=[
            OpenApiParameter("length", int, required=True, description="Prefix length, as 26.")
        ],
        responses=shapes.FreeNetworkSerializer,
    )
    @action(detail=True, url_path="next-free-subnet", filterset_class=None)
    def next_free_subnet(self, request: Request, pk: str | None = None) -> Response:
        """The next network of this length without subnets and addresses in use."""
        subnet = self.get_object()
        asked = checked(shapes.LengthSerializer, request, request.query_params)
        network = available_prefix.available_network(subnet, asked["length"])
        return Response({"network": str(network)})

    @extend_schema(
        request=shapes.NewSubnetSerializer,
        responses={201: shapes.SubnetSerializer},
        description="Make the next free subnet of this length; of many callers at once, each gets "
        "its own.",
    )
    @next_free_subnet.mapping.post
    def carve(self, request: Request, pk: str | None = None) -> Response:
        subnet, asked = self.get_object(), checked(shapes.NewSubnetSerializer, request)
        with transaction.atomic():
            row = self.again(available_prefix.create_subnet(subnet, **asked))
        return self.shown(row, status=201)


class Pools(ShowsUsage, Resource):
    """Ranges of a subnet: IPManager allocates from static ones, dnsmasq from DHCP ones."""

    queryset = Pool.objects.select_related("subnet").order_by("first", "pk")
    serializer_class = shapes.MeasuredPoolSerializer
    plain_class = as_of_class = shapes.PoolSerializer
    computed_now = FIGURES[Pool]
    filterset_class = filters.PoolFilters
    filter_backends = [StrictFilterBackend, UsageOrderingFilter]
    ordering_fields = ["first", "kind", "created_at", "updated_at", *FIGURES[Pool]]
    scope = "subnets"
    rights = {"usage": Right("read", "ipam.view_pool")}
    parameters = {**Resource.parameters, "usage": ("days",)}

    @extend_schema(parameters=[DAYS], responses=PoolUsageSerializer)
    @action(detail=True, filterset_class=None)
    def usage(self, request: Request, pk: str | None = None) -> Response:
        """How full it is, was on each of the last days, and when it will be full."""
        pool, number = self.get_object(), _days(request)
        past = history.days(pool.subnet_id, pool.pk, number)
        return Response(of_pool(pool.kind, pool_usage([pool])[pool.pk], past))


@extend_schema_view(
    destroy=extend_schema(description="Frees the address; a free row of a static pool stays.")
)
class IPAddresses(Export, Resource):
    """Addresses and who has them."""

    exported = "ip-addresses"
    queryset = IPAddress.objects.select_related("subnet", "server").order_by("ip_address", "pk")
    serializer_class = as_of_class = shapes.IPAddressSerializer
    present_facts = ["active"]
    filterset_class = filters.IPAddressFilters
    ordering_fields = [
        "ip_address",
        "status",
        "ip_type",
        "hostname",
        "mac_address",
        "vm_id",
        "freed_at",
        "created_at",
        "updated_at",
    ]
    scope = "addresses"
    rights = {
        name: Right("addresses", CHANGE_ADDRESS)
        for name in ("reserve", "release", "quarantine", "bulk_status")
    }

    def confine(self, rows: QuerySet[IPAddress], networks: list[Network]) -> QuerySet[IPAddress]:
        """A subnet around the networks is not shown with the addresses."""
        around = Prefetch("subnet", Subnet.objects.confined(networks))
        rows = visible(rows, networks).select_related(None)
        return rows.select_related("server").prefetch_related(around)

    def past_queryset(self, moment: datetime) -> Any:
        """Addresses in use; those of a subnet lie in its network, so that no others are read."""
        if "available" in self.request.query_params.getlist("status"):
            message = _("Free addresses follow from the pools: who-had says where one was free.")
            raise exceptions.ValidationError({"status": [message]})
        rows: Any = self.get_queryset()
        key = self.request.query_params.get("subnet", "")
        if not key.isdecimal():
            return rows
        subnet = Subnet.objects.filter(pk=key[:18]).first()
        return rows.within(subnet.network) if subnet else rows

    def past_facts(self, rows: Sequence[IPAddress]) -> dict[int, JSON]:
        return {row.pk: past_names.of_address(row) for row in rows}

    def perform_create(self, serializer: BaseSerializer) -> None:
        """Take the free row of a pool, or make a row."""
        asked = serializer.validated_data
        with transaction.atomic():
            lock_ledger()
            if asked.get("status", "available") != "available":
                free = IPAddress.objects.filter(
                    vrf=asked.get("vrf"), ip_address=asked["ip_address"]
                )
                serializer.instance = free.filter(status="available").select_for_update().first()
            if serializer.instance:
                serializer.instance.freed_at = None
            serializer.save()

    def create_rows(self, rows: Sequence[RowData]) -> list[int]:
        """Together if all rows are valid; otherwise one by one, which names the errors."""
        shape = self.get_serializer(data=rows, many=True)
        if shape.is_valid():
            lock_ledger()
            if made := make_addresses(shape.validated_data):
                return made
        return super().create_rows(rows)

    def perform_destroy(self, instance: IPAddress) -> None:
        verbs.release(instance)

    @extend_schema(request=shapes.ReasonSerializer, responses=shapes.IPAddressSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def reserve(self, request: Request, pk: str | None = None) -> Response:
        """Reserve a free address."""
        return self.changed_by(
            verbs.reserve, checked(shapes.ReasonSerializer, request)["description"]
        )

    @extend_schema(request=None, responses=shapes.IPAddressSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def release(self, request: Request, pk: str | None = None) -> Response:
        """Free the address. Outside of static pools this deletes its row: `id` is null."""
        refuse_body(request)
        return self.changed_by(verbs.release)

    @extend_schema(request=shapes.ReasonSerializer, responses=shapes.IPAddressSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def quarantine(self, request: Request, pk: str | None = None) -> Response:
        """Take the address out of use because of a fault."""
        return self.changed_by(
            verbs.quarantine, checked(shapes.ReasonSerializer, request)["description"]
        )

    @extend_schema(request=shapes.StatusesSerializer, responses=BULK_RESULT)
    @action(
        detail=False,
        methods=["post"],
        url_path="bulk-status",
        filterset_class=None,
        pagination_class=None,
    )
    def bulk_status(self, request: Request) -> Response:
        """Reserve, release or quarantine many addresses, all of them or none."""
        asked = checked(shapes.StatusesSerializer, request)
        verb, fields = VERBS[asked["status"]]
        arguments = [asked[name] for name in fields]
        with transaction.atomic():
            self.lock_rows()
            existing = self.found(asked["ids"])
            for_each_row(asked["ids"], lambda key: verb(row_with_key(existing, key), *arguments))
        return Response({"count": len(asked["ids"]), "ids": asked["ids"]})

    def changed_by(self, verb: Any, *arguments: str) -> Response:
        """The row after the verb."""
        with transaction.atomic():
            before = self.locked()
            row = verb(before, *arguments)
        if row.pk:
            return self.shown(self.again(row))
        row.subnet = before.subnet  # as this caller may see it
        return self.shown(row)


# The verb for each status, and the fields that it needs.
VERBS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "reserved": (verbs.reserve, ("description",)),
    "available": (verbs.release, ()),
    "quarantine": (verbs.quarantine, ("description",)),
}


class Servers(Export, Resource):
    """Machines. The ledger places their addresses."""

    exported = "servers"
    queryset = Server.objects.prefetch_related("interfaces").order_by("hostname", "pk")
    serializer_class = as_of_class = shapes.ServerSerializer
    filterset_class = filters.ServerFilters
    ordering_fields = [
        "hostname",
        "ip_address",
        "mac_address",
        "location",
        "created_at",
        "updated_at",
    ]
    scope = "addresses"

    def confine(self, rows: QuerySet[Server], networks: list[Network]) -> QuerySet[Server]:
        """Interfaces with an address elsewhere are not shown with their server."""
        own = Prefetch("interfaces", Interface.objects.confined(networks))
        return visible(rows, networks).prefetch_related(None).prefetch_related(own)

    def past_facts(self, rows: Sequence[Server]) -> dict[int, JSON]:
        return past_names.of_servers(rows, confines(self.request))

    def create_rows(self, rows: Sequence[RowData]) -> list[int]:
        """Check and write them together: the number of queries grows with the chunks, not with the
        rows."""
        shape = self.get_serializer(data=rows, many=True)
        if not shape.is_valid():
            errors: Any = shape.errors  # by the rows' numbers
            refusals = {number: invalid(found) for number, found in errors.items()}
            raise RowsRefused(refusals, len(rows))
        lock_ledger()
        return make_servers(shape.validated_data)

    def warnings(self, ids: Sequence[int]) -> list[str]:
        return _warnings(ids)


class Interfaces(Export, Resource):
    """Further network cards and BMCs of servers."""

    exported = "interfaces"
    queryset = Interface.objects.select_related("server").order_by("server", "name", "pk")
    serializer_class = as_of_class = shapes.InterfaceSerializer
    filterset_class = filters.InterfaceFilters
    ordering_fields = ["name", "ip_address", "mac_address", "created_at", "updated_at"]
    scope = "addresses"

    def warnings(self, ids: Sequence[int]) -> list[str]:
        servers = Interface.objects.filter(pk__in=ids).exclude(ip_address=None)
        return _warnings(servers.values_list("server", flat=True))


def register(router: SimpleRouter) -> None:
    """Register the ledger's resources under their names."""
    for name, view in RESOURCES.items():
        router.register(name, view)


RESOURCES = {
    "vrfs": VRFs,
    "subnets": Subnets,
    "pools": Pools,
    "ip-addresses": IPAddresses,
    "servers": Servers,
    "interfaces": Interfaces,
    "sightings": Sightings,
}


def _warnings(server_ids: Iterable[int]) -> list[str]:
    """The reservations that these servers have taken, and who else uses their addresses."""
    ids = list(server_ids)
    rows = IPAddress.objects.took_reservations(ids)
    return [*(row.taken_reservation for row in rows), *in_use.warnings(ids)]


def _days(request: Request) -> int:
    """How many days of the past are asked for."""
    asked = DaysSerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return asked.validated_data["days"]


def _check_pool(subnet: Subnet, pool: Pool | None) -> None:
    """Raises Invalid for a pool of another subnet."""
    if pool and pool.subnet_id != subnet.pk:
        text = _("%(pool)s is not a pool of %(subnet)s.")
        raise Invalid(Reason(text % {"pool": pool, "subnet": subnet}, pool, subnet))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
