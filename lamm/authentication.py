"""API tokens: how a script says who it is, in the API and where the API's answers point to."""

import re
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from knox.auth import TokenAuthentication
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS

from scenes import services
from scenes.models import ApiToken, TokenScope

SCHEMES = (b"bearer", b"token")
VALUE = re.compile(rb"lamm_[0-9a-f]{64}")
REFUSED = "This token is not valid: it was revoked, has expired, is mistyped, or its owner's account is disabled."
READS_ONLY = "This token may only read. Make one that reads and writes on the page API tokens."


class ApiTokenAuthentication(TokenAuthentication):
    """`Authorization: Bearer <token>` or `Authorization: Token <token>`.

    The answer is the same for every reason to refuse a token. A token that may only read is refused here, before
    any view could forget it.
    """

    def authenticate(self, request: Any) -> tuple[Any, ApiToken] | None:
        scheme, _, value = get_authorization_header(request).partition(b" ")
        if scheme.lower() not in SCHEMES:
            return None
        value = value.strip()
        if not VALUE.fullmatch(value):
            raise AuthenticationFailed(REFUSED)
        try:
            person, token = self.authenticate_credentials(value)
        except AuthenticationFailed as error:
            raise AuthenticationFailed(REFUSED) from error
        if token.scope != TokenScope.WRITE and request.method not in SAFE_METHODS:
            raise PermissionDenied(READS_ONLY)
        services.note_use(token=token)
        return person, token

    def authenticate_header(self, request: Any) -> str:
        return "Bearer"

    def _cleanup_token(self, auth_token: ApiToken) -> bool:
        """Whether the token is to be skipped. The library deletes expired ones; here their owner still sees them."""
        return auth_token.expired


class TokensForFilesMiddleware:
    """Files are no part of the API but linked by its answers: the same tokens open them."""

    PREFIX = "/files/"

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(self.PREFIX):
            try:
                found = ApiTokenAuthentication().authenticate(request)
            except APIException as error:
                headers = {"WWW-Authenticate": "Bearer"} if error.status_code == 401 else {}
                return JsonResponse({"detail": str(error.detail)}, status=error.status_code, headers=headers)
            if found:
                request.user = found[0]
        return self.get_response(request)
