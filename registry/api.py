"""`/api/v1/ipmanager/…`: the registry over HTTP, in the shapes of the service registry that this
one replaces.

Where the original told every caller 200, the status says what came of it; the bodies stay what they
were."""

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
from registry import configure, environments, restart
from registry import serializers as shapes
from registry.discovery.start_order import StartOrder, start_order
from registry.models import Call, RegistryConfig, RestartRequest, Service
from registry.services import deregister, heartbeat, simulate, unusual
from registry.services import register as verbs
from registry.services.callers import calling, check_speaker

SCOPE = "registry"
LONGEST_ID = 200
FINDS = Right(
    "read", "registry.view_service", other=SCOPE
)  # a service's own token finds the others


class View(APIView):
    """One route; `needs` is the right that each method wants."""

    needs: dict[str, Right] = {}
    serializer_class: type[Serializer] = Serializer
    config: RegistryConfig | None = None
    service_id = ""

    @property
    def action(self) -> str:
        return "get" if self.request.method == "HEAD" else (self.request.method or "").lower()

    @property
    def rights(self) -> dict[str, Right]:
        return self.needs

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.began = time.monotonic()
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, Token):
            unusual.token_used(request.auth, client_address(request))

    def environment(self, name: str, service_id: str = "") -> RegistryConfig:
        """The environment that is meant. A test environment may let callers wait or fail here."""
        self.config = environments.named(name)
        self.service_id = service_id[:LONGEST_ID].replace("\0", "?")  # an address may hold any text
        simulate.suffer(self.config, self.service_id)
        return self.config

    def speaking(self, name: str, service_id: str) -> RegistryConfig:
        """The same for a caller that acts for a service. Raises PermissionDenied when it may
        not."""
        config = self.environment(name, service_id)
        check_speaker(self.request, config, service_id)
        return config

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.config and self.config.mode == RegistryConfig.Mode.TEST:
            self._log(request, response)
        return response

    def _log(self, request: Request, response: Response) -> None:
        """In a test environment every call is remembered."""
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


# --- coming, living, going ------------------------------------------------------------------------


class Register(View):
    """A service comes."""

    needs = {"post": Right(SCOPE, "registry.add_service")}

    @extend_schema(
        request=shapes.RegisterSerializer,
        responses={
            201: shapes.RegisteredSerializer,
            200: shapes.RegisteredSerializer,
            409: shapes.RefusedSerializer,
            503: shapes.RefusedSerializer,
        },
        description="Get an address and a port: 201, or 200 with the same ones when the service is known. "
        "409: the port it insists on is taken; 503: every port it could have is.",
    )
    def post(self, request: Request) -> Response:
        wish = shapes.RegisterSerializer.wish(shapes.checked(shapes.RegisterSerializer, request))
        self.speaking(wish.environment, wish.service_id)
        try:
            given = verbs.register(wish, calling(request))
        except Conflict as error:
            return refused(error)
        more = {"heartbeat_interval": heartbeat.interval(given.service.environment)}
        return Response(
            shapes.registered(given, told(given), **more), status=200 if given.again else 201
        )


class Deregister(View):
    """A service goes."""

    needs = {"post": Right(SCOPE, "registry.delete_service")}

    @extend_schema(
        request=shapes.NamedSerializer,
        responses={200: shapes.DoneSerializer, 404: shapes.DoneSerializer},
    )
    def post(self, request: Request) -> Response:
        asked = shapes.checked(shapes.NamedSerializer, request)
        config = self.speaking(asked["environment"], asked["service_id"])
        if deregister.deregister(asked["service_id"], config.environment):
            return done(_("Service %s is deregistered.") % asked["service_id"])
        return unknown(asked["service_id"])


class Heartbeat(View):
    """A service lives."""

    needs = {"post": Right(SCOPE, "registry.change_service")}

    @extend_schema(
        request=shapes.HeartbeatSerializer,
        responses={200: shapes.BeatSerializer, 404: shapes.BeatSerializer},
        description="For one service, or for all that an agent looks after, by `service_ids`. 404: one of them is "
        "unknown, or was silent for so long that its port is gone. Register it again.",
    )
    def post(self, request: Request) -> Response:
        asked = shapes.checked(shapes.HeartbeatSerializer, request)
        config = self.environment(asked["environment"], asked["service_ids"][0])
        for service_id in asked["service_ids"]:
            check_speaker(request, config, service_id)
        missing = heartbeat.beat_many(
            asked["service_ids"], config.environment, calling(request).address
        )
        more = {"interval": heartbeat.interval(config), "unknown": sorted(missing)}
        if missing:
            return unknown(", ".join(sorted(missing)), **more)
        return done(_("Heartbeat noted."), **more)


# --- looking --------------------------------------------------------------------------------------


class Services(View):
    """All services of an environment."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.ServicesQuery],
        responses=shapes.ServiceSerializer(many=True),
        operation_id="services_list",
    )
    def get(self, request: Request) -> Response:
        asked = shapes.query(shapes.ServicesQuery, request)
        rows = Service.objects.of(self.environment(asked.pop("environment")).environment).matching(
            **asked
        )
        return Response(shapes.ServiceSerializer(rows, many=True).data)


class OneService(View):
    """One service."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.WhereQuery],
        responses={200: shapes.ServiceSerializer, 404: shapes.MissingSerializer},
    )
    def get(self, request: Request, service_id: str) -> Response:
        asked = shapes.query(shapes.WhereQuery, request)
        row = Service.objects.whole().named(
            self.environment(asked["environment"], service_id), service_id
        )
        if row is None:
            return Response(
                {"detail": f"Service {service_id} nicht gefunden"}, status=404
            )  # the original's words
        return Response(shapes.ServiceSerializer(row).data)


class Endpoint(View):
    """Where a service is reached."""

    needs = {"get": FINDS}

    @extend_schema(
        parameters=[shapes.EndpointQuery],
        responses={200: shapes.EndpointSerializer, 404: shapes.EndpointSerializer},
        description="Unknown services answer 200 with exists=false, or 404 with ?strict=1. `status` is there when it "
        "is not active. With ?dependencies=1 all that it needs, directly or not, in the order in which they start, and "
        "the ids of those that are `missing`; 409 when they need each other in a circle.",
    )
    def get(self, request: Request, service_id: str) -> Response:
        asked = shapes.query(shapes.EndpointQuery, request)
        row = Service.objects.whole().named(
            self.environment(asked["environment"], service_id), service_id
        )
        if row is None or row.port is None:
            return Response(
                {"endpoint": None, "exists": False}, status=404 if asked["strict"] else 200
            )
        flag = {} if row.status == Service.Status.ACTIVE else {"status": row.status}
        needs = shapes.start_order(self._order(row)) if asked["dependencies"] else {}
        return Response({"endpoint": row.endpoint, "exists": True} | flag | needs)

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
        config = environments.named(shapes.query(shapes.WhereQuery, request)["environment"])
        return Response(shapes.ConfigSerializer(config).data)

    @extend_schema(
        request=shapes.ChangeConfigSerializer,
        responses={200: shapes.ConfigSerializer, 201: shapes.ConfigSerializer},
        description="What is not said stays as it is; an environment that does not exist is made.",
    )
    def put(self, request: Request) -> Response:
        said = shapes.checked(shapes.ChangeConfigSerializer, request)
        config, made = configure.configure(environments.name_of(said.pop("environment")), said)
        return Response(shapes.ConfigSerializer(config).data, status=201 if made else 200)

    post = put

    @extend_schema(request=shapes.ChangeConfigSerializer, responses=shapes.ConfigSerializer)
    def patch(self, request: Request) -> Response:
        said = shapes.checked(shapes.ChangeConfigSerializer, request)
        config = environments.named(said.pop("environment"))
        return Response(
            shapes.ConfigSerializer(configure.configure(config.environment, said)[0]).data
        )

    @extend_schema(
        parameters=[shapes.WhereQuery],
        responses={204: None},
        description="A test environment, with its services.",
    )
    def delete(self, request: Request) -> Response:
        configure.discard(
            environments.named(shapes.query(shapes.WhereQuery, request)["environment"]).environment
        )
        return Response(status=204)


class Cleanup(View):
    """Forget services that have been silent for long."""

    needs = {"post": Right(SCOPE, "registry.delete_service")}

    @extend_schema(request=shapes.CleanupSerializer, responses=shapes.CleanedSerializer)
    def post(self, request: Request) -> Response:
        asked = shapes.merged(shapes.CleanupSerializer, request)
        config = self.environment(asked["environment"])
        if isinstance(request.auth, Token) and request.auth.services:
            raise exceptions.PermissionDenied(_("This token speaks for some services only."))
        number = deregister.clean_up(config.environment, asked["timeout_minutes"])
        return Response({"cleaned_services_count": number})


# --- restarts -------------------------------------------------------------------------------------


class Restart(View):
    """Restarts of services."""

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
        asked = shapes.query(shapes.RestartsQuery, request)
        named = [asked["service_id"]] if asked["service_id"] else []
        rows = RestartRequest.objects.of_services(
            self.environment(asked["environment"]).environment, named
        )
        return Response(
            shapes.RestartSerializer(rows.select_related("service")[:100], many=True).data
        )

    @extend_schema(
        request=shapes.AskRestartSerializer,
        responses={
            201: shapes.RestartSerializer,
            200: shapes.RestartSerializer,
            404: shapes.DoneSerializer,
        },
        description="Want a service restarted by the agent on its host: 201, or 200 when that is wanted already. 400: "
        "its restart_script is no key of the allow-list; 409: too often.",
    )
    def post(self, request: Request) -> Response:
        asked = shapes.checked(shapes.AskRestartSerializer, request)
        config = self.speaking(asked["environment"], asked["service_id"])
        service = (
            Service.objects.whole()
            .select_related("restart_script")
            .named(config, asked["service_id"])
        )
        if service is None:
            return unknown(asked["service_id"])
        restart.check_key(service, asked.get("restart_script"))
        caller = calling(request)
        wanted = restart.ask(service, caller.name, caller.person)
        return Response(
            shapes.RestartSerializer(wanted.request).data, status=200 if wanted.again else 201
        )


class TakeRestarts(View):
    """What an agent is to do now."""

    needs = {"post": Right(SCOPE, "registry.change_restartrequest")}

    @extend_schema(request=shapes.AgentSerializer, responses=shapes.RestartSerializer(many=True))
    def post(self, request: Request) -> Response:
        asked = shapes.checked(shapes.AgentSerializer, request)
        config = self.environment(asked["environment"])
        for service_id in asked["service_ids"]:
            check_speaker(request, config, service_id)
        rows = restart.take(config.environment, asked["service_ids"], asked["agent"])
        return Response(shapes.RestartSerializer(rows, many=True).data)


class ReportRestart(View):
    """What came of a restart."""

    needs = {"post": Right(SCOPE, "registry.change_restartrequest")}

    @extend_schema(request=shapes.ReportSerializer, responses=shapes.RestartSerializer)
    def post(self, request: Request) -> Response:
        asked = shapes.checked(shapes.ReportSerializer, request)
        service = restart.service_of(asked["id"])
        check_speaker(request, service.environment, service.service_id)
        row = restart.report(asked.pop("id"), asked.pop("result"), **asked)
        return Response(shapes.RestartSerializer(row).data)


# --- what they share ------------------------------------------------------------------------------


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


def unknown(service_id: str, **more: Any) -> Response:
    message = _("Service %s is not registered.") % service_id
    return Response({"success": False, "message": message} | more, status=404)


def refused(error: IPManagerError) -> Response:
    """A registration that failed, as the original says it; `detail` for those who read problem
    documents."""
    body = {
        "ip": "0.0.0.0",
        "port": 0,
        "status": "error",
        "message": error.message,
        "detail": error.message,
    }
    return Response(body | ({"hint": error.hint} if error.hint else {}), status=error.status)


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
