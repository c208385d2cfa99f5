"""`/api/v1/events/`: what has happened, as a list or as a stream."""

from __future__ import annotations

import copy
import re
from typing import Any

from django.contrib.auth import get_user
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import Access, Right, confines, may
from api.confinement import visible
from api.models import Network
from api.pagination import MAX_SIZE, SIZE
from api.resources import refuse_unknown
from events.event_json import as_json
from events.filters import LARGEST_KEY, Filter, FilterQuery
from events.kinds import KINDS
from events.models import Event
from events.querysets import EventQuerySet
from events.stream import Stream
from ipam.models import Subnet

SCOPE = "read"
LAST = "Last-Event-ID"
_NUMBER = re.compile("[0-9]{1,18}", re.ASCII)


class EventStreamRenderer(BaseRenderer):
    """Chosen by `Accept: text/event-stream`. Errors are JSON all the same."""

    media_type = "text/event-stream"
    format = "stream"
    charset = None

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return JSONRenderer().render(data)


class MayRead(Access):
    """Who may view the subjects of any kind of event."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        permissions = {kind.permission for kind in KINDS.values() if kind.permission}
        return any(may(request, Right(SCOPE, name)) for name in sorted(permissions))


class EventsQuery(FilterQuery):
    after = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=LARGEST_KEY,
        help_text="Events after this one, the oldest first. In a stream like Last-Event-ID.",
    )
    before = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=LARGEST_KEY,
        help_text="Events before this one, the newest first.",
    )
    page_size = serializers.IntegerField(default=SIZE, min_value=1, max_value=MAX_SIZE)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if "after" in values and "before" in values:
            raise serializers.ValidationError({"after": _("Use only one of after and before.")})
        return values


class HappeningSubjectSerializer(serializers.Serializer):
    model = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    url = serializers.CharField(help_text="Its page; empty if there is none.")


class HappeningSerializer(serializers.Serializer):
    """One event. It is never changed, and has the same id whenever it is delivered."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=sorted(KINDS))
    subject = HappeningSubjectSerializer()
    vrf = serializers.IntegerField(allow_null=True)
    subnet = serializers.IntegerField(allow_null=True)
    ip_address = serializers.CharField(allow_null=True)
    network = serializers.CharField(allow_null=True)
    site = serializers.CharField()
    by = serializers.CharField(help_text="Who has made the change; empty for what was seen.")
    change = serializers.CharField(help_text="The change that it is part of, or empty.")
    data = serializers.DictField(  # type: ignore[assignment]
        help_text="By its kind: see docs/events.md."
    )


class HappeningsSerializer(serializers.Serializer):
    next = serializers.CharField(allow_null=True, help_text="The page that follows in this order.")
    results = HappeningSerializer(many=True)


EXAMPLE = OpenApiExample(
    "An address was given to a virtual machine",
    value={
        "next": None,
        "results": [
            {
                "id": 5123,
                "at": "2026-11-30T17:33:45.120000+00:00",
                "kind": "address.allocated",
                "subject": {
                    "model": "ipam.ipaddress",
                    "id": "812",
                    "name": "10.0.0.17",
                    "url": "https://ipam.example.org/admin/ipam/ipaddress/812/change/",
                },
                "vrf": None,
                "subnet": 4,
                "ip_address": "10.0.0.17",
                "network": None,
                "site": "berlin",
                "by": "ci (provisioning)",
                "change": "0e8e6a1c7e0e4f60a0a1f9d8c1b2a3d4",
                "data": {
                    "status": "allocated",
                    "was": "available",
                    "ip_type": "static",
                    "hostname": "vm-17",
                    "mac_address": None,
                    "server_id": None,
                    "vm_id": "vm-17",
                },
            }
        ],
    },
    response_only=True,
    media_type="application/json",
)


class Events(APIView):
    """Events, newest first; with `after` the oldest first. With `Accept: text/event-stream` as
    Server-Sent Events: a stream begins at the present, or behind the event that `Last-Event-ID`
    names. It ends after a minute; connect again with the last id. An event `reset` says that older
    events are kept no longer. 503 with Retry-After: too many callers are waiting already."""

    permission_classes = [MayRead]
    renderer_classes = [JSONRenderer, EventStreamRenderer]
    scope = SCOPE
    action = "get"

    def confine(self, rows: EventQuerySet, networks: list[Network]) -> EventQuerySet:
        return visible(rows, networks)  # type: ignore[return-value]

    @extend_schema(
        operation_id="events_list",
        parameters=[
            EventsQuery,
            OpenApiParameter(
                LAST,
                OpenApiTypes.INT64,
                OpenApiParameter.HEADER,
                description="Of a stream: the id of the last event that was seen.",
            ),
        ],
        responses={
            (200, "application/json"): HappeningsSerializer,
            (200, "text/event-stream"): OpenApiResponse(
                OpenApiTypes.STR, "Parts with `id`, `event` (the kind) and `data` (as in the list)."
            ),
        },
        examples=[EXAMPLE],
    )
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        values = _validated(request)
        chosen = Filter.of(values)
        if request.accepted_renderer.format == EventStreamRenderer.format:
            return self._stream(request, chosen, _last_event(request, values))
        return self._list(request, chosen, values)

    def _list(self, request: Request, chosen: Filter, values: dict[str, Any]) -> Response:
        rows, size = self.chosen(request, chosen), values["page_size"]
        if "after" in values:
            found = list(rows.after(values["after"])[: size + 1])
            name = "after"
        else:
            if "before" in values:
                rows = rows.filter(pk__lt=values["before"])
            found, name = list(rows.order_by("-pk")[: size + 1]), "before"
        link = _link(request, name, found[size - 1].pk) if len(found) > size else None
        return Response({"next": link, "results": list(map(as_json, found[:size]))})

    def _stream(self, request: Request, chosen: Filter, last: int | None) -> StreamingHttpResponse:
        def rows() -> EventQuerySet | None:
            fresh = self._still(request)
            return None if fresh is None else self.chosen(fresh, chosen)

        response = StreamingHttpResponse(
            Stream(rows, last), content_type=EventStreamRenderer.media_type
        )
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"  # nginx must not collect the parts
        return response

    def chosen(self, request: Request, chosen: Filter) -> EventQuerySet:
        """What the caller of this request has chosen of what they may see."""
        networks = confines(request)
        rows = EventQuerySet(Event).readable_by(request.user)
        if networks:
            rows = self.confine(rows, networks)
        return chosen.choose(rows, visible(Subnet.objects.all(), networks))

    def _still(self, request: Request) -> Request | None:
        """The request with what the database says of its caller now; None if it is refused now."""
        http = copy.copy(request._request)
        if hasattr(http, "session"):
            http.session = type(http.session)(http.session.session_key)
            http.user = get_user(http)
        fresh = self.initialize_request(http)
        try:
            self.perform_authentication(fresh)
            self.check_permissions(fresh)
        except exceptions.APIException:
            return None
        return fresh


def _validated(request: Request) -> dict[str, Any]:
    refuse_unknown(request, *EventsQuery().fields)
    query = EventsQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    return query.validated_data


def _last_event(request: Request, values: dict[str, Any]) -> int | None:
    """The number of the header, else of `after`."""
    text = request.headers.get(LAST, "")
    if not text:
        return values.get("after")
    if not _NUMBER.fullmatch(text):
        raise exceptions.ValidationError({LAST: [_("It is the id of an event: a number.")]})
    return int(text)


def _link(request: Request, name: str, number: int) -> str:
    query = request.query_params.copy()
    query[name] = str(number)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


SINGLE = {"events/": Events}
