"""`/api/v1/machines/`: a machine in one call, and back."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Mapping
from typing import Any

import django_filters as filters
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.routers import SimpleRouter

from api.access import Right, confines, may
from api.confinement import lies_in, visible
from api.idempotency import Handler, Repeatable
from api.known_fields import WARNINGS, checked
from api.models import Network
from api.resources import Changeable, refuse_unknown
from core.errors import Reason
from ipam.addresses import Address
from ipam.api.filters import by_address, by_mac, by_network, by_vrf, inside
from ipam.models import Interface, IPAddress, Pool, Subnet
from ipam.sightings import in_use
from machines import references
from machines import serializers as shapes
from machines.create import Card, Port, Specification, make, renew
from machines.models import Machine
from machines.remove import remove
from machines.wait import wait_for
from pxe.serializers import AssignmentSerializer
from registry.environments import lookup
from registry.services.callers import caller_of, check_token_binding

ADD = Right("addresses", "ipam.add_server")
CHANGE = Right("addresses", "ipam.change_server")
DELETE = Right("addresses", "ipam.delete_server")
# What the parts of a machine need beside that.
ADD_PART = {
    "interfaces": Right("addresses", "ipam.add_interface"),
    "image": Right("boot", "pxe.add_bootassignment"),
    "services": Right("registry", "registry.add_service"),
}
DELETE_SERVICE = Right("registry", "registry.delete_service")
SEE_BOOT = Right("read", "pxe.view_bootassignment")
SEE_SERVICES = Right("read", "registry.view_service", other="registry")
NOT_AVAILABLE = gettext_noop("Not available to this token.")
WAITING = ("wait", "timeout")
# Shown, or not, wherever the machine stands.
SHOWN_ANYWHERE = ("server__boot_assignments__image", "service_rows__service")
EXAMPLE = OpenApiExample(
    "A machine for two hours",
    {
        "hostname": "ci-17",
        "mac_address": "02:00:00:00:00:17",
        "subnet": "10.112.57.0/24",
        "image": "debian-12",
        "boot": "once",
        "services": [{"name": "http"}, {"name": "ssh", "port": 22}],
        "ttl": 7200,
        "wait": "live",
    },
    request_only=True,
)


class MachineFilters(filters.FilterSet):
    hostname = filters.CharFilter("server__hostname", lookup_expr="iexact", max_length=253)
    ip_address = by_address(field_name="server__ip_address")
    mac = by_mac(field_name="server__mac_address")
    within = by_network(
        field_name="server__ip_address", method=inside, label="Machines inside this network."
    )
    vrf = by_vrf(field_name="server__vrf")
    expires_before = filters.IsoDateTimeFilter(field_name="expires_at", lookup_expr="lt")
    q = filters.CharFilter(method="those_matching", max_length=200)

    class Meta:
        model = Machine
        fields: list[str] = []

    def those_matching(self, queryset: Any, name: str, text: str) -> QuerySet:
        return queryset.matching(text, confines(self.request))


class Machines(Repeatable, Changeable):
    """Machines: servers that were made in one call with all that belongs to them."""

    queryset = (
        Machine.objects.select_related("server")
        .prefetch_related("server__interfaces", "server__addresses__subnet", *SHOWN_ANYWHERE)
        .order_by("server__hostname", "pk")
    )
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    serializer_class = shapes.MachineSerializer
    filterset_class = MachineFilters
    ordering_fields = ["expires_at", "created_at"]
    scope = "addresses"
    rights = {
        "list": Right("read", "ipam.view_server"),
        "retrieve": Right("read", "ipam.view_server"),
        "create": ADD,
        "partial_update": CHANGE,
        "destroy": DELETE,
    }

    def confine(self, rows: QuerySet[Machine], networks: list[Network]) -> QuerySet[Machine]:
        """Interfaces with an address elsewhere, and a subnet around the networks, are not shown
        with their machine."""
        around = Prefetch("subnet", Subnet.objects.confined(networks))
        addresses = IPAddress.objects.confined(networks).prefetch_related(around)
        return (
            visible(rows, networks)
            .prefetch_related(None)
            .prefetch_related(
                Prefetch("server__interfaces", Interface.objects.confined(networks)),
                Prefetch("server__addresses", addresses),
                *SHOWN_ANYWHERE,
            )
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            self.post = functools.partial(self._respond_then_wait, self.post)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "parts": self._visible_parts()}

    def plain(self, row: Machine) -> Any:
        return shapes.MachineSerializer(row, context={"parts": self._visible_parts()}).data

    def _visible_parts(self) -> set[str]:
        """The parts that the caller may see at their own routes."""
        parts = set()
        if may(self.request, SEE_BOOT):
            parts.add(shapes.BOOT)
        if may(self.request, SEE_SERVICES) and not confines(self.request):
            parts.add(shapes.SERVICES)
        return parts

    @extend_schema(
        request=shapes.NewMachineSerializer,
        responses={200: shapes.MachineSerializer, 201: shapes.MachineSerializer},
        parameters=[
            OpenApiParameter("wait", str, enum=["told", "live"], description="As in the body."),
            OpenApiParameter("timeout", float, description="As in the body."),
        ],
        examples=[EXAMPLE],
        description="Make a server with its address, interfaces, boot image and service ports, all "
        "or nothing: 201, or 200 when this very machine is there already. With `wait` the answer "
        "has `dhcp`: what was seen of its reservation, and how many milliseconds after the change.",
    )
    def create(self, request: Request) -> Response:
        asked = self._asked(request)
        self._refuse_parts(asked)
        with transaction.atomic():
            made = make(self._specification(asked), caller_of(request))
            row = self.again(made.machine)
        response = self.shown(row, status=200 if made.again else 201)
        response["Location"] = reverse("machine-detail", args=[row.pk])
        if warnings := in_use.warnings([row.server_id]):
            response.data = {**response.data, WARNINGS: warnings}
        return response

    @extend_schema(
        request=shapes.RenewSerializer,
        responses=shapes.MachineSerializer,
        description="Renew it: another time to live. Everything else is changed at servers/.",
    )
    def partial_update(self, request: Request, pk: str | None = None) -> Response:
        with transaction.atomic():
            row = self.locked()
            asked = checked(shapes.RenewSerializer, request)
            renew(row, shapes.end_of_life(asked))
        return self.shown(self.again(row))

    @extend_schema(
        description="Take the machine back: its server, addresses, boot assignments and service "
        "ports. Only history remains.",
    )
    def destroy(self, request: Request, pk: str | None = None) -> Response:
        with transaction.atomic():
            row = self.locked()
            if row.service_rows.exists():
                self._require(DELETE_SERVICE, "services")
            remove(row.pk)
        return Response(status=204)

    # --- what the caller may ask for --------------------------------------------------------------

    def _asked(self, request: Request) -> dict[str, Any]:
        """The values of the body; `wait` and `timeout` may stand in the query, too."""
        refuse_unknown(request, *WAITING)
        data = request.data
        if isinstance(data, Mapping):
            data = {**request.query_params.dict(), **data}
        shape = shapes.NewMachineSerializer(data=data)
        shape.is_valid(raise_exception=True)
        return shape.validated_data

    def _refuse_parts(self, asked: dict[str, Any]) -> None:
        """Raises PermissionDenied, which names the part, where a right is missing."""
        for part, right in ADD_PART.items():
            if asked.get(part):
                self._require(right, part)
        for port in asked.get("services", ()):
            config = lookup.environment(port.get("environment", ""))
            check_token_binding(self.request, config, f"{asked['hostname']}-{port['name']}")
        self._refuse_outside("ip_address", asked.get("ip_address"))
        for number, card in enumerate(asked.get("interfaces", ())):
            self._refuse_outside(f"interfaces.{number}.ip_address", card.get("ip_address"))

    def _require(self, right: Right, part: str) -> None:
        if not may(self.request, right):
            text = _("%(part)s: this needs the permission %(permission)s and the scope %(scope)s.")
            values = {"part": part, "permission": right.permission, "scope": right.scope}
            raise exceptions.PermissionDenied(text % values)
        if part == "services" and confines(self.request):
            text = _("%s: a token that is confined to subnets cannot change services.")
            raise exceptions.PermissionDenied(text % part)

    def _refuse_outside(self, field: str, address: Address | None) -> None:
        """Before any rule is asked, which looks at rows elsewhere."""
        networks = confines(self.request)
        if address and networks and not lies_in(address, networks):
            raise exceptions.ValidationError({field: [_(NOT_AVAILABLE)]})

    # --- what the request names -------------------------------------------------------------------

    def _specification(self, asked: dict[str, Any]) -> Specification:
        subnet, pool = self._subnet(asked.get("subnet"), "subnet"), None
        if asked.get("pool") is not None:
            pool = references.find_pool(asked["pool"], subnet, self._visible(Pool.objects.all()))
        elif subnet is None and asked.get("ip_address"):
            self._subnet_around(asked["ip_address"])
        image = None
        if asked.get("image") is not None:
            image = references.find_image(asked["image"])
            AssignmentSerializer(context={"request": self.request}).validate_image(image)
        facts = {name: asked[name] for name in asked.keys() & shapes.FACTS}
        return Specification(
            asked["hostname"],
            asked.get("mac_address"),
            subnet,
            pool,
            asked.get("ip_address"),
            asked["else_next"],
            list(self._cards(asked.get("interfaces", ()))),
            image,
            asked.get("boot", "once"),
            [Port(**port) for port in asked.get("services", ())],
            shapes.end_of_life(asked),
            facts,
        )

    def _cards(self, parts: Iterable[dict[str, Any]]) -> Iterable[Card]:
        for number, part in enumerate(parts):
            subnet = self._subnet(part.get("subnet"), f"interfaces.{number}.subnet")
            yield Card(**{**part, "subnet": subnet})

    def _subnet(self, reference: int | str | None, field: str) -> Subnet | None:
        if reference is None:
            return None
        return references.find_subnet(reference, self._visible(Subnet.objects.all()), field)

    def _subnet_around(self, address: Address) -> None:
        """Raises ValidationError where the caller's token does not reach the subnet."""
        networks, subnet = confines(self.request), Subnet.objects.containing(address)
        if subnet and not visible(Subnet.objects.filter(pk=subnet.pk), networks).exists():
            raise ValidationError({"ip_address": Reason(_(NOT_AVAILABLE))})

    def _visible(self, rows: Any) -> Any:
        return visible(rows, confines(self.request))

    # --- waiting ----------------------------------------------------------------------------------

    def _respond_then_wait(
        self, handler: Handler, request: Request, *args: Any, **kwargs: Any
    ) -> Response:
        """The response; what was seen meanwhile is added when its transaction has been committed,
        and is no part of what an Idempotency-Key repeats."""
        response = handler(request, *args, **kwargs)
        committed = time.monotonic()
        asked = self._asked(request)
        if asked.get("wait"):
            seen = wait_for(response.data["server"], asked["wait"], asked["timeout"], committed)
            response.data = {**response.data, "dhcp": seen.as_json()}
        return response


def register(router: SimpleRouter) -> None:
    router.register("machines", Machines)
