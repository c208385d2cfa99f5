"""GET /api/v1/who-had/."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import Right, confines
from api.confinement import lies_in, refuse_unless
from api.resources import refuse_unknown
from changes.who_had.asker import Question, sees


class StatementSerializer(serializers.Serializer):
    """What one source says."""

    source = serializers.CharField(  # type: ignore[assignment]
        help_text="ledger, lease, dhcp_log, file, arp, ping, …"
    )
    text = serializers.CharField()
    evidence = serializers.CharField(help_text="Where that stands.")


class WhoHadSerializer(serializers.Serializer):
    """With `at`: the answer. Without: `holders` and `leases`, newest first; `older` is what
    `before` of the next page is."""

    ip = serializers.CharField()
    vrf = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField(required=False)
    sentence = serializers.CharField(required=False)
    holder = serializers.DictField(required=False, allow_null=True)
    place = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="Of an address that nobody held: whether it was free, its subnet and its pool.",
    )
    lease = serializers.DictField(required=False, allow_null=True)
    dhcp = serializers.DictField(required=False, allow_null=True)
    statements = StatementSerializer(many=True, required=False)
    disagreements = serializers.ListField(child=serializers.CharField(), required=False)
    unknown = serializers.ListField(child=serializers.CharField(), required=False)
    holders = serializers.ListField(child=serializers.DictField(), required=False)
    leases = serializers.ListField(child=serializers.DictField(), required=False)
    older = serializers.DateTimeField(required=False, allow_null=True)


class WhoHadView(APIView):
    """Who had this address at that time?"""

    rights = {"get": Right("read", "ipam.view_ipaddress")}
    action = "get"
    confine = "by the address"  # a token for some networks may ask for their addresses

    @extend_schema(
        parameters=[
            OpenApiParameter("ip", str, required=True),
            OpenApiParameter("at", str, description="2026-11-29T14:00Z, 2026-11-29 or -2h."),
            OpenApiParameter("vrf", str, description="A VRF's key or name; empty: the global one."),
            OpenApiParameter("before", str, description="Without `at`: only those until then."),
        ],
        responses=WhoHadSerializer,
        operation_id="who_had",
    )
    def get(self, request: Request) -> Response:
        """What ledger, leases, sightings and DHCP files say, each with its evidence."""
        refuse_unknown(request, "ip", "at", "vrf", "before")
        question, networks = Question.of(request.query_params), confines(request)
        if networks:
            refuse_unless(question.vrf is None and lies_in(question.ip, networks), networks)
        allowed = sees(request.user, question, networks)
        if question.at:
            return Response(question.answer(allowed).as_json())
        return Response(question.timeline(allowed))


ROUTES = {"who-had/": WhoHadView}
