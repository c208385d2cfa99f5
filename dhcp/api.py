"""The REST API of DHCP: scopes and servers, changes and generations, leases, and the actions of the
sync page.

A DHCP server names paths and processes of its host, so only administrators change one. Rows that
belong to no network have `confine = None`: a token that is confined to networks cannot read
them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django_filters as filters
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from api.access import Right, confines
from api.confinement import RowFilter
from api.known_fields import checked, refuse_body
from api.resources import Readable, Resource, refuse_unknown
from core.errors import Invalid
from dhcp import serializers as shapes
from dhcp import servers
from dhcp.daemon import heartbeat
from dhcp.daemon.heartbeat import HeartbeatState
from dhcp.edits import decide
from dhcp.files.sync import sync
from dhcp.files.targets import DEFAULT, Target
from dhcp.generations import rollback
from dhcp.leases import adopt
from dhcp.leases.intervals.api import LastedThen, LeaseIntervals
from dhcp.models import (
    DhcpChange,
    DhcpScope,
    DhcpServer,
    DhcpTransaction,
    Eviction,
    Generation,
    HandEdit,
    KeptFiles,
    Lease,
)
from dhcp.querysets import LONG_TEXTS
from dhcp.state.why import why
from ipam.addresses import Network
from ipam.api.filters import by_address, by_mac, by_network, inside
from ipam.api.serializers import ServerSerializer
from ipam.models import Subnet

SYNC = Right("admin", "dhcp.change_generation")
DECIDE = Right("addresses", "dhcp.change_handedit")
RESERVE_PERMISSIONS = ["ipam.add_server", "ipam.change_server"]


def filter_by_server(queryset: QuerySet, name: str, value: str) -> QuerySet:
    """The rows of the server of this name; `default` for those without a server."""
    if value == DEFAULT:
        return queryset.filter(server=None)
    return queryset.filter(server__name=value)


def server_filter() -> filters.CharFilter:
    return filters.CharFilter(
        method=filter_by_server, max_length=50, label="A server's name, or `default`."
    )


class ServerFilters(filters.FilterSet):
    name = filters.CharFilter(max_length=50)
    site = filters.CharFilter(max_length=100)
    enabled = filters.BooleanFilter()
    run_by = filters.ChoiceFilter(choices=DhcpServer.RunBy.choices)

    class Meta:
        model = DhcpServer
        fields: list[str] = []


class ScopeFilters(filters.FilterSet):
    subnet = RowFilter(queryset=Subnet.objects.all())
    within = by_network(method="filter_within", label="Scopes of subnets inside this network.")
    server = RowFilter(queryset=DhcpServer.objects.all(), null_label="none", null_value="none")
    enabled = filters.BooleanFilter()
    known_only = filters.BooleanFilter()

    class Meta:
        model = DhcpScope
        fields: list[str] = []

    def filter_within(self, queryset: QuerySet, name: str, value: Network) -> QuerySet:
        return queryset.filter(subnet__in=Subnet.objects.all().within(value))


class ChangeFilters(filters.FilterSet):
    server = server_filter()
    kind = filters.ChoiceFilter(choices=DhcpChange.Kind.choices)
    action = filters.ChoiceFilter(choices=DhcpChange.Action.choices)

    class Meta:
        model = DhcpChange
        fields: list[str] = []


class GenerationFilters(filters.FilterSet):
    server = server_filter()
    result = filters.MultipleChoiceFilter(choices=Generation.Result.choices)

    class Meta:
        model = Generation
        fields: list[str] = []


class HandEditFilters(filters.FilterSet):
    server = server_filter()
    state = filters.ChoiceFilter(choices=HandEdit.State.choices)
    file = filters.ChoiceFilter(choices=HandEdit.File.choices)

    class Meta:
        model = HandEdit
        fields: list[str] = []


class LeaseFilters(filters.FilterSet):
    ip_address = by_address()
    within = by_network(field_name="ip_address", method=inside, label="Leases inside this network.")
    mac = by_mac(field_name="mac_address")
    verdict = filters.ChoiceFilter(choices=Lease.Verdict.choices)
    live = filters.BooleanFilter(
        method="filter_live", label="Live leases, or those that have ended."
    )

    class Meta:
        model = Lease
        fields: list[str] = []

    def filter_live(self, queryset: QuerySet[Lease], name: str, value: bool) -> QuerySet[Lease]:
        live = Lease.objects.live().values("pk")
        if value:
            return queryset.filter(pk__in=live)
        return queryset.exclude(pk__in=live)


class TransactionFilters(filters.FilterSet):
    ip_address = by_address()
    within = by_network(field_name="ip_address", method=inside, label="Inside this network.")
    mac = by_mac(field_name="mac_address")
    kind = filters.MultipleChoiceFilter(choices=DhcpTransaction.Kind.choices)
    server = server_filter()

    class Meta:
        model = DhcpTransaction
        fields: list[str] = []


class EvictionFilters(filters.FilterSet):
    ip_address = by_address()
    mac = by_mac(field_name="mac_address")

    class Meta:
        model = Eviction
        fields: list[str] = []


class Servers(Resource):
    """Further DHCP servers. The default one is configured by the settings and has no row."""

    queryset = DhcpServer.objects.select_related("report").order_by("name")
    serializer_class = shapes.DhcpServerSerializer
    filterset_class = ServerFilters
    ordering_fields = ["name", "site", "last_seen_at"]
    scope = "admin"
    confine = None  # type: ignore[assignment]


class Scopes(Resource):
    """How subnets are served, with the DHCP options of their machines."""

    queryset = (
        DhcpScope.objects.select_related("subnet")
        .prefetch_related("options")
        .order_by("subnet__network", "pk")
    )
    serializer_class = as_of_class = shapes.ScopeSerializer
    filterset_class = ScopeFilters
    ordering_fields = ["subnet__network", "lease_time"]
    scope = "subnets"


class Changes(Readable):
    """Changes of the ledger that are not applied yet."""

    queryset = DhcpChange.objects.select_related("server").order_by("pk")
    serializer_class = shapes.ChangeSerializer
    filterset_class = ChangeFilters
    ordering_fields = ["at"]
    confine = None  # type: ignore[assignment]


class Generations(Readable):
    """Attempts to apply the ledger to a dnsmasq, with their results."""

    queryset = (
        Generation.objects.select_related("server")
        .annotate(kept=Exists(KeptFiles.objects.filter(generation=OuterRef("pk"))))
        .order_by("-pk")
    )
    serializer_class = shapes.WholeGenerationSerializer
    filterset_class = GenerationFilters
    ordering_fields = ["created_at"]
    confine = None  # type: ignore[assignment]
    rights = {"rollback": SYNC}

    def get_queryset(self) -> QuerySet[Generation]:
        """Lists without the long texts: a difference may be 100 kB."""
        rows = super().get_queryset()
        if self.action == "list":
            return rows.defer(*LONG_TEXTS, "problems", "probes")
        return rows

    def get_serializer_class(self) -> type[BaseSerializer]:
        if self.action == "list":
            return shapes.GenerationSerializer
        return shapes.WholeGenerationSerializer

    @extend_schema(request=None, responses=shapes.OutcomeSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def rollback(self, request: Request, pk: str) -> Response:
        """Serve the files of this generation, and keep them until `dhcp/release/`."""
        refuse_body(request)
        self.get_object()
        return Response(rollback.rollback(int(pk)).as_json())


class HandEdits(Readable):
    """Changes that were made in dnsmasq's files with an editor."""

    queryset = HandEdit.objects.select_related("server").order_by("pk")
    serializer_class = shapes.HandEditSerializer
    filterset_class = HandEditFilters
    ordering_fields = ["found_at", "decided_at"]
    confine = None  # type: ignore[assignment]
    rights = {"adopt": DECIDE, "discard": DECIDE}

    @extend_schema(request=None, responses=shapes.HandEditSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def adopt(self, request: Request, pk: str) -> Response:
        """Change the ledger as the edited line says."""
        return self.decided(decide.adopt)

    @extend_schema(request=None, responses=shapes.HandEditSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def discard(self, request: Request, pk: str) -> Response:
        """Restore the ledger's line."""
        return self.decided(decide.discard)

    def decided(self, verb: Callable[[HandEdit, str], None]) -> Response:
        refuse_body(self.request)
        _require(self.request, RESERVE_PERMISSIONS)
        verb(self.get_object(), self.request.user.get_username())
        return self.shown(self.get_object())


class Leases(LastedThen, Readable):
    """The leases of the lease files, each with the ledger's verdict. As of a moment, the intervals
    that lasted then."""

    computed_now = ["verdict", "live", "seen_at", "leased_until"]
    queryset = Lease.objects.leases().judged().order_by("ip_address", "pk")
    serializer_class = shapes.LeaseSerializer
    filterset_class = LeaseFilters
    ordering_fields = ["ip_address", "leased_until", "seen_at", "hostname"]
    rights = {"reserve": Right("addresses", "ipam.add_server")}

    @extend_schema(request=shapes.ReserveSerializer, responses={201: ServerSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def reserve(self, request: Request, pk: str) -> Response:
        """Reserve the address: for a new server, or for a known one that has none. 409 when the
        lease has ended."""
        asked = checked(shapes.ReserveSerializer, request)
        _require(request, RESERVE_PERMISSIONS)
        if confines(request):  # the known server may be outside the token's networks
            text = _("This token is confined to networks. Create the server itself.")
            raise exceptions.PermissionDenied(text)
        lease = self.get_object()
        adopt.refuse_ended(lease)
        server = adopt.adopt(lease, asked["hostname"])
        return Response(ServerSerializer(server).data, status=201)


class Transactions(Readable):
    """What dnsmasq has logged of each machine: asked, offered, acknowledged, refused, and why. The
    newest first."""

    queryset = DhcpTransaction.objects.select_related("server").order_by("-id", "pk")
    serializer_class = shapes.TransactionSerializer
    filterset_class = TransactionFilters
    ordering_fields = ["id", "at"]


class Evictions(Readable):
    """Leases that were ended before their time."""

    queryset = Eviction.objects.order_by("-pk")
    serializer_class = shapes.EvictionSerializer
    filterset_class = EvictionFilters
    ordering_fields = ["at", "until", "ip_address"]


class StateView(APIView):
    """Is every DHCP server in step with the ledger?"""

    rights = {"get": Right("read", "dhcp.view_generation")}
    action = "get"

    @extend_schema(responses=shapes.StateSerializer(many=True), operation_id="dhcp_state_list")
    def get(self, request: Request) -> Response:
        """The default server first."""
        refuse_unknown(request)
        newest, pending = Generation.objects.newest_of_each(), _pending()
        seen = heartbeat.states()
        rows = {None: None, **DhcpServer.objects.in_bulk()}
        return Response(
            [
                _state(row, newest.get(pk), pending.get(pk, 0), seen.get(pk))
                for pk, row in rows.items()
            ]
        )


class SyncView(APIView):
    """Bring a DHCP server in step now."""

    rights = {"post": SYNC}
    action = "post"

    @extend_schema(
        request=shapes.SyncSerializer, responses=shapes.OutcomeSerializer, operation_id="dhcp_sync"
    )
    def post(self, request: Request) -> Response:
        """Every commit causes a sync. This one runs at once; `force` applies a sudden loss of
        reservations, too."""
        asked = checked(shapes.SyncSerializer, request)
        return Response(sync(_target(asked["server"]), force=asked["force"]).as_json())


class ReleaseView(APIView):
    """End a rollback."""

    rights = {"post": SYNC}
    action = "post"

    @extend_schema(
        request=shapes.WhichServerSerializer,
        responses=shapes.OutcomeSerializer,
        operation_id="dhcp_release",
    )
    def post(self, request: Request) -> Response:
        """Apply what the ledger says now."""
        asked = checked(shapes.WhichServerSerializer, request)
        return Response(rollback.release(_target(asked["server"])).as_json())


class WhyView(APIView):
    """Why does this machine get this address, or none? What is this address?"""

    rights = {"get": Right("read", "dhcp.view_lease")}
    action = "get"

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "q",
                str,
                description="An IP address, a MAC address in any spelling, or a host name.",
            ),
            OpenApiParameter("mac", str, description="The same, by its former name."),
        ],
        responses=shapes.WhySerializer,
        operation_id="dhcp_why",
    )
    def get(self, request: Request) -> Response:
        """The verdict, its remedy, and the decision step by step. 404: nobody has that name."""
        refuse_unknown(request, "q", "mac")
        field = "mac" if "mac" in request.query_params else "q"
        try:
            return Response(why(request.query_params.get(field, "")).as_json())
        except ValueError as error:
            raise exceptions.ValidationError({field: [str(error)]}) from error


RESOURCES = {
    "dhcp/servers": Servers,
    "dhcp/scopes": Scopes,
    "dhcp/changes": Changes,
    "dhcp/generations": Generations,
    "dhcp/hand-edits": HandEdits,
    "dhcp/leases": Leases,
    "dhcp/lease-intervals": LeaseIntervals,
    "dhcp/evictions": Evictions,
    "dhcp/transactions": Transactions,
}
SINGLE = {
    "dhcp/state/": StateView,
    "dhcp/sync/": SyncView,
    "dhcp/release/": ReleaseView,
    "dhcp/why/": WhyView,
}


def register(router: SimpleRouter) -> None:
    """Register the resources of DHCP."""
    for name, view in RESOURCES.items():
        router.register(name, view)


def _require(request: Request, permissions: list[str]) -> None:
    if not request.user.has_perms(permissions):
        text = _("This needs the permissions %s.")
        raise exceptions.PermissionDenied(text % ", ".join(permissions))


def _target(name: str) -> Target:
    """The files of a server that this installation writes. Raises NotFound, Conflict, Invalid."""
    if "\0" in name:
        raise Invalid(_("There is no such row."))
    return servers.local_target(name)


def _pending() -> dict[int | None, int]:
    counted = DhcpChange.objects.order_by().values("server").annotate(number=Count("pk"))
    return dict(counted.values_list("server", "number"))


def _state(
    server: DhcpServer | None,
    newest: Generation | None,
    pending: int,
    seen: HeartbeatState | None,
) -> dict[str, Any]:
    """A server's row of the answer; None is the default one."""
    facts = _server_facts(server)
    facts |= _generation_facts(newest)
    held, is_connected = None, True
    if facts["run_by"] == DhcpServer.RunBy.LOCAL:
        target = Target.of(server)
        held, is_connected = _held_generation(target), target.is_connected
    is_applied = facts["result"] not in (None, Generation.Result.FAILED)
    is_told = is_connected and not (seen is not None and seen.is_down)
    facts["in_step"] = all([is_applied, is_told, not pending, held is None])
    facts["heartbeat"] = seen
    facts["connected"] = is_connected
    facts["pending"] = pending
    facts["held_at"] = held
    return dict(shapes.StateSerializer(facts).data)


def _server_facts(server: DhcpServer | None) -> dict[str, Any]:
    if server is None:
        server = DhcpServer(name=DEFAULT)
    return {
        "server": server.name,
        "enabled": server.enabled,
        "run_by": server.run_by,
        "last_seen_at": server.last_seen_at,
    }


def _generation_facts(newest: Generation | None) -> dict[str, Any]:
    if newest is None:
        nothing = dict.fromkeys(("generation", "result", "tried_at"))
        return {**nothing, "reason": "", "hosts": 0}
    return {
        "generation": newest.pk,
        "result": newest.result,
        "reason": newest.reason,
        "hosts": newest.hosts,
        "tried_at": newest.updated_at,
    }


def _held_generation(target: Target) -> int | None:
    """The generation of a rollback that is not released."""
    try:
        text = target.held.read_text("ascii", "replace").strip()
    except OSError:
        return None
    if not text.isdecimal() or len(text) > 18:
        return None
    return int(text)
