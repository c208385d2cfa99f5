"""nginx asks here, before it accepts the body of a request, whether it knows the caller
(deploy/nginx/ipmanager.conf, auth_request)."""

from __future__ import annotations

import re

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import Right, may
from dhcp.models import AgentToken
from dhcp.remote.tokens import AgentAuthentication, IsAgent

UPLOADS = re.compile(r"/admin/pxe/bootfile/|/api/v1/boot-files/[0-9]+/content/")
AGENTS = "/api/v1/dhcp/agent/"
RIGHTS = (Right("boot", "pxe.change_bootfile"), Right("boot", "pxe.add_bootfile"))


@extend_schema(exclude=True)
class MaySend(APIView):
    """204 when the caller may send a large body, 401 or 403 when not. Boot files are for callers
    who may change them, other large bodies for everybody who is known. The view that gets the
    request still decides by itself."""

    authentication_classes = (AgentAuthentication, *APIView.authentication_classes)
    permission_classes = (IsAuthenticated | IsAgent,)

    def get(self, request: Request) -> Response:
        uri = request.headers.get("X-Original-URI", "")
        if isinstance(request.auth, AgentToken) and not uri.startswith(AGENTS):
            raise PermissionDenied
        method = request.headers.get("X-Original-Method", "")
        is_upload = UPLOADS.match(uri) and method not in SAFE_METHODS
        if is_upload and not any(may(request, right) for right in RIGHTS):
            raise PermissionDenied
        return Response(status=204)
