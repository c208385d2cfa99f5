"""`/api/v1/ipmanager/…`: the registry over HTTP, in the shapes of the original service registry.

The original answers every call with 200. Here the status tells the result; the bodies are the
same."""

from __future__ import annotations

import time
from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from api.access import Right
from api.models import Token
from core.errors import Conflict, IPManagerError
from core.proxies import client_address
from registry import restart
from registry import serializers as shapes
from registry.discovery.start_order import StartOrder, start_order
from registry.environments import configure, lookup
from registry.models import Call, RegistryConfig, RestartRequest, Service
from registry.services import deregister, heartbeat, simulate, unusual_activity
from registry.services.callers import caller_of, check_token_binding
from registry.services.register import Registered, register

SCOPE = "registry"
LONGEST_ID = 200
# A service's own token may find the other services.
FINDS = Right("read", "registry.view_service", other=SCOPE)


class View(APIView):
    """One route; `needs` maps each method to the right it requires."""

    needs: dict[str, Right] = {}
    serializer_class: type[Serializer] = Serializer
    # Callers of the original may send further fields: they are named in the response, not refused.
    tolerates: type[Serializer] | None = None
    config: RegistryConfig | None = None
    service_id = ""

    @property
    def action(self) -> str:
        method = (self.request.method or "").lower()
        return {"head": "get"}.get(method, method)

    @property
    def rights(self) -> dict[str, Right]:
        return self.needs

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.began = time.monotonic()
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, Token):
            unusual_activity.log_token_network(request.auth, client_address(request))

    def environment(self, name: str, service_id: str = "") -> RegistryConfig:
        """The environment of this name. A test environment may wait or fail here (simulations)."""
        self.config = lookup.environment(name)
        # From the URL, which may hold any text.
        self.service_id = service_id[:LONGEST_ID].replace("\0", "?")
        simulate.apply(self.config, self.service_id)
        return self.config

    def environment_for_caller(self, name: str, service_id: str) -> RegistryConfig:
        """The environment, for a caller that acts for this service. Raises PermissionDenied."""
        config = self.environment(name, service_id)
        check_token_binding(self.request, config, service_id)
        return config

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.tolerates and response.status_code < 400:
            response.data |= shapes.ignored_fields(self.tolerates, request)
        if self.config and self.config.mode == RegistryConfig.Mode.TEST:
            self._log(request, response)
        return response

    def _log(self, request: Request, response: Response) -> None:
        """Log the call: test environments keep every call."""
        assert self.config
        Call.objects.create(
            environment=self.config.environment,
            method=request.method or "",
            path=request.get_full_path()[:300],
            service_id=self.service_id,
            status=response.status_code,
            duration_ms=round((time.monotonic() - self.began) * 1000),
            caller=client_address(request) or None,
        )


# --- register, deregister, heartbeat --------------------------------------------------------------


class Register(View):
    """Register a service."""

    needs = {"post": Right(SCOPE, "registry.add_service")}
    tolerates = shapes.RegisterSerializer

    @extend_schema(
        request=shapes.RegisterSerializer,
        responses={
            201: shapes.RegisteredSerializer,
            200: shapes.RegisteredSerializer,
            409: shapes.RefusedSerializer,
            503: shapes.RefusedSerializer,
        },
        description=(
            "Get an address and a port: 201, or 200 with the same ones when the service is known. "
            "409: the port it insists on is taken. 503: every port of its ranges is taken."
        ),
    )
    def post(self, request: Request) -> Response:
        values = shapes.validated_body(shapes.RegisterSerializer, request)
        registration = shapes.RegisterSerializer.registration(values)
        self.environment_for_caller(registration.environment, registration.service_id)
        try:
            result = register(registration, caller_of(request))
        except Conflict as error:
            return refusal(error)
        interval = heartbeat.interval(result.service.environment)
        body = shapes.registered(result, message_of(result), heartbeat_interval=interval)
        return Response(body, status=200 if result.again else 201)


class Deregister(View):
    """Deregister a service."""

    needs = {"post": Right(SCOPE, "registry.delete_service")}
    tolerates = shapes.NamedSerializer

    @extend_schema(
        request=shapes.NamedSerializer,
        responses={200: shapes.DoneSerializer, 404: shapes.DoneSerializer},
    )
    def post(self, request: Request) -> Response:
        values = shapes.validated_body(shapes.NamedSerializer, request)
        config = self.environment_for_caller(values["environment"], values["service_id"])
        if deregister.deregister(values["service_id"], config.environment):
            return success(_("Service %s is deregistered.") % values["service_id"])
        return not_registered(values["service_id"])


class Heartbeat(View):
    """Log the heartbeats of services."""

    needs = {"post": Right(SCOPE, "registry.change_service")}
    tolerates = shapes.HeartbeatSerializer

    @extend_schema(
        request=shapes.HeartbeatSerializer,
        responses={200: shapes.BeatSerializer, 404: shapes.BeatSerializer},
        description=(
            "For one service, or for all services of an agent, by `service_ids`. 404: one of them "
            "is unknown, or was silent for too long and has lost its port. Register it again."
        ),
    )
    def post(self, request: Request) -> Response:
        values = shapes.validated_body(shapes.HeartbeatSerializer, request)
        service_ids = values["service_ids"]
        config = self.environment(values["environment"], service_ids[0])
        for service_id in service_ids:
            check_token_binding(request, config, service_id)
        address = caller_of(request).address
        missing = sorted(heartbeat.heartbeat_many(service_ids, config.environment, address))
        more = {"interval": heartbeat.interval(config), "unknown": missing}
        if missing:
            return not_registered(", ".join(missing), **more)
        return success(_("Heartbeat noted."), **more)


# --- find services --------------------------------------------------------------------------------


class Services(View):
    """List the services of an environment."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.ServicesQuery],
        responses=shapes.ServiceSerializer(many=True),
        operation_id="services_list",
    )
    def get(self, request: Request) -> Response:
        values = shapes.validated_query(shapes.ServicesQuery, request)
        config = self.environment(values.pop("environment"))
        rows = Service.objects.of(config.environment).matching(**values)
        return Response(shapes.ServiceSerializer(rows, many=True).data)


class OneService(View):
    """One service."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.WhereQuery],
        responses={200: shapes.ServiceSerializer, 404: shapes.MissingSerializer},
    )
    def get(self, request: Request, service_id: str) -> Response:
        values = shapes.validated_query(shapes.WhereQuery, request)
        config = self.environment(values["environment"], service_id)
        row = Service.objects.with_related().with_id(config, service_id)
        if row is None:  # the words of the original
            return Response({"detail": f"Service {service_id} nicht gefunden"}, status=404)
        return Response(shapes.ServiceSerializer(row).data)


class Endpoint(View):
    """Where a service is reached."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.EndpointQuery],
        responses={200: shapes.EndpointSerializer, 404: shapes.EndpointSerializer},
        description=(
            "An unknown service: 200 with exists=false, or 404 with ?strict=1. `status` is present "
            "when the service is not active. With ?dependencies=1 also everything that it needs, "
            "directly or indirectly, in start order, and the `missing` ids; 409 when services need "
            "each other in a circle."
        ),
    )
    def get(self, request: Request, service_id: str) -> Response:
        values = shapes.validated_query(shapes.EndpointQuery, request)
        config = self.environment(values["environment"], service_id)
        row = Service.objects.with_related().with_id(config, service_id)
        if row is None or row.port is None:
            status = 404 if values["strict"] else 200
            return Response({"endpoint": None, "exists": False}, status=status)
        body: dict[str, Any] = {"endpoint": row.endpoint, "exists": True}
        if row.status != Service.Status.ACTIVE:
            body["status"] = row.status
        if values["dependencies"]:
            body |= shapes.start_order(self._order(row))
        return Response(body)

    def _order(self, row: Service) -> StartOrder:
        return start_order(Service.objects.records(row.environment_id), row.service_id)


# --- settings -------------------------------------------------------------------------------------


class Config(View):
    """An environment's settings."""

    needs = {
        "get": Right("read", "registry.view_registryconfig"),
        "post": Right("admin", "registry.add_registryconfig"),
        "put": Right("admin", "registry.add_registryconfig"),
        "patch": Right("admin", "registry.change_registryconfig"),
        "delete": Right("admin", "registry.delete_registryconfig"),
    }

    @extend_schema(
        parameters=[shapes.WhereQuery], responses=shapes.ConfigSerializer, operation_id="config"
    )
    def get(self, request: Request) -> Response:
        values = shapes.validated_query(shapes.WhereQuery, request)
        config = lookup.environment(values["environment"])
        return Response(shapes.ConfigSerializer(config).data)

    @extend_schema(
        request=shapes.ChangeConfigSerializer,
        responses={200: shapes.ConfigSerializer, 201: shapes.ConfigSerializer},
        description="Settings that are left out keep their values. A new environment is created.",
    )
    def put(self, request: Request) -> Response:
        settings = shapes.validated_body(shapes.ChangeConfigSerializer, request)
        name = lookup.name_or_default(settings.pop("environment"))
        config, created = configure.configure(name, settings)
        return Response(shapes.ConfigSerializer(config).data, status=201 if created else 200)

    post = put

    @extend_schema(request=shapes.ChangeConfigSerializer, responses=shapes.ConfigSerializer)
    def patch(self, request: Request) -> Response:
        settings = shapes.validated_body(shapes.ChangeConfigSerializer, request)
        config = lookup.environment(settings.pop("environment"))
        config, _created = configure.configure(config.environment, settings)
        return Response(shapes.ConfigSerializer(config).data)

    @extend_schema(
        parameters=[shapes.WhereQuery],
        responses={204: None},
        description="Delete a test environment with its services.",
    )
    def delete(self, request: Request) -> Response:
        values = shapes.validated_query(shapes.WhereQuery, request)
        config = lookup.environment(values["environment"])
        configure.delete_test_environment(config.environment)
        return Response(status=204)


class Cleanup(View):
    """Delete services that have been silent for long."""

    needs = {"post": Right(SCOPE, "registry.delete_service")}

    @extend_schema(request=shapes.CleanupSerializer, responses=shapes.CleanedSerializer)
    def post(self, request: Request) -> Response:
        values = shapes.validated_body_and_query(shapes.CleanupSerializer, request)
        config = self.environment(values["environment"])
        if isinstance(request.auth, Token) and request.auth.services:
            raise exceptions.PermissionDenied(_("This token is bound to some services."))
        number = deregister.clean_up(config.environment, values["timeout_minutes"])
        return Response({"cleaned_services_count": number})


# --- restarts -------------------------------------------------------------------------------------


class Restart(View):
    """List and request restarts."""

    needs = {
        "get": Right("read", "registry.view_restartrequest"),
        "post": Right(SCOPE, "registry.add_restartrequest"),
    }

    @extend_schema(
        parameters=[shapes.RestartsQuery],
        responses=shapes.RestartSerializer(many=True),
        operation_id="restarts_list",
    )
    def get(self, request: Request) -> Response:
        """The newest requests."""
        values = shapes.validated_query(shapes.RestartsQuery, request)
        config = self.environment(values["environment"])
        service_ids = list(filter(None, [values["service_id"]]))
        rows = RestartRequest.objects.of_services(config.environment, service_ids)
        rows = rows.select_related("service")[:100]
        return Response(shapes.RestartSerializer(rows, many=True).data)

    @extend_schema(
        request=shapes.AskRestartSerializer,
        responses={
            201: shapes.RestartSerializer,
            200: shapes.RestartSerializer,
            404: shapes.DoneSerializer,
        },
        description=(
            "Request a restart by the agent on the service's host: 201, or 200 when a request is "
            "open already. 400: its restart_script is not the key of a restart action. "
            "409: it was restarted too often."
        ),
    )
    def post(self, request: Request) -> Response:
        values = shapes.validated_body(shapes.AskRestartSerializer, request)
        config = self.environment_for_caller(values["environment"], values["service_id"])
        services = Service.objects.with_related().select_related("restart_script")
        service = services.with_id(config, values["service_id"])
        if service is None:
            return not_registered(values["service_id"])
        restart.check_key(service, values.get("restart_script"))
        caller = caller_of(request)
        wanted = restart.request(service, caller.name, caller.person)
        status = 200 if wanted.again else 201
        return Response(shapes.RestartSerializer(wanted.request).data, status=status)


class TakeRestarts(View):
    """Give the open restart requests to an agent."""

    needs = {"post": Right(SCOPE, "registry.change_restartrequest")}

    @extend_schema(request=shapes.AgentSerializer, responses=shapes.RestartSerializer(many=True))
    def post(self, request: Request) -> Response:
        values = shapes.validated_body(shapes.AgentSerializer, request)
        config = self.environment(values["environment"])
        for service_id in values["service_ids"]:
            check_token_binding(request, config, service_id)
        rows = restart.take(config.environment, values["service_ids"], values["agent"])
        return Response(shapes.RestartSerializer(rows, many=True).data)


class ReportRestart(View):
    """Store the result of a restart."""

    needs = {"post": Right(SCOPE, "registry.change_restartrequest")}

    @extend_schema(request=shapes.ReportSerializer, responses=shapes.RestartSerializer)
    def post(self, request: Request) -> Response:
        values = shapes.validated_body(shapes.ReportSerializer, request)
        service = restart.service_of(values["id"])
        check_token_binding(request, service.environment, service.service_id)
        row = restart.report(values.pop("id"), values.pop("result"), **values)
        return Response(shapes.RestartSerializer(row).data)


# --- shared responses -----------------------------------------------------------------------------


def message_of(result: Registered) -> str:
    """The result of a registration, in a sentence or two."""
    row = result.service
    place = {"service": row.service_id, "address": row.ip_address, "port": row.port}
    if result.again:
        return _("Service %(service)s is already registered: %(address)s, port %(port)s.") % place
    text = _("Service %(service)s is registered: %(address)s, port %(port)s.") % place
    return f"{result.note} {text}".strip()


def success(message: str, **more: Any) -> Response:
    """A success, in the shape of the original."""
    return Response({"success": True, "message": message} | more)


def not_registered(service_id: str, **more: Any) -> Response:
    """404 for an unknown service, in the shape of the original."""
    message = _("Service %s is not registered.") % service_id
    return Response({"success": False, "message": message} | more, status=404)


def refusal(error: IPManagerError) -> Response:
    """A failed registration in the shape of the original, with the `detail` and `hint` of a problem
    document."""
    body = {
        "ip": "0.0.0.0",
        "port": 0,
        "status": "error",
        "message": error.message,
        "detail": error.message,
    }
    if error.hint:
        body["hint"] = error.hint
    return Response(body, status=error.status)


urlpatterns: list[URLPattern] = [
    path("register", Register.as_view()),
    path("deregister", Deregister.as_view()),
    path("heartbeat", Heartbeat.as_view()),
    path("services", Services.as_view()),
    path("services/<str:service_id>", OneService.as_view()),
    path("endpoint/<str:service_id>", Endpoint.as_view()),
    path("config", Config.as_view()),
    path("cleanup", Cleanup.as_view()),
    path("restart", Restart.as_view()),
    path("restart/take", TakeRestarts.as_view()),
    path("restart/report", ReportRestart.as_view()),
]
