"""The routes of the agents below /api/v1/dhcp/agent/. They know nothing but the token of the one
DHCP server that it belongs to; nothing in a request names another one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import web_process
from core.web_process import LONGEST_WAIT, TooManyWaiting, waiting_place
from dhcp.files.records import Files
from dhcp.host.inspection import MOST
from dhcp.models import DhcpServer, DnsmasqHeartbeat
from dhcp.remote import offer, reports
from dhcp.remote.offer import Offer
from dhcp.remote.tokens import AgentAuthentication, IsAgent

POLL = 0.3  # seconds between two looks at the ledger's changes
MOST_TEXT = 8 * 2**20  # characters of a file
MOST_LINES = 20_000  # of a log, in one report
LONGEST_LINE = 2**14
_HALF = re.compile("[\ud800-\udfff]")


def _text(longest: int, **more: Any) -> serializers.CharField:
    return serializers.CharField(max_length=longest, allow_blank=True, **more)


def _file() -> serializers.CharField:
    return _text(MOST_TEXT, trim_whitespace=False)


class AgentPlaceSerializer(serializers.Serializer):
    """Where the agent's files are: the proposed configuration names the directory."""

    directory = serializers.RegexField(r"^/[A-Za-z0-9/._+-]{1,200}\Z")


class AgentAskSerializer(AgentPlaceSerializer):
    wait = serializers.FloatField(min_value=0, default=0)
    force = serializers.BooleanField(default=False)


class AgentResultSerializer(AgentPlaceSerializer):
    """Files were put in place, or could not be (`reason`)."""

    etag = _text(64, required=False, default="")
    confirmed = serializers.BooleanField(allow_null=True, default=None)
    reason = _text(500, required=False, default="")


class AgentEditsSerializer(AgentPlaceSerializer):
    """The files as somebody has edited them."""

    hosts = _file()
    opts = _file()
    names = _text(MOST_TEXT, trim_whitespace=False, required=False, default="")


class AgentLookSerializer(serializers.Serializer):
    state = serializers.ChoiceField(DnsmasqHeartbeat.State.choices)
    detail = _text(500)
    seconds = serializers.FloatField(min_value=0, max_value=10**8)  # since the state began


class AgentInspectionSerializer(serializers.Serializer):
    findings = serializers.ListField(max_length=MOST)
    process = serializers.DictField()


class AgentLogSerializer(serializers.Serializer):
    """Lines after a position, or neither: the agent asks where to begin."""

    name = _text(300)
    problem = _text(300, required=False, default="")
    before = serializers.JSONField(allow_null=True, default=None)
    after = serializers.JSONField(required=False, allow_null=True)
    lost = _text(300, required=False, default="")
    lines = serializers.ListField(required=False, default=list, max_length=MOST_LINES)

    def validate_lines(self, lines: list[Any]) -> list[Any]:
        if all(map(_is_line, lines)):
            return lines
        raise serializers.ValidationError("each is a time, a program and a message")


class AgentReportSerializer(serializers.Serializer):
    """What an agent says of its host. Parts that have not changed are left out."""

    host = _text(255)
    version = _text(50)
    clock = serializers.FloatField(min_value=-(10**11), max_value=10**11)  # seconds since 1970
    conf_installed = serializers.BooleanField(allow_null=True, default=None)
    conf_detail = _text(500, required=False, default="")
    heartbeat = AgentLookSerializer(required=False)
    inspection = AgentInspectionSerializer(required=False)
    leases = _text(MOST_TEXT, required=False, trim_whitespace=False)
    log = AgentLogSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """No database takes a NUL or half a character; the text of its escape is another thing."""
        loose = json.dumps([attrs.get("inspection"), attrs.get("log")], ensure_ascii=False)
        if "\\u0000" in loose.replace(r"\\", ""):
            raise serializers.ValidationError("a NUL character")
        if _HALF.search(loose):
            raise serializers.ValidationError("half a character")
        return attrs


def _is_line(line: Any) -> bool:
    if not isinstance(line, list) or len(line) != 3 or not isinstance(line[0], int | float):
        return False
    return all(isinstance(text, str) and len(text) <= LONGEST_LINE for text in line[1:])


class AgentView(APIView):
    """One question of an agent. Raises Conflict when no agent may serve its server any more."""

    authentication_classes = (AgentAuthentication,)
    permission_classes = (IsAgent,)

    def server(self) -> Any:
        """The DHCP server of the token."""
        token: Any = self.request.auth  # an AgentToken, by IsAgent
        offer.check_server(token.server)
        return token.server

    def asked(self, kind: type[serializers.Serializer], data: Any) -> Any:
        shape = kind(data=data)
        shape.is_valid(raise_exception=True)
        found = dict(shape.validated_data)
        if "directory" in found:
            found["directory"] = Path(found["directory"])
        return found


@extend_schema(exclude=True)
class FilesView(AgentView):
    """The files that are to be in place. With `If-None-Match` and `wait` the answer comes when they
    change, or after that time as 304."""

    def get(self, request: Request) -> Response:
        server, asked = self.server(), self.asked(AgentAskSerializer, request.query_params)
        have = request.headers.get("If-None-Match", "").strip('"')
        found = offer.make(server, asked["directory"], force=asked["force"])
        if found.etag == have and not found.pending and asked["wait"]:
            found = _wait(server, asked, found)
        headers = {"ETag": f'"{found.etag}"', "X-Pending-Changes": str(found.pending)}
        if found.etag == have:
            return Response(status=304, headers=headers)
        return Response(found.as_json(), headers=headers)


def _wait(server: DhcpServer, asked: Mapping[str, Any], first: Offer) -> Offer:
    """The files after the next change of the ledger, or those that there are when the time is
    over. Where too many wait already, it answers at once."""
    deadline = time.monotonic() + min(asked["wait"], LONGEST_WAIT)
    try:
        with waiting_place():
            while not offer.mark(server):
                if time.monotonic() >= deadline or web_process.is_ending():
                    return first
                time.sleep(POLL)
    except TooManyWaiting:
        return first
    return offer.make(server, asked["directory"], force=asked["force"])


@extend_schema(exclude=True)
class ResultView(AgentView):
    """What became of the files."""

    def post(self, request: Request) -> Response:
        server, said = self.server(), self.asked(AgentResultSerializer, request.data)
        if said["reason"]:
            outcome = offer.failed(server, said["directory"], said["reason"])
            return Response({"recorded": False, "generation": outcome.generation})
        done = offer.applied(server, said["directory"], said["etag"], said["confirmed"])
        if done is None or not done.good:
            return Response({"recorded": False, "generation": None})
        return Response({"recorded": True, "generation": done.generation})


@extend_schema(exclude=True)
class EditsView(AgentView):
    """Somebody has edited the files on the agent's host."""

    def post(self, request: Request) -> Response:
        server, said = self.server(), self.asked(AgentEditsSerializer, request.data)
        hosts, opts, names = (said[name].encode() for name in ("hosts", "opts", "names"))
        on_disk = Files(hosts, opts, names=names)
        return Response({"open": offer.edited(server, said["directory"], on_disk)})


@extend_schema(exclude=True)
class ReportView(AgentView):
    """Heartbeat, leases, log, findings, configuration and clock."""

    def post(self, request: Request) -> Response:
        server, said = self.server(), self.asked(AgentReportSerializer, request.data)
        return Response(reports.store(server, said))


ROUTES = {
    "dhcp/agent/files/": FilesView,
    "dhcp/agent/result/": ResultView,
    "dhcp/agent/edits/": EditsView,
    "dhcp/agent/report/": ReportView,
}
