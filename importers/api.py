"""`POST /api/v1/imports/`: import the files of another system, or show what that would do."""

from __future__ import annotations

import functools
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import Access, Right, may
from api.known_fields import KnownFields, checked
from api.resources import refuse_unknown
from importers import rights
from importers.kinds import KINDS
from importers.plan import import_records
from importers.source import Source
from ipam.models import VRF, Subnet

_FLAGS = {"1": True, "true": True, "": True, "0": False, "false": False}


class ImportBody(KnownFields):
    """What the body may say."""

    kind = serializers.ChoiceField(list(KINDS))
    files = serializers.DictField(
        child=serializers.CharField(trim_whitespace=False, max_length=None),
        allow_empty=False,
        help_text="The texts of the files by their names.",
    )
    vrf = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="Empty: the global one."
    )


class ImportedRecordSerializer(serializers.Serializer):
    at = serializers.CharField(help_text="The place in the source: `file:line`.")
    kind = serializers.CharField()
    key = serializers.CharField()
    state = serializers.ChoiceField(["new", "same", "differs", "refused", "left out"])
    reasons = serializers.ListField(child=serializers.CharField())


class ImportOutcomeSerializer(serializers.Serializer):
    written = serializers.BooleanField()
    totals = serializers.DictField(child=serializers.IntegerField())
    counts = serializers.DictField(help_text="By kind and state.")
    records = ImportedRecordSerializer(many=True)


class ImportView(APIView):
    permission_classes = [Access]
    queryset = Subnet.objects.all()
    scope = "admin"
    confine = None

    @extend_schema(
        operation_id="imports_create",
        request=ImportBody,
        parameters=[OpenApiParameter("dry_run", bool, description="Only answer with the plan.")],
        responses=ImportOutcomeSerializer,
        tags=["imports"],
        description="Import the files of another system: what is new is written in one "
        "transaction, what differs stays as it is. 400 with the line for a damaged file.",
    )
    def post(self, request: Request) -> Response:
        refuse_unknown(request, "dry_run")
        asked = checked(ImportBody, request)
        files = {name: text.encode() for name, text in asked["files"].items()}
        records = KINDS[asked["kind"]].records(Source.of_uploads(files))
        if missing := rights.missing(records, functools.partial(_has, request)):
            raise exceptions.PermissionDenied(_("You lack these rights: %s.") % ", ".join(missing))
        outcome = import_records(records, apply=not _is_dry(request), vrf=_vrf(asked))
        return Response(outcome.as_json())


def _has(request: Request, permission: str) -> bool:
    return may(request, Right("admin", permission))


def _is_dry(request: Request) -> bool:
    value = request.query_params.get("dry_run", "0").lower()
    if value not in _FLAGS:
        raise exceptions.ValidationError({"dry_run": [_("Send 1 or 0.")]})
    return _FLAGS[value]


def _vrf(asked: dict[str, Any]) -> str:
    name: str = asked.get("vrf", "")
    if name and not VRF.objects.filter(name=name).exists():
        raise exceptions.ValidationError({"vrf": [_("There is no VRF %s.") % name]})
    return name
