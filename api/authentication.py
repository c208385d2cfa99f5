"""Authentication of API callers: `Authorization: Bearer TOKEN` (RFC 6750)."""

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from api.models import Token
from api.security.tokens import note_token
from core.proxies import client_address, client_network

ACCEPTED = "_ipmanager_token_accepted"  # attribute of a request whose token is accepted


class TokenAuthentication(KnoxAuthentication):
    """Knox's tokens, found by their hash in one query and accepted only from their networks."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, Token] | None:
        found = super().authenticate(request)
        if found:
            token = found[1]
            if not token.accepts(client_address(request)):
                raise AuthenticationFailed(_("This token may not be used from your address."))
            token.note_use()
            note_token(token, client_network(request), client_address(request))
            setattr(getattr(request, "_request", request), ACCEPTED, True)
        return found

    def authenticate_credentials(self, token: bytes) -> tuple[AbstractBaseUser, Token]:
        # Knox deletes expired tokens here; ours stay, so that the admin shows why a caller is
        # refused.
        held = Token.objects.holding(token.decode("latin-1"))
        if held is None:
            raise AuthenticationFailed(_("Unknown token."))
        if held.expired:
            raise AuthenticationFailed(_("This token has expired."))
        return self.validate_user(held)
