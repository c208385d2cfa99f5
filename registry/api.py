"""`/api/v1/ipmanager/…`: the registry over HTTP, in the shapes of the service registry that this one replaces.

Where the original told every caller 200, the status says what came of it; the bodies stay what they were.
"""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from ipam.addresses import Address, parse_address
from ipmanager.access import Right
from ipmanager.errors import Conflict, IPManagerError
from ipmanager.proxies import client_address
from registry import depart, environments, heartbeat
from registry import register as verbs
from registry import serializers as shapes
from registry.models import Service
from registry.order import StartOrder, start_order

SCOPE = "registry"
FINDS = Right("read", "registry.view_service", other=SCOPE)  # a service's own token finds the others


class View(APIView):
    """One route; `needs` is the right that each method wants."""

    needs: dict[str, Right] = {}
    serializer_class: type[Serializer] = Serializer

    @property
    def action(self) -> str:
        return "get" if self.request.method == "HEAD" else (self.request.method or "").lower()

    @property
    def rights(self) -> dict[str, Right]:
        return self.needs


class Register(View):
    """A service comes."""

    needs = {"post": Right(SCOPE, "registry.add_service")}

    @extend_schema(
        request=shapes.RegisterSerializer,
        responses={201: shapes.RegisteredSerializer, 200: shapes.RegisteredSerializer},
        description="Get an address and a port: 201, or 200 with the same ones when the service is known. "
        "409: the port it insists on is taken; 503: every port it could have is.",
    )
    def post(self, request: Request) -> Response:
        asked = shapes.checked(shapes.RegisterSerializer, request)
        try:
            given = verbs.register(shapes.RegisterSerializer.wish(asked), caller(request))
        except Conflict as error:
            return refused(error)
        more = {"heartbeat_interval": heartbeat.interval(given.service.environment)}
        return Response(shapes.registered(given, told(given), **more), status=200 if given.again else 201)


class Deregister(View):
    """A service goes."""

    needs = {"post": Right(SCOPE, "registry.delete_service")}

    @extend_schema(request=shapes.NamedSerializer, responses={200: shapes.DoneSerializer, 404: shapes.DoneSerializer})
    def post(self, request: Request) -> Response:
        asked = shapes.checked(shapes.NamedSerializer, request)
        if depart.deregister(asked["service_id"], asked["environment"]):
            return done(_("Service %s is deregistered.") % asked["service_id"])
        return unknown(asked["service_id"])


class Heartbeat(View):
    """A service lives."""

    needs = {"post": Right(SCOPE, "registry.change_service")}

    @extend_schema(
        request=shapes.NamedSerializer,
        responses={200: shapes.BeatSerializer, 404: shapes.DoneSerializer},
        description="404: unknown, or silent for so long that the port is gone. Register again.",
    )
    def post(self, request: Request) -> Response:
        asked = shapes.checked(shapes.NamedSerializer, request)
        config = environments.named(asked["environment"])
        if heartbeat.heartbeat(asked["service_id"], config.environment, caller(request)):
            return done(_("Heartbeat noted."), interval=heartbeat.interval(config))
        return unknown(asked["service_id"])


class Services(View):
    """All services of an environment."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.ServicesQuery], responses=shapes.ServiceSerializer(many=True), operation_id="services_list"
    )
    def get(self, request: Request) -> Response:
        asked = shapes.query(shapes.ServicesQuery, request)
        rows = Service.objects.of(environments.named(asked.pop("environment")).environment).matching(**asked)
        return Response(shapes.ServiceSerializer(rows, many=True).data)


class OneService(View):
    """One service."""

    needs = {"get": FINDS}

    @extend_schema(parameters=[shapes.WhereQuery], responses=shapes.ServiceSerializer)
    def get(self, request: Request, service_id: str) -> Response:
        row = find(request, service_id)
        if row is None:
            return Response({"detail": f"Service {service_id} nicht gefunden"}, status=404)  # the original's words
        return Response(shapes.ServiceSerializer(row).data)


class Endpoint(View):
    """Where a service is reached."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.EndpointQuery],
        responses=shapes.EndpointSerializer,
        description="Unknown services answer 200 with exists=false, or 404 with ?strict=1. `status` is there when it "
        "is not active. With ?dependencies=1 all that it needs, directly or not, in the order in which they start, and "
        "the ids of those that are `missing`; 409 when they need each other in a circle.",
    )
    def get(self, request: Request, service_id: str) -> Response:
        asked = shapes.query(shapes.EndpointQuery, request)
        row = find(request, service_id)
        if row is None or row.port is None:
            return Response({"endpoint": None, "exists": False}, status=404 if asked["strict"] else 200)
        flag = {} if row.status == Service.Status.ACTIVE else {"status": row.status}
        needs = shapes.start_order(self._order(row)) if asked["dependencies"] else {}
        return Response({"endpoint": row.endpoint, "exists": True} | flag | needs)

    def _order(self, row: Service) -> StartOrder:
        return start_order(Service.objects.records(row.environment_id), row.service_id)


# --- what they share -----------------------------------------------------------------------------------


def caller(request: Request) -> Address | None:
    address = client_address(request)
    return parse_address(address) if address else None


def find(request: Request, service_id: str) -> Service | None:
    environment = environments.named(request.query_params.get("environment", "")).environment
    return Service.objects.of(environment).whole().filter(service_id=service_id).first()


def told(given: verbs.Registered) -> str:
    """What became of a registration, in a sentence or two."""
    row = given.service
    place = {"service": row.service_id, "address": row.ip_address, "port": row.port}
    if given.again:
        return _("Service %(service)s is registered already: %(address)s, port %(port)s.") % place
    said = _("Service %(service)s is registered: %(address)s, port %(port)s.") % place
    return f"{given.note} {said}".strip()


def done(message: str, **more: Any) -> Response:
    return Response({"success": True, "message": message} | more)


def unknown(service_id: str) -> Response:
    return Response({"success": False, "message": _("Service %s is not registered.") % service_id}, status=404)


def refused(error: IPManagerError) -> Response:
    """A registration that failed, as the original says it; `detail` for those who read problem documents."""
    body = {"ip": "0.0.0.0", "port": 0, "status": "error", "message": error.message, "detail": error.message}
    return Response(body | ({"hint": error.hint} if error.hint else {}), status=error.status)


urlpatterns: list[URLPattern] = [
    path("register", Register.as_view()),
    path("deregister", Deregister.as_view()),
    path("heartbeat", Heartbeat.as_view()),
    path("services", Services.as_view()),
    path("services/<str:service_id>", OneService.as_view()),
    path("endpoint/<str:service_id>", Endpoint.as_view()),
]
