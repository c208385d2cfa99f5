"""`POST /api/v1/changes/{change}/undo/`: undo a change, or show what that would do."""

from __future__ import annotations

import functools
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import Right, confines, may
from api.idempotency import Repeatable
from api.known_fields import KnownFields, checked
from api.problems import problem
from api.resources import refuse_unknown
from changes.undo import rights
from changes.undo.kinds import kinds
from changes.undo.plan import Plan
from changes.undo.verb import NotPossible, prepare, undo
from changes.undo.words import as_json
from core.history import origin

FLAGS = {"": True, "1": True, "true": True, "0": False, "false": False}


class UndoBody(KnownFields):
    """What the body may say."""

    with_later = serializers.BooleanField(
        required=False, help_text="Undo the later changes that stand in the way, too."
    )
    digest = serializers.CharField(
        required=False,
        max_length=64,
        help_text="Of the plan that was shown: nothing else than that is done.",
    )


class LaterSerializer(serializers.Serializer):
    change = serializers.CharField()
    who = serializers.CharField()
    at = serializers.DateTimeField()
    text = serializers.CharField()


class RefusalSerializer(serializers.Serializer):
    reason = serializers.CharField()
    later = LaterSerializer(many=True)


class ItemSerializer(serializers.Serializer):
    table = serializers.CharField()
    id = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    action = serializers.ChoiceField(["create", "change", "delete"])
    follows = serializers.BooleanField(help_text="It follows from other rows.")
    columns = serializers.DictField(help_text="By column: what it says now, and then.")
    text = serializers.CharField()


class PlanSerializer(serializers.Serializer):
    change = serializers.CharField()
    with_later = LaterSerializer(many=True)
    possible = serializers.BooleanField()
    digest = serializers.CharField()
    items = ItemSerializer(many=True)
    refusals = RefusalSerializer(many=True)
    left = serializers.ListField(child=serializers.CharField(), help_text="What is never undone.")
    undone_by = serializers.CharField(required=False, help_text="The change that the undo is.")


class MayUndo(BasePermission):
    """A caller who may change one kind of rows; the plan says which rights it needs."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return any(map(functools.partial(may, request), _rights()))


def _rights() -> list[Right]:
    found = []
    for kind in kinds().values():
        app, name = kind.table.split(".")
        for verb in rights.VERBS.values():
            found.append(Right(rights.scope_of(kind), f"{app}.{verb}_{name}"))
    return found


class UndoView(Repeatable, APIView):
    permission_classes = [MayUndo]

    @extend_schema(
        operation_id="changes_undo",
        request=UndoBody,
        parameters=[
            OpenApiParameter("dry_run", bool, description="Only answer with the plan."),
            OpenApiParameter("with_later", bool, description="As in the body."),
        ],
        responses=PlanSerializer,
        tags=["changes"],
        description="Undo a change, or one line of the log (`ipam.server:123`), all or nothing. "
        "409, with the plan and every reason, when a later change or a row forbids it.",
    )
    def post(self, request: Request, change: str) -> Response:
        refuse_unknown(request, "dry_run", "with_later")
        asked = checked(UndoBody, request)
        with_later = asked.get("with_later", False) or _flag(request, "with_later")
        caller = rights.Caller(functools.partial(may, request), confines(request))
        if _flag(request, "dry_run"):
            plan = prepare(change, with_later=with_later)
            rights.check(plan, caller)
            return Response(as_json(plan))
        return _undone(change, with_later, asked.get("digest", ""), caller)


def _undone(change: str, with_later: bool, digest: str, caller: rights.Caller) -> Response:
    check = functools.partial(rights.check, caller=caller)
    try:
        plan = undo(change, with_later=with_later, digest=digest, check=check)
    except NotPossible as error:
        return _refused(error.plan, error, caller)
    return Response({**as_json(plan), "undone_by": origin.current().change})


def _refused(plan: Plan, error: NotPossible, caller: rights.Caller) -> Response:
    rights.check(plan, caller)
    detail = error.message
    if not error.is_outdated:
        detail = plan.sentence
    status, body, headers = problem(409, detail, code="conflict", details={"plan": as_json(plan)})
    return Response(body, status, headers=headers, content_type="application/problem+json")


def _flag(request: Request, name: str) -> bool:
    """A switch of the query. Raises ValidationError."""
    value = request.query_params.get(name, "0").lower()
    if value not in FLAGS:
        raise exceptions.ValidationError({name: [_("Send 1 or 0.")]})
    return FLAGS[value]
