"""The scribe over HTTP: scopes and servers, what dnsmasq was told and why, and the verbs of the
sync screen.

Who changes a server names paths and processes of its host: that is the administrators'. What is not
of one network knows no bounds (`confine = None`), and is not for tokens that have them."""

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
from api.resources import Readable, Resource, refuse_unknown
from core.errors import Conflict, Invalid
from dhcp import serializers as shapes
from dhcp import servers
from dhcp.edits import decide
from dhcp.files.sync import sync
from dhcp.files.targets import DEFAULT, Target
from dhcp.generations import rollback
from dhcp.leases import adopt
from dhcp.models import (
    DhcpChange,
    DhcpScope,
    DhcpServer,
    Eviction,
    Generation,
    HandEdit,
    KeptFiles,
    Lease,
)
from dhcp.state.why import why
from ipam.addresses import Network
from ipam.api.filters import by_address, by_mac, by_network, inside
from ipam.api.serializers import ServerSerializer
from ipam.models import Subnet
from ipam.querysets import inside as within

SYNC = Right("admin", "dhcp.change_generation")
DECIDE = Right("addresses", "dhcp.change_handedit")
RESERVES = ["ipam.add_server", "ipam.change_server"]


def of_server(queryset: QuerySet, name: str, value: str) -> QuerySet:
    """The rows of the server of this name; `default` for those of none."""
    return queryset.filter(server=None) if value == DEFAULT else queryset.filter(server__name=value)


class ServerFilters(filters.FilterSet):
    name = filters.CharFilter(max_length=50)
    site = filters.CharFilter(max_length=100)
    enabled = filters.BooleanFilter()
    run_by = filters.ChoiceFilter(choices=DhcpServer.RunBy.choices)

    class Meta:
        model = DhcpServer
        fields: list[str] = []


class ScopeFilters(filters.FilterSet):
    subnet = filters.ModelChoiceFilter(queryset=Subnet.objects.all())
    within = by_network(method="those_within", label="Scopes of subnets inside this network.")
    server = filters.ModelChoiceFilter(
        queryset=DhcpServer.objects.all(), null_label="none", null_value="none"
    )
    enabled = filters.BooleanFilter()
    known_only = filters.BooleanFilter()

    class Meta:
        model = DhcpScope
        fields: list[str] = []

    def those_within(self, queryset: QuerySet, name: str, value: Network) -> QuerySet:
        return queryset.filter(subnet__in=Subnet.objects.all().within(value))


class ChangeFilters(filters.FilterSet):
    server = filters.CharFilter(
        method=of_server, max_length=50, label="A server's name, or `default`."
    )
    kind = filters.ChoiceFilter(choices=DhcpChange.Kind.choices)
    action = filters.ChoiceFilter(choices=DhcpChange.Action.choices)

    class Meta:
        model = DhcpChange
        fields: list[str] = []


class GenerationFilters(filters.FilterSet):
    server = filters.CharFilter(
        method=of_server, max_length=50, label="A server's name, or `default`."
    )
    result = filters.MultipleChoiceFilter(choices=Generation.Result.choices)

    class Meta:
        model = Generation
        fields: list[str] = []


class HandEditFilters(filters.FilterSet):
    server = filters.CharFilter(
        method=of_server, max_length=50, label="A server's name, or `default`."
    )
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
        method="those_live", label="Those that are not over, or those that are."
    )

    class Meta:
        model = Lease
        fields: list[str] = []

    def those_live(self, queryset: QuerySet[Lease], name: str, value: bool) -> QuerySet[Lease]:
        live = Lease.objects.live().values("pk")
        return queryset.filter(pk__in=live) if value else queryset.exclude(pk__in=live)


class EvictionFilters(filters.FilterSet):
    ip_address = by_address()
    mac = by_mac(field_name="mac_address")

    class Meta:
        model = Eviction
        fields: list[str] = []


class Servers(Resource):
    """Further DHCP servers. The default one stands in the settings, and in no row."""

    queryset = DhcpServer.objects.order_by("name")
    serializer_class = shapes.DhcpServerSerializer
    filterset_class = ServerFilters
    ordering_fields = ["name", "site", "last_seen_at"]
    scope = "admin"
    confine = None  # type: ignore[assignment]


class Scopes(Resource):
    """How subnets are served, with the options that their machines are told."""

    queryset = (
        DhcpScope.objects.select_related("subnet")
        .prefetch_related("options")
        .order_by("subnet__network", "pk")
    )
    serializer_class = shapes.ScopeSerializer
    filterset_class = ScopeFilters
    ordering_fields = ["subnet__network", "lease_time"]
    scope = "subnets"

    def confine(self, rows: QuerySet[DhcpScope], networks: list[Network]) -> QuerySet[DhcpScope]:
        return rows.filter(subnet__in=Subnet.objects.confined(networks))


class Changes(Readable):
    """Changes of the ledger that a dnsmasq has not heard of yet."""

    queryset = DhcpChange.objects.select_related("server").order_by("pk")
    serializer_class = shapes.ChangeSerializer
    filterset_class = ChangeFilters
    ordering_fields = ["at"]
    confine = None  # type: ignore[assignment]


class Generations(Readable):
    """What dnsmasq was told, and what became of it."""

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
        return (
            rows.defer("diff", "changes", "problems", "probes") if self.action == "list" else rows
        )

    def get_serializer_class(self) -> type[BaseSerializer]:
        return (
            shapes.GenerationSerializer
            if self.action == "list"
            else shapes.WholeGenerationSerializer
        )

    @extend_schema(request=None, responses=shapes.OutcomeSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def rollback(self, request: Request, pk: str) -> Response:
        """Make its server serve what this generation said, and hold it there until
        `dhcp/release/`."""
        self.get_object()
        return Response(rollback.rollback(int(pk)).as_json())


class HandEdits(Readable):
    """What somebody changed in dnsmasq's files with an editor."""

    queryset = HandEdit.objects.select_related("server").order_by("pk")
    serializer_class = shapes.HandEditSerializer
    filterset_class = HandEditFilters
    ordering_fields = ["found_at", "decided_at"]
    confine = None  # type: ignore[assignment]
    rights = {"adopt": DECIDE, "discard": DECIDE}

    @extend_schema(request=None, responses=shapes.HandEditSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def adopt(self, request: Request, pk: str) -> Response:
        """Make the ledger say what the line says."""
        return self.decided(decide.adopt)

    @extend_schema(request=None, responses=shapes.HandEditSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def discard(self, request: Request, pk: str) -> Response:
        """Let the ledger's line return."""
        return self.decided(decide.discard)

    def decided(self, verb: Callable[[HandEdit, str], None]) -> Response:
        _want(self.request, RESERVES)
        verb(self.get_object(), self.request.user.get_username())
        return self.shown(self.get_object())


class Leases(Readable):
    """Leases as the lease files tell of them, and what the ledger says to each."""

    queryset = Lease.objects.leases().judged().order_by("ip_address", "pk")
    serializer_class = shapes.LeaseSerializer
    filterset_class = LeaseFilters
    ordering_fields = ["ip_address", "leased_until", "seen_at", "hostname"]
    rights = {"reserve": Right("addresses", "ipam.add_server")}

    def confine(self, rows: QuerySet[Lease], networks: list[Network]) -> QuerySet[Lease]:
        return rows.filter(within("ip_address", networks))

    @extend_schema(request=None, responses={201: ServerSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def reserve(self, request: Request, pk: str) -> Response:
        """The machine keeps its address: a new server, or a known one that had none."""
        _want(request, RESERVES)
        if confines(request):  # the known one may be out of its bounds
            raise exceptions.PermissionDenied(
                _("This token is for some networks only; make the server by hand.")
            )
        return Response(ServerSerializer(adopt.adopt(self.get_object())).data, status=201)


class Evictions(Readable):
    """Leases that were taken from their holders."""

    queryset = Eviction.objects.order_by("-pk")
    serializer_class = shapes.EvictionSerializer
    filterset_class = EvictionFilters
    ordering_fields = ["at", "until", "ip_address"]

    def confine(self, rows: QuerySet[Eviction], networks: list[Network]) -> QuerySet[Eviction]:
        return rows.filter(within("ip_address", networks))


class State(APIView):
    """Is every DHCP server in step with the ledger?"""

    rights = {"get": Right("read", "dhcp.view_generation")}
    action = "get"

    @extend_schema(responses=shapes.StateSerializer(many=True), operation_id="dhcp_state_list")
    def get(self, request: Request) -> Response:
        """The default server first."""
        refuse_unknown(request)
        newest, pending = Generation.objects.newest_of_each(), _pending()
        rows = {None: None, **DhcpServer.objects.in_bulk()}
        return Response(
            [_state(row, newest.get(pk), pending.get(pk, 0)) for pk, row in rows.items()]
        )


class Sync(APIView):
    """Bring a DHCP server in step now."""

    rights = {"post": SYNC}
    action = "post"

    @extend_schema(
        request=shapes.SyncSerializer, responses=shapes.OutcomeSerializer, operation_id="dhcp_sync"
    )
    def post(self, request: Request) -> Response:
        """It follows every commit by itself; this tries again at once, or in spite of a sudden
        loss."""
        asked = _checked(shapes.SyncSerializer, request)
        return Response(sync(_target(asked["server"]), force=asked["force"]).as_json())


class Release(APIView):
    """Let the ledger decide again."""

    rights = {"post": SYNC}
    action = "post"

    @extend_schema(
        request=shapes.WhichServerSerializer,
        responses=shapes.OutcomeSerializer,
        operation_id="dhcp_release",
    )
    def post(self, request: Request) -> Response:
        """After a rollback: what has waited is applied now."""
        asked = _checked(shapes.WhichServerSerializer, request)
        return Response(rollback.release(_target(asked["server"])).as_json())


class Why(APIView):
    """Why does this machine get this address, or none?"""

    rights = {"get": Right("read", "dhcp.view_lease")}
    action = "get"

    @extend_schema(
        parameters=[OpenApiParameter("mac", str, required=True, description="In any spelling.")],
        responses=shapes.WhySerializer,
        operation_id="dhcp_why",
    )
    def get(self, request: Request) -> Response:
        """The decision, step by step."""
        refuse_unknown(request, "mac")
        try:
            return Response(why(request.query_params.get("mac", "")).as_json())
        except ValueError as error:
            raise exceptions.ValidationError({"mac": [str(error)]}) from error


RESOURCES = {
    "dhcp/servers": Servers,
    "dhcp/scopes": Scopes,
    "dhcp/changes": Changes,
    "dhcp/generations": Generations,
    "dhcp/hand-edits": HandEdits,
    "dhcp/leases": Leases,
    "dhcp/evictions": Evictions,
}
SINGLE = {"dhcp/state/": State, "dhcp/sync/": Sync, "dhcp/release/": Release, "dhcp/why/": Why}


def register(router: SimpleRouter) -> None:
    """Put the scribe's resources under their names."""
    for name, view in RESOURCES.items():
        router.register(name, view)


def _want(request: Request, permissions: list[str]) -> None:
    if not request.user.has_perms(permissions):
        raise exceptions.PermissionDenied(_("This needs the rights %s.") % ", ".join(permissions))


def _checked(shape: type[BaseSerializer], request: Request) -> dict[str, Any]:
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def _target(name: str) -> Target:
    """A server that this installation keeps in step. Raises NotFound, Conflict, Invalid."""
    if "\0" in name:
        raise Invalid(_("There is no such row."))
    server = servers.find_server(name)
    if server and server.run_by == DhcpServer.RunBy.AGENT:
        hint = f"on its host: manage.py dnsmasq_agent --server {server.name} --once"
        raise Conflict(_("%s is run by an agent on its own host.") % server, hint)
    if server and not server.enabled:
        raise Conflict(
            _("%s is disabled, so its files stay as they are.") % server,
            _("Enable the DHCP server."),
        )
    return Target.of(server)


def _pending() -> dict[int | None, int]:
    counted = DhcpChange.objects.order_by().values("server").annotate(number=Count("pk"))
    return dict(counted.values_list("server", "number"))


def _state(server: DhcpServer | None, newest: Generation | None, pending: int) -> dict[str, Any]:
    """A server's row of the answer; None is the default one."""
    here = server is None or server.run_by == DhcpServer.RunBy.LOCAL
    held = _held(Target.of(server)) if here else None
    good = newest is not None and newest.result != Generation.Result.FAILED
    shown = {
        "server": server.name if server else DEFAULT,
        "enabled": server.enabled if server else True,
        "run_by": server.run_by if server else DhcpServer.RunBy.LOCAL,
        "last_seen_at": server.last_seen_at if server else None,
        "in_step": good and not pending and held is None,
        "pending": pending,
        "held_at": held,
        "generation": newest and newest.pk,
        "result": newest and newest.result,
        "reason": newest.reason if newest else "",
        "hosts": newest.hosts if newest else 0,
        "tried_at": newest and newest.updated_at,
    }
    return dict(shapes.StateSerializer(shown).data)


def _held(target: Target) -> int | None:
    try:
        text = target.held.read_text("ascii", "replace").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() and len(text) < 19 else None
