"""Domain errors become answers here, once, for pages and API alike."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from scenes.clouds.cloud import CloudError
from scenes.errors import ConflictError, MissingError, NotAllowedError, RefusedError, TooLargeError
from scenes.filters import known_parameters

DOMAIN_ERRORS: dict[type[Exception], int] = {
    CloudError: 400,
    ValidationError: 400,
    RefusedError: 400,
    NotAllowedError: 403,
    ConflictError: 409,
    MissingError: 404,
    TooLargeError: 413,
}
# Addresses that scripts read: they are answered with an object, never with a page.
FOR_SCRIPTS = ("/api/", "/files/")


LONGEST_DETAIL = 1000


def domain_status(error: Exception) -> int | None:
    return next((status for kind, status in DOMAIN_ERRORS.items() if isinstance(error, kind)), None)


def words(error: Exception) -> str:
    return "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)


class DomainErrorMiddleware:
    """A domain error on a page answers with its status and its words instead of a server error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        status = domain_status(error)
        if status is None:
            return None
        if request.path.startswith(FOR_SCRIPTS):
            return JsonResponse(error_body(error), status=status)
        return render(request, "error.html", {"status": status, "words": words(error)}, status=status)


def error_body(error: Exception) -> dict[str, Any]:
    """A domain error as an object: `detail` in words, the remedy apart where the error has one, and its facts."""
    remedy = {"remedy": error.remedy} if isinstance(error, CloudError) else {}
    return {"detail": words(error), **remedy, **getattr(error, "facts", {})}


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every error of the API has an object as its body, in which `detail` says it in words."""
    status = domain_status(error)
    if status is not None:
        return Response({"detail": words(error), **getattr(error, "facts", {})}, status=status)
    response = exception_handler(error, context)
    if response is not None:
        response.data = _error_body(response.data)
    return response


def _error_body(said: Any) -> dict[str, Any]:
    """Refused fields are told in words, too; what was said of each of them stands under `fields`."""
    if isinstance(said, dict) and "detail" not in said:
        return {"detail": _sentence(said)[:LONGEST_DETAIL], "fields": said}
    body = said if isinstance(said, dict) else {"detail": said}
    return {**body, "detail": _sentence(body["detail"])[:LONGEST_DETAIL]}


def _sentence(said: Any) -> str:
    """`{"name": ["Too long."], "files": [{}, {"size": ["No number."]}]}` as "name: Too long. files: 1: size: ..."."""
    if isinstance(said, dict):
        return " ".join(f"{name}: {_sentence(words)}" for name, words in said.items() if words)
    if isinstance(said, list) and any(isinstance(part, dict) for part in said):
        return _sentence(dict(enumerate(said)))
    return " ".join(map(_sentence, said)) if isinstance(said, list) else str(said)


class StrictFilterBackend(DjangoFilterBackend):
    """Refuses parameters that no filter knows, so that a typo is not a filter that silently matches all."""

    ALWAYS_KNOWN = frozenset({"cursor", "page_size", "format"})

    def filter_queryset(self, request: Any, queryset: Any, view: APIView) -> Any:
        filterset = self.get_filterset(request, queryset, view)
        known = known_parameters(filterset) if filterset else set()
        unknown = sorted(set(request.query_params) - known - self.ALWAYS_KNOWN)
        if unknown:
            raise exceptions.ValidationError(
                {"detail": f"Unknown parameters: {', '.join(unknown)}.", "known": sorted(known)}
            )
        return super().filter_queryset(request, queryset, view)


class ErrorBody(serializers.Serializer):
    """The body of every error answer. `fields`: what was said of each refused field, where the body was refused."""

    detail = serializers.CharField()
    fields = serializers.DictField(required=False)  # type: ignore[assignment]


def _told(request: HttpRequest, status: int, said: str) -> HttpResponse:
    """A page for people; for scripts an object, also where no view of the API was reached."""
    if request.path.startswith(FOR_SCRIPTS):
        return JsonResponse({"detail": said}, status=status)
    return render(request, "error.html", {"status": status, "words": said}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return _told(request, 400, "The request could not be understood.")
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _told(request, 403, "Your account may not see this. Ask an administrator for the right role.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _told(request, 404, "There is nothing at this address. It may have been removed, or the link is mistyped.")


def server_error(request: HttpRequest) -> HttpResponse:
    return _told(request, 500, "Something broke on our side. The failure is logged; trying again may help.")
